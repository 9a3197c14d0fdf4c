"""Point spread functions: nonnegative, of unit sum, centred on index n//2 of every axis."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, cos, sin

import torch
from torch import Tensor


def gaussian_psf(std: float | Sequence[float], ndim: int = 2, size: int | Sequence[int] | None = None) -> Tensor:
    """exp(−Σ_a r_a²/(2σ_a²)), sampled at integers and scaled to unit sum.

    Parameters
    ----------
    std
        σ > 0 in samples, for all axes or one each (then ``ndim`` is their number).
    ndim
        Number of dimensions where ``std`` is one number.
    size
        Samples along each axis; by default out to 4σ on both sides, as scipy.ndimage.gaussian_filter does.
    """
    stds = (float(std),) * ndim if isinstance(std, (int, float)) else tuple(map(float, std))
    if not stds or any(not 0 < s < float("inf") for s in stds):
        raise ValueError(f"gaussian_psf expects a positive std for each axis, got {std!r}.")
    sizes = tuple(2 * int(4 * s + 0.5) + 1 for s in stds) if size is None else _sizes(size, len(stds), "gaussian_psf")
    psf = torch.ones((), dtype=torch.float64)
    for s, n in zip(stds, sizes, strict=True):
        r = torch.arange(n, dtype=torch.float64) - n // 2
        profile = torch.exp(-0.5 * (r / s).square())
        psf = psf[..., None] * (profile / profile.sum())
    return psf


def box_psf(size: int | Sequence[int], ndim: int = 2) -> Tensor:
    """The mean over a block of ``size`` samples along each axis."""
    sizes = _sizes(size, ndim if isinstance(size, int) else len(size), "box_psf")
    psf = torch.ones(sizes, dtype=torch.float64)
    return psf / psf.sum()


def disk_psf(radius: float, supersampling: int = 16) -> Tensor:
    """Defocus: a uniform disk of ``radius`` pixels, each pixel weighted by the part of it inside.

    That part is counted on a grid of ``supersampling``² points per pixel.
    """
    if not 0 < radius < float("inf"):
        raise ValueError(f"disk_psf expects a positive radius, got {radius!r}.")
    half = ceil(radius - 0.5)
    n = 2 * half + 1
    r = (torch.arange(n * supersampling, dtype=torch.float64) + 0.5) / supersampling - 0.5 - half
    inside = (r[:, None].square() + r.square() <= radius * radius).double()
    psf = inside.reshape(n, supersampling, n, supersampling).sum((1, 3))
    return psf / psf.sum()


def motion_psf(length: float, angle: float = 0.0) -> Tensor:
    """Uniform motion along a straight line through the centre, each point shared linearly among its four pixels.

    Parameters
    ----------
    length
        Length of the path in pixels, > 0.
    angle
        Direction in radians from the last axis (x, to the right) towards the second last (y, downwards).
    """
    if not 0 < length < float("inf"):
        raise ValueError(f"motion_psf expects a positive length, got {length!r}.")
    half = ceil(length / 2) + 1
    n = 2 * half + 1
    count = 64 * ceil(length)
    along = ((torch.arange(count, dtype=torch.float64) + 0.5) / count - 0.5) * length
    y, x = half + along * sin(angle), half + along * cos(angle)
    psf = torch.zeros(n, n, dtype=torch.float64)
    y0, x0 = y.floor(), x.floor()
    for dy in (0, 1):
        for dx in (0, 1):
            weight = (1 - (y - y0 - dy).abs()) * (1 - (x - x0 - dx).abs())
            psf.index_put_(((y0 + dy).long(), (x0 + dx).long()), weight, accumulate=True)
    occupied = psf > 1e-12
    reach = max(int((torch.nonzero(occupied)[:, a] - half).abs().max()) for a in (0, 1))
    psf = psf[half - reach : half + reach + 1, half - reach : half + reach + 1]
    return psf / psf.sum()


def _sizes(size: int | Sequence[int], ndim: int, owner: str) -> tuple[int, ...]:
    sizes = (size,) * ndim if isinstance(size, int) else tuple(int(n) for n in size)
    if len(sizes) != ndim or any(n < 1 for n in sizes):
        raise ValueError(f"{owner} expects a positive size for each of {ndim} axes, got {size!r}.")
    return sizes
