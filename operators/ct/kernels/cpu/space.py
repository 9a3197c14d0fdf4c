"""Joseph's method in space: what :mod:`~recon.operators.ct.kernels.rays` states, for tables of 18 columns.

Detectors whose rows lie along z go to the slab kernels, which serve all their rays but those that step along z; these
and the rays of other detectors are followed one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu import oblique, slab
from recon.operators.ct.kernels.cpu.columns import empty, pack, unpack

Array = np.ndarray[Any, Any]

ITEMS = 4  # batch items that share one computation of the geometry
TOGETHER = 1 << 28  # bytes of volumes that may be packed for that


def project(image: Array, rays: Array, spacing: tuple[float, ...], out: Array) -> None:
    """Write the projections (items, views, rows, bins) of volumes (items, planes, rows, columns) to ``out``."""
    upright, axes = _divide(rays, out.shape[2:])
    for part in _parts(image):
        packed, target = pack(image[part]), out[part]
        slab.project(packed, image.shape[1:], rays, upright, spacing, target)
        oblique.project(packed, image.shape[1:], rays, axes, spacing, target)


def backproject(sinogram: Array, rays: Array, spacing: tuple[float, ...], out: Array) -> None:
    """Write the transpose of :func:`project` of ``sinogram`` to ``out``."""
    upright, axes = _divide(rays, sinogram.shape[2:])
    for part in _parts(out):
        source, packed = sinogram[part], empty(part.stop - part.start, out.shape[1:], out.dtype)
        slab.backproject(source, rays, upright, spacing, out.shape[1:], packed)
        oblique.backproject(source, rays, axes, spacing, out.shape[1:], packed)
        unpack(packed, out[part])


def _divide(rays: Array, detector: tuple[int, ...]) -> tuple[Array, Array]:
    """The views for the slab kernels, and as bits (views,) the axes along which the other kernels follow rays."""
    axes = oblique.possible_axes(rays, detector)
    upright = slab.fitting(rays)
    axes[upright] &= 1
    return np.flatnonzero(upright), axes


def _parts(volumes: Array) -> Iterator[slice]:
    """Batch items ITEMS at a time, unless they are large, and the last ones one by one."""
    whole = len(volumes) // ITEMS * ITEMS if ITEMS * volumes[:1].nbytes <= TOGETHER else 0
    yield from (slice(first, first + ITEMS) for first in range(0, whole, ITEMS))
    yield from (slice(first, first + 1) for first in range(whole, len(volumes)))
