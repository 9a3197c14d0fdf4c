"""Masks from the samples there are."""

import pytest
import torch

from recon.files import DataError, Item
from recon.preprocess import SamplingMask


def test_a_sample_of_any_coil_counts():
    kspace = torch.zeros(2, 2, 3, dtype=torch.complex64)
    kspace[0, 0, 1] = 1j
    kspace[1, 1, 2] = 2
    out = SamplingMask()(Item("a", "a.npy", kspace))
    assert out.aux["mask"].tolist() == [[False, True, False], [False, False, True]]
    assert out.meta["sampled"] == pytest.approx(1 / 3)
    assert SamplingMask(coils=False)(Item("a", "a.npy", kspace[0])).aux["mask"].sum() == 1


def test_what_is_refused():
    with pytest.raises(DataError, match=r"k-space of 3 axes at least, a.npy has shape \(2, 3\); for a single coil set"):
        SamplingMask()(Item("a", "a.npy", torch.ones(2, 3)))
    with pytest.raises(DataError, match=r"a.npy is zero throughout, so nothing was measured."):
        SamplingMask()(Item("a", "a.npy", torch.zeros(2, 2, 3)))
