"""Axes in another order."""

import pytest
import torch

from recon.files import DataError, Item
from recon.preprocess import Transpose

DATA = torch.arange(24.0).reshape(2, 3, 4)


def test_axis_i_of_the_result_is_axes_i_of_the_array():
    out = Transpose([1, 2, 0])(Item("a", "a.h5", DATA)).data
    assert out.shape == (3, 4, 2)
    assert out.is_contiguous()
    assert all(out[j, k, i] == DATA[i, j, k] for i in range(2) for j in range(3) for k in range(4))


def test_what_is_refused():
    with pytest.raises(DataError, match=r"transpose expects data of a.h5 to have 2 axes, its shape is \(2, 3, 4\)"):
        Transpose([1, 0])(Item("a", "a.h5", DATA))
    known = Item("a", "a.h5", DATA, meta={"axis_offset_px": 1.0})
    with pytest.raises(DataError, match=r"transpose moves the detector of a.h5 from its last axis; put it before"):
        Transpose([2, 1, 0])(known)
    assert Transpose([1, 0, 2])(known).data.shape == (3, 2, 4)


@pytest.mark.parametrize("axes", [[0, 2], [0, 0], [1, 2]])
def test_wrong_settings(axes):
    with pytest.raises(ValueError, match=r"Transpose expects every axis once, such as \[1, 0, 2\], got"):
        Transpose(axes)
