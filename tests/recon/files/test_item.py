"""Items are replaced, never changed; references read late and pickle."""

import pickle

import numpy as np
import pytest
import torch

from recon.files import DataError, Item, Numpy


def item():
    return Item("a", "a.h5", torch.ones(2, 3), {"angles": torch.zeros(2)}, truth=torch.zeros(4), meta={"scale": 4.0})


def test_changed_adds_to_aux_and_meta_and_leaves_the_original():
    before = item()
    after = before.changed(data=torch.zeros(1), aux={"mask": torch.ones(1)}, meta={"floored": 2})
    assert set(before.aux) == {"angles"}
    assert before.meta == {"scale": 4.0}
    assert before.data.shape == (2, 3)
    assert set(after.aux) == {"angles", "mask"}
    assert after.meta == {"scale": 4.0, "floored": 2}
    assert after.data.shape == (1,)
    assert after.truth is before.truth


def test_with_arrays_sorts_roles_into_their_places():
    after = item().with_arrays({"data": torch.ones(7), "truth": torch.ones(8), "angles": torch.ones(9)})
    assert (after.data.numel(), after.truth.numel(), after.aux["angles"].numel()) == (7, 8, 9)


def test_missing_role_says_what_there_is():
    with pytest.raises(DataError) as caught:
        item().array("flats")
    assert str(caught.value) == "a.h5 has no 'flats'; it has data, truth, angles; name its dataset in input.keys."


def test_restored_divides_by_the_scale():
    assert torch.equal(item().restored(torch.full((2,), 8.0)), torch.full((2,), 2.0))
    image = torch.ones(2)
    assert Item("a", "a", image).restored(image) is image


def test_references_pickle_and_read_only_when_loaded(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.arange(6.0).reshape(2, 3))
    (reference,) = Numpy(str(path)).items()
    copy = pickle.loads(pickle.dumps(reference))
    assert copy == reference
    np.save(path, np.full((2, 3), 7.0))
    assert torch.equal(copy.load().data, torch.full((2, 3), 7.0, dtype=torch.float64))
    assert reference.files == (path,)


def test_representation_shows_shapes_not_numbers():
    assert repr(item()) == "Item('a', data=(2, 3), truth=(4,), angles=(2,))"
