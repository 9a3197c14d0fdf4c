"""Angles end up in radians, one a projection."""

from math import pi

import pytest
import torch

from recon.files import DataError, Item
from recon.preprocess import Angles


def scan(angles=None, shape=(4, 5)):
    return Item("a", "a.h5", torch.zeros(shape), {} if angles is None else {"angles": torch.tensor(angles)})


def test_degrees_become_radians_in_double_precision():
    out = Angles()(scan([0.0, 45.0, 90.0, 135.0]))
    assert out.aux["angles"].dtype == torch.float64
    assert torch.allclose(out.aux["angles"], torch.arange(4).double() * pi / 4)
    assert out.meta["angles_unit"] == "rad"


def test_radians_stay():
    assert torch.equal(Angles("rad")(scan([0.0, 1, 2, 3])).aux["angles"], torch.arange(4.0).double())


def test_even_angles_leave_out_the_end():
    out = Angles(start=0.0, stop=180.0)(scan([9.0]))
    assert torch.allclose(out.aux["angles"], torch.arange(4).double() * pi / 4)
    back = Angles("rad", start=0.0, stop=-pi, axis=-1)(scan(shape=(2, 3)))
    assert torch.allclose(back.aux["angles"], -torch.arange(3).double() * pi / 3)


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        (scan(), "a.h5 has no 'angles'; it has data; name its dataset in input.keys."),
        (scan([0.0, 1.0]), "a.h5 has 4 projections along axis 0 of its shape (4, 5), but angles of shape (2,)."),
        (
            Angles()(scan([0.0, 45.0, 90.0, 135.0])),
            "The angles of a.h5 are in radians already; use the step angles once.",
        ),
    ],
)
def test_what_is_refused(item, sentence):
    with pytest.raises(DataError) as caught:
        Angles()(item)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("settings", [{"unit": "grad"}, {"start": 0.0}, {"start": 1.0, "stop": 1.0}])
def test_wrong_settings(settings):
    with pytest.raises(ValueError, match="Angles expects"):
        Angles(**settings)
