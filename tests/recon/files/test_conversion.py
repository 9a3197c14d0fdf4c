"""Number types are kept or widened, never narrowed; bad numbers are counted."""

import numpy as np
import pytest
import torch

from recon.files.conversion import did_you_mean, to_tensor
from recon.files.item import DataError


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ("uint8", torch.float32),
        ("int16", torch.float32),
        ("uint16", torch.float32),
        ("int32", torch.float64),
        ("uint32", torch.float64),
        ("int64", torch.float64),
        ("float16", torch.float32),
        (">f4", torch.float32),
        ("float64", torch.float64),
        ("complex64", torch.complex64),
        (">c16", torch.complex128),
        ("bool", torch.float32),
    ],
)
def test_types(stored, expected):
    values = np.array([0, 1, 1, 0]).astype(stored)
    tensor = to_tensor(values, "x")
    assert tensor.dtype == expected
    assert tensor.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize(("stored", "largest"), [("uint16", 65535), ("int32", 2**31 - 1), ("uint32", 2**32 - 1)])
def test_integers_stay_exact(stored, largest):
    assert int(to_tensor(np.array([largest], stored), "x")[0]) == largest


def test_booleans_stay_where_asked():
    assert to_tensor(np.array([True]), "x", keep_bool=True).dtype == torch.bool


def test_the_tensor_is_a_copy():
    values = np.zeros(3, np.float32)
    to_tensor(values, "x")[0] = 1
    assert values[0] == 0


def test_an_array_that_nobody_else_has_is_not_copied():
    values = np.zeros(3, np.float32)
    to_tensor(values, "x", own=True)[0] = 1
    assert values[0] == 1
    for shared in (values[:2], np.frombuffer(b"\0" * 8, np.float32), np.zeros(2, np.float64)[::-1]):
        tensor = to_tensor(shared, "x", own=True)
        tensor += 5
        assert shared.max() <= 1


def test_bad_values_are_counted_in_all_of_a_large_array():
    values = np.zeros((3, 1 << 19), np.float32)
    values[1, 7], values[2, 5], values[2, 6] = np.nan, np.inf, np.nan
    with pytest.raises(DataError, match=r"x holds 3 of 1572864 values that are NaN or infinite, the first at \[1, 7\]"):
        to_tensor(values, "x")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (np.array(["a"]), "x.h5:d holds text, not numbers."),
        (np.array([None]), "x.h5:d holds objects, not numbers."),
        (np.zeros((0, 3)), "x.h5:d is empty: its shape is (0, 3)."),
        (
            np.array([[1, 2], [np.nan, -np.inf]]),
            "x.h5:d holds 2 of 4 values that are NaN or infinite, the first at [1, 0]; "
            "repair or mask them before reconstructing.",
        ),
        (
            np.array([1, 1j * np.inf]),
            "x.h5:d holds 1 of 2 values that are NaN or infinite, the first at [1]; "
            "repair or mask them before reconstructing.",
        ),
    ],
)
def test_what_is_refused(values, sentence):
    with pytest.raises(DataError) as caught:
        to_tensor(values, "x.h5:d")
    assert str(caught.value) == sentence


def test_nearest_name():
    assert did_you_mean("Exchange/dat", ["theta", "exchange/data"]) == "; did you mean 'exchange/data'?"
    assert did_you_mean("zzz", ["theta"]) == "."
