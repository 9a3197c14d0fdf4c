"""Sheared lattices, and where their aliases lie."""

import pytest
import torch

from recon.operators import CAIPI, centred_fft


def test_samples_are_those_of_the_congruences():
    for R1, R2, shift in [(2, 2, 1), (1, 4, 2), (3, 3, 2), (2, 3, 0)]:
        mask = CAIPI((R1, R2), shift, 0)((24, 27))
        for i in range(24):
            for j in range(27):
                k1, k2 = i - 12, j - 13
                assert bool(mask[i, j]) == (k1 % R1 == 0 and (k2 - shift * (k1 // R1)) % R2 == 0)


def test_aliases_are_shifted_by_the_stated_share_of_the_field_of_view():
    """The point spread function has R₁ R₂ equal peaks, at the shifts of Breuer's 2 × 2 lattice for Δ = 1."""
    mask = CAIPI((2, 2), 1, 0)((24, 24))
    spread = centred_fft(mask.to(torch.complex128)).abs()
    peaks = [tuple(p) for p in (spread > 1e-9 * spread.max()).nonzero().tolist()]
    assert peaks == [(0, 12), (6, 0), (12, 12), (18, 0)]
    assert float((spread[6, 0] - spread[12, 12]).abs()) < 1e-12


def test_all_frames_together_take_every_sample_once():
    masks = CAIPI((2, 3), 1, 0, per_frame=True)((24, 24), (6,))
    assert torch.equal(masks.sum(0), torch.ones(24, 24, dtype=torch.long))


def test_settings_out_of_range():
    with pytest.raises(ValueError, match="CAIPI expects a shift from 0 to 1, got 2"):
        CAIPI((2, 2), 2)
    with pytest.raises(ValueError, match="CAIPI expects an acceleration of two whole numbers"):
        CAIPI((4,))
