"""Beer and Lambert, and data that cannot be transmission."""

import pytest
import torch

from recon.files import DataError, Item
from recon.preprocess import NegativeLog


def scan(values):
    return Item("a", "a.h5", torch.tensor(values))


def test_line_integrals():
    p = torch.tensor([0.0, 0.5, 3.0, -0.1])
    out = NegativeLog()(Item("a", "a.h5", torch.exp(-p)))
    assert torch.allclose(out.data, p, atol=1e-6)
    assert out.units == "1/mm"
    assert out.meta["floored"] == 0


def test_the_range_of_the_file_no_longer_holds():
    item = Item("a", "a.tif", torch.tensor([0.5]), meta={"value_range": (0.0, 1.0)})
    assert NegativeLog()(item).meta == {"value_range": None, "floored": 0}


def test_incident_counts():
    assert torch.allclose(NegativeLog(incident=1000.0)(scan([1000.0, 100.0])).data, torch.tensor([0.0, 2.302585]))


def test_floor_is_counted():
    out = NegativeLog(floor=0.01)(scan([1.0, 0.5, 0.9, 0.0, -3.0]))
    assert out.meta["floored"] == 2
    assert torch.allclose(out.data[3:], torch.full((2,), 4.6051702))


def test_more_than_half_below_the_floor():
    NegativeLog()(scan([1.0, 0.0]))
    with pytest.raises(DataError) as caught:
        NegativeLog()(scan([1.0, 0.0, -1.0]))
    assert str(caught.value) == (
        "a.h5 has 2 of 3 transmission values below the floor 1e-06; check that flat_field comes first and that flats "
        "and darks are not exchanged."
    )


def test_counts_are_recognised():
    with pytest.raises(DataError) as caught:
        NegativeLog()(scan([3000.0, 20000.0, 1.0]))
    assert str(caught.value) == (
        "a.h5 has 2 of 3 values above 2, which are counts and not transmission; put flat_field first, or give "
        "negative_log the incident counts."
    )


@pytest.mark.parametrize("settings", [{"floor": 0.0}, {"floor": 1.0}, {"incident": 0.0}, {"incident": float("nan")}])
def test_wrong_settings(settings):
    with pytest.raises(ValueError, match="NegativeLog expects"):
        NegativeLog(**settings)
