"""Centred transforms against their sums."""

import pytest
import torch

from recon.operators.mri.fourier import centred_fft, centred_ifft, centring_ramps


@pytest.mark.parametrize("shape", [(6,), (5,), (2, 4), (7, 6), (3, 5), (2, 3, 4), (10, 14)])
def test_centred_fft_is_the_stated_sum(shape):
    ndim = len(shape)
    x = torch.randn(2, *shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    expected = x
    for axis, n in enumerate(shape, 1):
        index = torch.arange(n, dtype=torch.float64) - n // 2
        matrix = torch.exp(-2j * torch.pi * index[:, None] * index / n) / n**0.5
        expected = (expected.movedim(axis, -1) @ matrix.mT).movedim(-1, axis)
    torch.testing.assert_close(centred_fft(x, ndim), expected)
    torch.testing.assert_close(centred_ifft(expected, ndim), x)
    p, q = centring_ramps(shape)
    dims = tuple(range(-ndim, 0))
    torch.testing.assert_close(q * torch.fft.fftn(p * x, dim=dims, norm="ortho"), expected)
    assert p.is_complex() == q.is_complex() == any(n % 2 for n in shape)
