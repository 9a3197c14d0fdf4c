"""The scans that ``benchmarks.mri`` measures, and what a library computes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recon.operators import CartesianMRI, NonCartesianMRI, Trajectory, Volume, birdcage_maps
from recon.phantoms import shepp_logan

LAM = 1e-3
"""Weight of ‖x‖²/2 in every CG-SENSE."""
ITERATIONS = 30


@dataclass(frozen=True)
class Candidate:
    """One library's way to a result: what is timed, and how to read what it returns as recon's tensors."""

    name: str
    run: Callable[[], Any]
    read: Callable[[Any], Sequence[Tensor]] = lambda found: [found]


@dataclass(frozen=True)
class CartesianScan:
    """``images`` (batch, ny, nx) and their k-space ``data`` (batch, coils, ny, nx); a mask of each image or of all."""

    mask: Tensor
    maps: Tensor
    images: Tensor
    data: Tensor


@dataclass(frozen=True)
class RadialScan:
    """Coil ``images`` (coils, ny, nx), their samples without coil maps, and the samples of one object seen by all.

    ``eps`` is the relative error asked of nonuniform transforms.
    """

    trajectory: Trajectory
    maps: Tensor
    images: Tensor
    samples: Tensor
    data: Tensor
    eps: float

    @property
    def shape(self) -> tuple[int, int]:
        return self.maps.shape[-2], self.maps.shape[-1]


def masks(size: int) -> dict[str, Tensor]:
    """Single points, and lines of both directions, with a fully sampled centre."""
    generator = torch.Generator().manual_seed(0)
    lines = torch.zeros(size)
    lines[::4] = 1
    lines[size // 2 - 12 : size // 2 + 12] = 1
    return {
        "points": (torch.rand(size, size, generator=generator) < 0.3).float(),
        "lines across x": lines.expand(size, size).contiguous(),
        "lines across y": lines[:, None].expand(size, size).contiguous(),
    }


def echo_masks(size: int, echoes: int) -> Tensor:
    """Every fourth line across x, other ones for each echo, and a fully sampled centre: ``(echoes, 1, size)``."""
    lines = torch.zeros(echoes, 1, size)
    for echo in range(echoes):
        lines[echo, :, echo % 4 :: 4] = 1
    lines[..., size // 2 - 12 : size // 2 + 12] = 1
    return lines


def cartesian_scan(mask: Tensor, batch: int, coils: int, device: torch.device) -> CartesianScan:
    """A noisy head in ``batch`` shades, with the maps of a birdcage coil."""
    shape = (mask.shape[-1], mask.shape[-1])
    generator = torch.Generator().manual_seed(1)
    maps = birdcage_maps(shape, coils)
    shades = torch.linspace(1, 2, batch)[:, None, None]
    images = shades * head(shape) + 0.05 * torch.randn(batch, *shape, dtype=torch.complex64, generator=generator)
    data = CartesianMRI(torch.ones(1), maps)(images) * (mask if mask.ndim == 2 else mask[:, None])
    return CartesianScan(*(t.to(device) for t in (mask, maps, images, data)))


def radial_scan(size: int, coils: int, spokes: int, samples: int, eps: float, device: torch.device) -> RadialScan:
    """A noisy head behind a birdcage coil, on spokes at even angles."""
    generator = torch.Generator().manual_seed(2)
    shape, trajectory = (size, size), Trajectory.radial(spokes, samples)
    maps = birdcage_maps(shape, coils)
    image = head(shape) + 0.05 * torch.randn(shape, dtype=torch.complex64, generator=generator)
    images = maps * image
    accurate = NonCartesianMRI(trajectory, shape=shape, eps=1e-12)
    values = accurate(images.to(torch.complex128)).to(torch.complex64)
    return RadialScan(trajectory, *(t.to(device) for t in (maps, images, values, values)), eps)


def calibration_kspace(path: Path | None, size: int, coils: int) -> Tensor:
    """Multi-coil k-space ``(coils, ny, nx)`` of a file, else of a noisy head behind a birdcage coil."""
    if path is not None:
        return torch.from_numpy(np.load(path)).to(torch.complex64)
    generator = torch.Generator().manual_seed(3)
    shape = (size, size)
    kspace = CartesianMRI(torch.ones(1), birdcage_maps(shape, coils))(head(shape))
    noise = torch.randn(kspace.shape, dtype=kspace.dtype, generator=generator)
    return kspace + 1e-3 * kspace.abs().max() * noise


def head(shape: tuple[int, int]) -> Tensor:
    """A complex Shepp-Logan phantom with a smooth phase."""
    magnitude = shepp_logan(0.46 * min(shape)).rasterise(Volume(shape))
    phase = torch.linspace(-1, 1, shape[1]) + torch.linspace(0, 1, shape[0])[:, None]
    return torch.polar(magnitude, phase)


def direct_samples(images: Tensor, trajectory: Trajectory) -> Tensor:
    """N^{−½} Σ_n x[n] exp(−2πi k·(n − c)) of ``images`` (coils, ny, nx), summed term by term in double precision."""
    ny, nx = images.shape[-2:]
    points = trajectory.points.reshape(2, -1)
    out = torch.empty(len(images), points.shape[1], dtype=torch.complex128)
    wide = images.cpu().to(torch.complex128)
    for part in torch.arange(points.shape[1]).split(1 << 12):
        waves_y, waves_x = (_waves(k, n) for k, n in zip(points[:, part], (ny, nx), strict=True))
        out[:, part] = ((wide @ waves_x) * waves_y).sum(-2)
    return (out / (ny * nx) ** 0.5).reshape(len(images), *trajectory.shape)


def direct_images(samples: Tensor, trajectory: Trajectory, shape: tuple[int, int]) -> Tensor:
    """The adjoint of :func:`direct_samples`."""
    points = trajectory.points.reshape(2, -1)
    values = samples.cpu().to(torch.complex128).reshape(len(samples), -1)
    out = torch.zeros(len(samples), *shape, dtype=torch.complex128)
    for part in torch.arange(points.shape[1]).split(1 << 12):
        waves_y, waves_x = (_waves(k, n).conj() for k, n in zip(points[:, part], shape, strict=True))
        out += (waves_y * values[:, None, part]) @ waves_x.T
    return out / (shape[0] * shape[1]) ** 0.5


def _waves(k: Tensor, n: int) -> Tensor:
    """exp(−2πi k (n − c)), one row for each pixel."""
    angles = -2 * torch.pi * (torch.arange(n, dtype=torch.float64) - n // 2)[:, None] * k
    return torch.polar(torch.ones_like(angles), angles)
