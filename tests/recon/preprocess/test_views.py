"""Which views are left, and what goes with them."""

from math import pi

import pytest
import torch

from recon.files import DataError, Item
from recon.preprocess import Views

ANGLES = torch.arange(12, dtype=torch.float64) * (pi / 6)


def scan(**changes):
    item = Item("scan", "scan.h5", torch.arange(60.0).reshape(12, 5), {"angles": ANGLES}, meta={"angles_unit": "rad"})
    return item.changed(**changes)


def kept(step, item=None):
    """The views left, after a check that data and angles agree about them."""
    item = scan() if item is None else item
    after = step(item)
    views = after.meta["views"]["kept"]
    assert after.meta["views"]["of"] == 12
    assert torch.equal(after.data, item.data[views])
    assert torch.equal(after.aux["angles"], ANGLES[views])
    return views


@pytest.mark.parametrize(
    ("settings", "views"),
    [
        ({"every": 5}, [0, 5, 10]),
        ({"indices": [7, 0]}, [7, 0]),
        ({"indices": "2:9:3"}, [2, 5, 8]),
        ({"indices": [-1]}, [11]),
        ({"range": [30, 120]}, [1, 2, 3]),
        ({"range": [0, 360], "every": 4}, [0, 4, 8]),
        ({"range": [300, 400]}, [10, 11]),
    ],
)
def test_which_views_are_left(settings, views):
    assert kept(Views(**settings)) == views


def test_views_are_numbered_as_in_the_whole_scan():
    after = Views(every=2)(Views(indices="2:")(scan()))
    assert after.meta["views"] == {"of": 12, "kept": [2, 4, 6, 8, 10]}
    assert torch.equal(after.aux["angles"], ANGLES[2::2])


def test_vectors_and_other_axes():
    sources = torch.rand(12, 2)
    item = Item("scan", "scan.h5", torch.rand(3, 12, 5), {"sources": sources, "flats": torch.rand(3, 5)})
    after = Views(every=6, axis=1)(item)
    assert torch.equal(after.data, item.data[:, [0, 6]])
    assert torch.equal(after.aux["sources"], sources[[0, 6]])
    assert after.aux["flats"] is item.aux["flats"]


@pytest.mark.parametrize(
    ("settings", "item", "said"),
    [
        ({"range": [400, 500]}, scan(), "views leaves nothing of the 12 views of scan.h5."),
        ({"indices": [12]}, scan(), "scan.h5 has 12 views, counted from 0, and views asks for [12]."),
        (
            {"range": [0, 90]},
            scan(meta={"angles_unit": ""}),
            "views cannot tell the unit of the angles of scan.h5; put the step angles before it.",
        ),
        ({"range": [0, 90]}, scan(aux={"angles": ANGLES[1:]}), "scan.h5 has 12 views, but angles of shape (11,)."),
        ({"every": 2, "axis": 2}, scan(), "views expects an axis 2, scan.h5 has shape (12, 5)."),
    ],
)
def test_what_cannot_be_done(settings, item, said):
    with pytest.raises(DataError) as error:
        Views(**settings)(item)
    assert str(error.value) == said


@pytest.mark.parametrize(
    "settings",
    [{}, {"every": 0}, {"every": 1.5}, {"every": True}, {"every": 2, "indices": [1]}, {"range": [0, 1], "indices": [1]},
     {"range": [90, 0]}, {"range": [1]}, {"indices": "x"}],
)  # fmt: skip
def test_wrong_settings(settings):
    with pytest.raises(ValueError, match=r"(Views|slices) expects"):
        Views(**settings)
