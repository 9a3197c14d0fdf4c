"""Images and operators of the problems in :mod:`problem_table`."""

from __future__ import annotations

from math import pi, prod

import torch
from torch import Tensor

from recon.operators import Blur, CartesianMRI, LinearOperator, Mask, ParallelBeam, RayTransform, Stack, Volume

SHAPE = (8, 8)
FRAMES = (3, 5, 5)
PSF = torch.tensor([[1.0, 2, 0], [2, 14, 1], [1, 3, 1]], dtype=torch.float64) / 25


def scene(shape: tuple[int, ...], complex_: bool = False) -> Tensor:
    """Two boxes on a slope, positive; the first axis of three counts frames of growing contrast."""
    n, m = shape[-2:]
    rows, columns = torch.meshgrid(torch.arange(n) / n, torch.arange(m) / m, indexing="ij")
    rows, columns = rows.double(), columns.double()
    x = 0.15 + 0.2 * columns + ((rows > 0.2) & (rows < 0.7) & (columns > 0.3)).double()
    x = x + 0.5 * ((rows > 0.5) & (columns < 0.5)).double()
    if len(shape) == 3:
        x = torch.stack([(1 + 0.5 * k) * x + 0.1 * k * rows for k in range(shape[0])])
    return x * torch.exp(1.2j * columns) if complex_ else x


def lowered(shape: tuple[int, ...], _: bool) -> Tensor:
    """With values below zero, which x ≥ 0 forbids."""
    return scene(shape) - 0.5


def unequal(shape: tuple[int, ...], _: bool) -> Tensor:
    """Nearly flat, as usual, and 30 times as strong."""
    return torch.stack([0.02 * scene(shape), scene(shape), 30 * scene(shape)])


def blur(scale: float, shape: tuple[int, ...] = SHAPE) -> LinearOperator:
    """Not symmetric, with edges that reflect; its norm is about ``scale``, 2.8 times its least singular value."""
    return Blur(scale * PSF, shape, boundary="reflect")


def periodic(scale: float) -> LinearOperator:
    """The same around the edges, with normal equations in closed form."""
    return Blur(scale * PSF, SHAPE, boundary="circular")


def inpainting(scale: float) -> LinearOperator:
    return scale * Mask(torch.rand(SHAPE, generator=torch.Generator().manual_seed(5)) < 0.6)


def two_blurs(scale: float) -> LinearOperator:
    return Stack(blur(scale), 0.5 * blur(scale).H)


def rays(scale: float) -> LinearOperator:
    """Twelve views; line integrals are proportional to the size of pixels."""
    geometry = ParallelBeam(angles=torch.arange(12) * pi / 12, bins=21, pitch=0.07 * scale)
    return RayTransform(Volume(SHAPE, spacing=0.1 * scale), geometry, model="joseph")


def coils(scale: float) -> LinearOperator:
    """Two coils, and not quite two thirds of the lines."""
    n = SHAPE[0]
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, n), torch.linspace(-1, 1, n), indexing="ij")
    maps = torch.stack([torch.exp(-((rows - c) ** 2) + 0.8j * columns * c) for c in (-0.7, 0.7)]).to(torch.complex128)
    lines = torch.zeros(n, n)
    lines[:, ::2] = 1
    lines[:, n // 2 - 1 : n // 2 + 2] = 1
    return scale * CartesianMRI(lines, maps)


WEIGHTS = torch.linspace(0.5, 2.0, prod(SHAPE), dtype=torch.float64).reshape(SHAPE)
REFERENCE = scene(SHAPE)
INSIDE = torch.arange(SHAPE[0])[:, None].expand(SHAPE) >= 2
SHIFTED = (torch.ones(2, *SHAPE, dtype=torch.float64) * torch.tensor([0.6, 0.8]).reshape(2, 1, 1)) * 0.9
