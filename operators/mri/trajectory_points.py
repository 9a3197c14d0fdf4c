"""Points of the usual trajectories, in cycles per pixel, and the layouts in which other packages keep points."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, sqrt
from typing import Any

import torch
from torch import Tensor

from recon.operators.ct.geometry import checked_angles
from recon.operators.tensors import checked_count, checked_number

SLACK = 1e-6
"""Cycles per pixel by which a point may lie at or above 1/2 and still be taken for its equal 1 lower."""


def wrapped(points: Tensor) -> Tensor:
    """Points at 1/2, to rounding, moved to −1/2, where every transform of pixels has the same value."""
    points = torch.where((points >= 0.5) & (points <= 0.5 + SLACK), points - 1, points)
    return torch.where((points < -0.5) & (points >= -0.5 - SLACK), -0.5, points)


def converted(points: Tensor, unit: Tensor | float, name: str, owner: str) -> Tensor:
    """Points over ``unit``, wrapped; ValueError where they are cycles per pixel already, by the ½ that they reach.

    Others that are so near to the centre say too little about pixels to be a scan of them.
    """
    largest = float(points.detach().abs().amax()) if points.numel() else 0.0
    if 0.45 <= largest <= 0.5 + SLACK and float(torch.as_tensor(unit).min()) > 2:
        raise ValueError(
            f"{owner} expects points in {name}, got such up to {largest:.3g}, as those in cycles per pixel."
        )
    return wrapped(points / unit)


def spokes_at(angles: Tensor, samples: int) -> Tensor:
    """Samples −1/2, …, (samples − 1)/samples − 1/2 along the directions θ: (y, x) = r (sin θ, cos θ)."""
    radii = (torch.arange(samples, dtype=torch.float64) - samples // 2) / samples
    return wrapped(torch.stack((angles.sin()[:, None] * radii, angles.cos()[:, None] * radii)))


def radial_points(spokes: int, samples: int, angles: Tensor | Sequence[float] | None = None) -> Tensor:
    spokes, samples = _counts("radial", spokes=spokes, samples=samples)
    if angles is None:
        return spokes_at(torch.arange(spokes, dtype=torch.float64) * (pi / spokes), samples)
    theta = torch.tensor(checked_angles(angles, "Trajectory.radial"), dtype=torch.float64)
    if len(theta) != spokes:
        raise ValueError(f"Trajectory.radial expects one of the angles for each of {spokes} spokes, got {len(theta)}.")
    return spokes_at(theta, samples)


def golden_angle_points(spokes: int, samples: int, first: int = 0, tiny: int = 1) -> Tensor:
    spokes, samples, tiny = _counts("golden_angle", spokes=spokes, samples=samples, tiny=tiny)
    if isinstance(first, bool) or int(first) != first or first < 0:
        raise ValueError(f"Trajectory.golden_angle expects first to be a whole number from 0, got {first!r}.")
    step = pi / ((1 + sqrt(5)) / 2 + tiny - 1)
    turns = (torch.arange(int(first), int(first) + spokes, dtype=torch.float64) * step) % (2 * pi)
    return spokes_at(turns, samples)


def spiral_points(shots: int, samples: int, turns: float, power: float = 1.0, radius: float = 0.5) -> Tensor:
    shots, samples = _counts("spiral", shots=shots, samples=samples)
    turns = checked_number(turns, "Trajectory.spiral", "number of turns", positive=True)
    power = checked_number(power, "Trajectory.spiral", "power", positive=True)
    radius = checked_number(radius, "Trajectory.spiral", "radius", positive=True)
    if radius > 0.5:
        raise ValueError(f"Trajectory.spiral expects a radius of at most 1/2 cycle per pixel, got {radius:g}.")
    t = torch.arange(samples, dtype=torch.float64) / samples
    angle = 2 * pi * (turns * t + torch.arange(shots, dtype=torch.float64)[:, None] / shots)
    return wrapped(radius * t**power * torch.stack((angle.sin(), angle.cos())))


def stack_of_stars_points(spokes: int, samples: int, partitions: int, golden: bool = False) -> Tensor:
    spokes, samples, partitions = _counts("stack_of_stars", spokes=spokes, samples=samples, partitions=partitions)
    star = golden_angle_points(spokes, samples) if golden else radial_points(spokes, samples)
    heights = (torch.arange(partitions, dtype=torch.float64) - partitions // 2) / partitions
    z = heights[:, None, None].expand(partitions, spokes, samples)
    plane = star[:, None].expand(2, partitions, spokes, samples)
    return torch.cat((z[None], plane)).reshape(3, partitions * spokes, samples)


def from_last_axis(points: Any, owner: str) -> Tensor:
    """``([shots,] samples, ndim)``, an axis of the image after the other, to (ndim, shots, samples)."""
    points = real_points(points, owner)
    if points.ndim not in (2, 3) or points.shape[-1] not in (2, 3):
        raise ValueError(f"{owner} expects points of shape ([shots,] samples, 2 or 3), got {tuple(points.shape)}.")
    moved: Tensor = points.reshape(-1, *points.shape[-2:]).movedim(-1, 0)
    return moved


def from_first_axis(points: Any, owner: str) -> Tensor:
    """``(ndim, [shots,] samples)`` to (ndim, shots, samples)."""
    points = real_points(points, owner)
    if points.ndim not in (2, 3) or points.shape[0] not in (2, 3):
        raise ValueError(f"{owner} expects points of shape (2 or 3, [shots,] samples), got {tuple(points.shape)}.")
    shots: Tensor = points.reshape(points.shape[0], -1, points.shape[-1])
    return shots


def from_bart(points: Any, ndim: int, owner: str) -> Tensor:
    """BART's (3, samples, shots), rows x, y, z, to (ndim, shots, samples)."""
    points = real_points(points, owner)
    if points.ndim not in (2, 3) or points.shape[0] != 3:
        raise ValueError(f"{owner} expects BART's points of shape (3, samples, [shots]), got {tuple(points.shape)}.")
    points = points.reshape(3, points.shape[1], -1).mT.flip(0)
    return _without_z(points, ndim, owner)


