"""What every step promises, tried on every step's examples."""

import copy
import dataclasses
import pickle

import pytest
import torch

import recon.preprocess
from recon.files import Item
from recon.preprocess import Step

STEPS = [getattr(recon.preprocess, name) for name in recon.preprocess.__all__ if name != "Step"]
EXAMPLES = [pytest.param(*pair, id=f"{cls.__name__}-{i}") for cls in STEPS for i, pair in enumerate(cls.examples())]


def same(a, b):
    """Whether two items hold equal arrays and equal words."""
    arrays = [{"data": i.data, **i.aux, **({} if i.truth is None else {"truth": i.truth})} for i in (a, b)]
    words = [(i.id, i.source, i.units, dict(i.meta)) for i in (a, b)]
    equal = arrays[0].keys() == arrays[1].keys() and all(torch.equal(arrays[0][k], arrays[1][k]) for k in arrays[0])
    return equal and words[0] == words[1]


@pytest.mark.parametrize(("step", "item"), EXAMPLES)
def test_the_item_and_the_step_stay_as_they_are(step, item):
    before, settings = copy.deepcopy(item), copy.deepcopy(step)
    first = step(item)
    assert isinstance(first, Item)
    assert same(item, before)
    assert step == settings
    assert same(first, step(item))
    assert not same(first, item)


@pytest.mark.parametrize(("step", "item"), EXAMPLES)
def test_pickling(step, item):
    assert same(pickle.loads(pickle.dumps(step))(item), step(item))


@pytest.mark.parametrize(("step", "item"), EXAMPLES)
def test_single_precision_stays_single(step, item):
    assert step(item).data.dtype == item.data.dtype


@pytest.mark.parametrize("cls", STEPS, ids=lambda cls: cls.__name__)
def test_steps_are_frozen_and_named(cls):
    assert issubclass(cls, Step)
    assert cls.names
    assert cls.__dataclass_params__.frozen
    for field in dataclasses.fields(cls):
        assert field.default_factory is dataclasses.MISSING
