"""Checks of arguments that every room uses."""

import numpy as np
import pytest
import torch

from recon.operators.tensors import checked_count, checked_number, fixed


def test_whole_numbers_count():
    assert [checked_count(n, "A", "n") for n in (3, 3.0, np.int64(3), torch.tensor(3))] == [3, 3, 3, 3]


@pytest.mark.parametrize("value", [0, -1, 1.5, True, None, "three", float("inf"), float("nan"), [1, 2]])
def test_what_counts_nothing(value):
    with pytest.raises(ValueError, match="A expects n to be a positive whole number, got"):
        checked_count(value, "A", "n")


def test_finite_numbers():
    assert checked_number("2", "A", "x") == 2
    for value in (float("inf"), -1.0):
        with pytest.raises(ValueError, match="A expects a positive, finite x, got"):
            checked_number(value, "A", "x", positive=True)
    with pytest.raises(TypeError, match="A expects a finite x, got None"):
        checked_number(None, "A", "x")


@pytest.mark.parametrize("value", [None, "abc", [[1], [1, 2]], {}, np.array(["a"])])
def test_what_is_no_array_of_numbers_is_refused_in_one_sentence(value):
    with pytest.raises(TypeError, match=r"^A expects x to be a tensor or numbers in rows of one length, got .*\.$"):
        fixed(value, "A", "x")


def test_torch_explains_strides_itself():
    with pytest.raises(ValueError, match="negative"):
        fixed(np.arange(3.0)[::-1], "A", "x")