def from_mrpro(points: Any, ndim: int, owner: str) -> Tensor:
    """mrpro's (kz, ky, kx), which broadcast to (…, k2, k1, k0), to (ndim, shots, samples)."""
    if isinstance(points, Tensor) and points.shape[:1] != (3,):
        raise ValueError(f"{owner} expects mrpro's points as (kz, ky, kx), got shape {tuple(points.shape)}.")
    axes = torch.broadcast_tensors(*(real_points(axis, owner) for axis in points))
    if len(axes) != 3:
        raise ValueError(f"{owner} expects mrpro's points as (kz, ky, kx), got {len(axes)} arrays.")
    stacked = torch.stack(axes)
    return _without_z(stacked.reshape(3, -1, stacked.shape[-1] if stacked.ndim > 1 else 1), ndim, owner)


def real_points(points: Any, owner: str) -> Tensor:
    """Real numbers in double precision; a complex array as BART's files hold them only where it has no imaginary part.

    Errors: TypeError for anything else.
    """
    tensor = torch.as_tensor(points)
    if tensor.is_complex():
        if bool((tensor.imag != 0).any()):
            raise TypeError(f"{owner} expects real points, got complex ones.")
        tensor = tensor.real
    return tensor.double()


def _without_z(points: Tensor, ndim: int, owner: str) -> Tensor:
    if ndim == 2 and bool((points[0].detach() != 0).any()):
        raise ValueError(f"{owner} expects kz = 0 everywhere for an image of 2 axes; give a shape of (nz, ny, nx).")
    return points[3 - ndim :]


def _counts(owner: str, **numbers: int) -> tuple[int, ...]:
    return tuple(checked_count(value, f"Trajectory.{owner}", name) for name, value in numbers.items())
