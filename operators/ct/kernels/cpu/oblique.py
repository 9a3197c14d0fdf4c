"""Spreads the kernels for rays of any direction in space over threads."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu import oblique_kernels as kernels
from recon.operators.ct.kernels.cpu.simd import LANES
from recon.operators.ct.kernels.cpu.threads import in_parts

Array = np.ndarray[Any, Any]


def project(
    packed: Array,
    shape: tuple[int, ...],
    rays: Array,
    axes: Array,
    spacing: tuple[float, ...],
    out: Array,
) -> None:
    """Write those rays of packed volumes to ``out`` that step along an axis whose bit is set in ``axes`` (views,)."""
    chosen, upright = np.flatnonzero(axes), _upright(rays)

    def work(first: int, last: int) -> None:
        kernels.project_rays(packed, shape, rays, axes, upright, spacing, chosen, first, last, out)

    in_parts(work, len(chosen) * max(out.shape[2:]))


def backproject(
    sinogram: Array,
    rays: Array,
    axes: Array,
    spacing: tuple[float, ...],
    shape: tuple[int, ...],
    packed: Array,
) -> None:
    """Add the transpose of :func:`project` of ``sinogram`` to packed volumes."""
    upright = _upright(rays)

    def work(chosen: Array, axis: int, first: int, last: int) -> None:
        kernels.backproject_layers(sinogram, rays, axes, upright, spacing, chosen, axis, first, last, shape, packed)

    for axis in range(3):
        chosen = np.flatnonzero(axes >> axis & 1)
        if len(chosen):
            in_parts(partial(work, chosen, axis), shape[axis], LANES if axis == 0 else 1)


def possible_axes(rays: Array, detector: tuple[int, ...]) -> Array:
    """Bits 0, 1, 2 for the axes along which any ray of a view may step; some that none does, ``(views,)``.

    Directions are affine in the indices: their extremes are those of the detector's corners.
    """
    rows, bins = (n - 1 for n in detector)
    start, per_bin, per_row = rays[:, 9:12], rays[:, 12:15], rays[:, 15:18]
    corners = np.stack([start + k * per_bin + row * per_row for k in (0, bins) for row in (0, rows)])
    most = np.abs(corners).max(0)
    least = np.where((corners > 0).all(0) | (corners < 0).all(0), np.abs(corners).min(0), 0.0)
    return ((most * (1 + 1e-9) >= least.max(1, keepdims=True)) << np.arange(3)).sum(1)  # type: ignore[no-any-return]


def _upright(rays: Array) -> Array:
    """Whether rows rather than bins of a view's detector lie along z, ``(views,)``: they then share lines of cache."""
    point, direction = np.abs(rays[:, [3, 6]]), np.abs(rays[:, [12, 15]])
    return point[:, 1] + direction[:, 1] >= point[:, 0] + direction[:, 0]
