"""UndecimatedWavelet against PyWavelets, the orthogonal transform of every shift, and shifts."""

from __future__ import annotations

import pytest
import pywt
import torch
from torch import Tensor

from recon.operators import UndecimatedWavelet, Wavelet


def random(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("wavelet", ["haar", "db3", "sym4"])
def test_bands_are_those_of_pywavelets_up_to_a_shift(wavelet: str) -> None:
    x = random(16, 8)
    W = UndecimatedWavelet((16, 8), wavelet, 2)
    bands = W(x)
    approximation, *details = pywt.swt2(x.numpy(), wavelet, 2, norm=True, trim_approx=True)
    theirs = [approximation, *(level[i] for level in details for i in (1, 0, 2))]  # (low, high) first: cV, cH, cD
    for ours, other in zip(bands, theirs, strict=True):
        spectrum = torch.fft.fft2(ours).conj() * torch.fft.fft2(torch.from_numpy(other))
        correlation = torch.fft.ifft2(spectrum).real
        shift = torch.unravel_index(correlation.abs().argmax(), (16, 8))
        moved = ours.roll([int(n) for n in shift], (0, 1))
        sign = torch.sign((moved * torch.from_numpy(other)).sum())
        torch.testing.assert_close(sign * moved, torch.from_numpy(other), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_weighted_sum_is_the_mean_over_all_shifts_of_orthogonal_sums(dtype: torch.dtype) -> None:
    x = random(8, 12, dtype=dtype)
    frame, W = UndecimatedWavelet((8, 12), "db2", 2), Wavelet((8, 12), "db2", 2)
    shifted = [W(x.roll((i, j), (0, 1))).abs().sum() for i in range(8) for j in range(12)]
    found = (frame.shift_weights * frame(x).abs()).sum()
    torch.testing.assert_close(found, torch.stack(shifted).mean(), rtol=1e-12, atol=0)


def test_shifts_commute_with_the_transform() -> None:
    x = random(7, 10)
    W = UndecimatedWavelet((7, 10), "sym3", 2)
    torch.testing.assert_close(W(x.roll((2, -3), (0, 1))), W(x).roll((2, -3), (1, 2)))


def test_every_level_of_the_decimated_transform_is_a_sample() -> None:
    x = random(16)
    W, frame = Wavelet((16,), "db2", 2), UndecimatedWavelet((16,), "db2", 2)
    approximation, coarse, fine = frame(x)
    expected = torch.cat([2 * approximation[::4], 2 * coarse[::4], 2**0.5 * fine[::2]])
    torch.testing.assert_close(W(x), expected)


def test_constants_are_in_the_approximation_alone() -> None:
    bands = UndecimatedWavelet((9, 14), "db3", 2)(torch.full((9, 14), 3.0, dtype=torch.float64))
    assert float(bands[1:].abs().max()) < 1e-12
    torch.testing.assert_close(bands[0], torch.full((9, 14), 3.0, dtype=torch.float64))


def test_levels_of_bands() -> None:
    assert UndecimatedWavelet((8, 8), "haar", 2).band_level.tolist() == [0, 2, 2, 2, 1, 1, 1]
    with pytest.raises(ValueError, match="level from 1 to 3"):
        UndecimatedWavelet((8, 8), level=4)
