"""Trajectories that are the same in several planes of k-space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

ROUNDING = 1e-9
"""Largest difference, in cycles per pixel or in samples of a grid, that still counts as none."""


class StackedPlanes(NamedTuple):
    """Points (kz, ky, kx) with kz = frequencies/nz, plane after plane, and the same (ky, kx) in each.

    ``points`` is ``(2, M)`` and ``frequencies`` holds whole numbers from −(nz//2).
    """

    points: Tensor
    frequencies: Tensor


def stacked_planes(points: Tensor, shape: Sequence[int]) -> StackedPlanes | None:
    """How points ``(3, shots, samples)`` are stacked for an image of ``shape``; None where they are not."""
    if len(shape) != 3:
        return None
    height = points[0, :, 0]
    if bool((points[0] - height[:, None]).abs().max() > ROUNDING) or not on_grid(height, shape[0]):
        return None
    frequencies = (height * shape[0]).round().long()
    steps = (frequencies.diff() != 0).nonzero().flatten() + 1
    first = int(steps[0]) if len(steps) else len(height)
    if len(height) % first or bool((frequencies.reshape(-1, first) != frequencies[::first, None]).any()):
        return None
    plane = points[1:].reshape(2, -1, first, points.shape[2])
    if bool((plane - plane[:, :1]).abs().max() > ROUNDING):
        return None
    return StackedPlanes(plane[:, 0].reshape(2, -1), frequencies[::first])


def on_grid(component: Tensor, size: int) -> bool:
    """Whether all components are whole multiples of 1/size: frequencies of the FFT of so many pixels."""
    scaled = component * size
    return bool((scaled - scaled.round()).abs().max() <= ROUNDING * size)
