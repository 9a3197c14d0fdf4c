"""Slices: what they choose, how they are called, what does not fit."""

import numpy as np
import pytest

from recon.files.item import DataError
from recon.files.slices import Slices


@pytest.mark.parametrize(
    ("index", "chosen"),
    [
        ("all", [0, 1, 2, 3, 4]),
        (2, [2]),
        (-1, [4]),
        ([3, 1, 3], [3, 1]),
        ("1:3", [1, 2]),
        ("::2", [0, 2, 4]),
        ("-2:", [3, 4]),
    ],
)
def test_indices(index, chosen):
    slices = Slices.parse({"axis": 1, "index": index})
    assert [i for i, _ in slices.choose((7, 5, 3), "a.h5")] == chosen


def test_names_have_one_width():
    names = [name for _, name in Slices.parse({"axis": 0, "index": [7, 1200]}).choose((1201,), "a")]
    assert names == ["slice0007", "slice1200"]
    assert Slices.parse({"axis": 0}).choose((1,), "a") == [(0, "slice000")]


@pytest.mark.parametrize("axis", [0, 1, -1, -2])
def test_selection_takes_the_slice_of_the_array(axis):
    array = np.arange(24).reshape(2, 3, 4)
    where = Slices(axis).select(1, array.shape, array.shape, "x")
    assert np.array_equal(array[where], array.take(1, axis))


def test_an_array_of_fewer_axes_is_sliced_from_the_end():
    flat = np.arange(8).reshape(2, 4)
    where = Slices(-2).select(1, (5, 2, 4), flat.shape, "x")
    assert np.array_equal(flat[where], flat[1])


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"index": "all"}, "slices expects {axis: number, index: all}, got {'index': 'all'}."),
        ({"axis": 1, "idx": 2}, "slices expects {axis: number, index: all}, got {'axis': 1, 'idx': 2}."),
        ({"axis": True}, "slices expects an integer axis, got True."),
        (
            {"axis": 1, "index": "2-3"},
            "slices expects index to be all, a number, a list of numbers or 'a:b', got '2-3'.",
        ),
        ({"axis": 1, "index": 1.5}, "slices expects index to be all, a number, a list of numbers or 'a:b', got 1.5."),
        ({"axis": 1, "index": []}, "slices expects index to be all, a number, a list of numbers or 'a:b', got []."),
    ],
)
def test_wrong_settings(spec, sentence):
    with pytest.raises(ValueError) as caught:
        Slices.parse(spec)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"axis": 2}, "a.h5 has data of shape (4, 2), which has no axis 2 to slice."),
        ({"axis": 1, "index": 2}, "a.h5 has 2 slices along axis 1, counted from 0: no 2."),
        ({"axis": 1, "index": "5:9"}, "a.h5 has 2 slices along axis 1, none of them in '5:9'."),
    ],
)
def test_what_does_not_fit_the_data(spec, sentence):
    with pytest.raises(DataError) as caught:
        Slices.parse(spec).choose((4, 2), "a.h5")
    assert str(caught.value) == sentence


def test_what_does_not_fit_the_other_arrays():
    with pytest.raises(DataError) as caught:
        Slices(1).select(0, (181, 2, 640), (10, 640), "flats of a.h5")
    assert str(caught.value) == (
        "flats of a.h5 of shape (10, 640) does not have the 2 slices of the data along axis 1; "
        "leave it out of `sliced`, or count the axis from the end, as in -2."
    )
