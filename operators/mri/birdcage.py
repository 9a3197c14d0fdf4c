"""Sensitivities of rods around the object."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from recon.operators.tensors import checked_count


def birdcage_maps(
    shape: Sequence[int], coils: int = 8, radius: float = 1.5, dtype: torch.dtype = torch.complex64
) -> Tensor:
    """Maps S_c of straight rods along z, spaced evenly on a circle about the image: ``(coils, [nz,] ny, nx)``.

    With z = x + iy, pixels at x = (n − N//2) / (N/2) and θ_c = 2πc/coils, the field of a current in rod c that a coil
    receives, by Biot and Savart's law, and the maps are

    B_c = 1 / (R − z exp(−iθ_c)),   S_c = B_c / (Σ_d |B_d|²)^½,

    so that Σ_c |S_c|² = 1 and all are real and equal in the middle. Along z they are constant.

    Parameters
    ----------
    shape
        Shape of one image.
    coils
        Number of rods.
    radius
        R in half fields of view; above √2, so that no rod lies in the image.

    Errors: ValueError for other shapes, no coils, or a radius that is too small.
    """
    sizes = tuple(shape)
    if len(sizes) not in (2, 3) or min(sizes) < 1:
        raise ValueError(f"birdcage_maps expects the shape (ny, nx) or (nz, ny, nx) of an image, got {sizes}.")
    y, x = torch.meshgrid(
        *[(torch.arange(n, dtype=torch.float64) - n // 2) / (n / 2) for n in sizes[-2:]], indexing="ij"
    )
    maps = birdcage_field(y, x, coils, radius).to(dtype)
    return maps if len(sizes) == 2 else maps[:, None].expand(coils, *sizes).contiguous()


def birdcage_field(y: Tensor, x: Tensor, coils: int, radius: float) -> Tensor:
    """S_c of :func:`birdcage_maps` at places in half fields of view, complex128 ``(coils, *y.shape)``."""
    coils = checked_count(coils, "birdcage_maps", "coils")
    if not radius > 2**0.5:
        raise ValueError(f"birdcage_maps expects a radius above √2, got {radius:g}.")
    z = torch.complex(x.double(), y.double())
    theta = 2 * torch.pi * torch.arange(coils, dtype=torch.float64) / coils
    turn = torch.polar(torch.ones_like(theta), -theta).reshape(-1, *(1,) * z.ndim)
    field = 1 / (radius - z * turn)
    maps: Tensor = field / torch.linalg.vector_norm(field, dim=0)
    return maps
