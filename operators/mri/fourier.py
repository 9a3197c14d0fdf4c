"""The centred orthonormal Fourier transform of MRI."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor


def centred_fft(x: Tensor, ndim: int = 2) -> Tensor:
    """X[k] = N^{−½} Σ_n x[n] exp(−2πi (k − c)·(n − c)/N), c = N//2 along each of the last ``ndim`` dimensions.

    Image centre and zero frequency both lie at index N//2.
    """
    dims = tuple(range(-ndim, 0))
    spectrum: Tensor = torch.fft.fftshift(torch.fft.fftn(torch.fft.ifftshift(x, dims), dim=dims, norm="ortho"), dims)
    return spectrum


def centred_ifft(k: Tensor, ndim: int = 2) -> Tensor:
    """The inverse and adjoint of :func:`centred_fft`."""
    dims = tuple(range(-ndim, 0))
    image: Tensor = torch.fft.fftshift(torch.fft.ifftn(torch.fft.ifftshift(k, dims), dim=dims, norm="ortho"), dims)
    return image


def centring_ramps(shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Factors p and q of modulus one with centred_fft(x) = q · fft(p · x), so that nothing need be shifted.

    Along an axis of N samples with c = N//2, p[n] = exp(2πi c n/N) and q[k] = exp(2πi c (k − c)/N): real and ±1 for
    even N. Both are in double precision, real where all sizes are even.
    """
    image, frequency = [], []
    for n in shape:
        c = n // 2
        index = torch.arange(n)
        image.append(_roots(c * index, n))
        frequency.append(_roots(c * (index - c), n))
    return tuple(reduce(lambda a, b: a[..., None] * b, ramps) for ramps in (image, frequency))  # type: ignore[return-value]


def _roots(exponents: Tensor, n: int) -> Tensor:
    """exp(2πi e/n), real for even n where only ±1 occur."""
    residues = exponents % n
    if n % 2 == 0:
        return 1.0 - 2.0 * (residues != 0).double()
    angle = (2 * torch.pi / n) * residues.double()
    return torch.polar(torch.ones_like(angle), angle)
