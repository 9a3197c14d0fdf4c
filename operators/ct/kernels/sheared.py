"""Hands kernels on sheared rows their packed blocks and spreads them over threads."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from recon.operators.ct.kernels.rows import GROUP, MARGIN, transpose
from recon.operators.ct.kernels.simd import LANES
from recon.operators.ct.kernels.threads import for_each, split
from recon.operators.ct.kernels.views import AXIS

Array = np.ndarray[Any, Any]

ITEMS = 4  # batch items that share one computation of the shifts, and bound the memory


def project(kernels: ModuleType, image: Array, views: Array, out: Array) -> None:
    """Write the projections (items, views, bins) of images (items, rows, columns) to ``out``."""
    for first in range(0, len(image), ITEMS):
        _project_items(kernels, image[first : first + ITEMS], views, out[first : first + ITEMS])


def backproject(kernels: ModuleType, sinogram: Array, views: Array, out: Array) -> None:
    """Write the transpose of :func:`project` of ``sinogram`` to ``out``."""
    for first in range(0, len(sinogram), ITEMS):
        items, target = sinogram[first : first + ITEMS], out[first : first + ITEMS]
        upright, flipped = (np.flatnonzero(views[:, AXIS] == axis) for axis in (0, 1))
        other = np.empty((len(target) if len(flipped) else 0, *target.shape[:0:-1]), out.dtype)
        if len(flipped):
            _backproject_axis(kernels, items, views, flipped, other[:0], other)
        _backproject_axis(kernels, items, views, upright, other, target)


def _project_items(kernels: ModuleType, image: Array, views: Array, out: Array) -> None:
    tasks = []
    for axis in (0, 1):
        chosen = np.flatnonzero(views[:, AXIS] == axis)
        if len(chosen):
            packed = _pack(image, axis)
            tasks += [(packed, image.shape[1 + axis], chosen[a:b]) for a, b in split(len(chosen))]

    def work(n: int) -> None:
        packed, rows, chosen = tasks[n]
        kernels.project_views(packed, rows, _offset(rows), views, chosen, out)

    for_each(len(tasks), work)


def _backproject_axis(
    kernels: ModuleType, sinogram: Array, views: Array, chosen: Array, other: Array, out: Array
) -> None:
    rows, columns = out.shape[1:]
    offset = _offset(rows)
    count = -(-len(chosen) // GROUP) * GROUP
    size = (columns + 2 * offset + 2 * LANES) // LANES * LANES
    virtual = np.empty((len(sinogram), count, kernels.PHASES * size), sinogram.dtype)
    parts, strips = split(count, GROUP), split(rows, kernels.BLOCK)
    for_each(len(parts), lambda n: kernels.spread_views(sinogram, offset, views, chosen, *parts[n], virtual))
    for_each(len(strips), lambda n: kernels.sum_views(virtual, rows, offset, views, chosen, *strips[n], other, out))


def _offset(rows: int) -> int:
    """Index of the virtual bin where the middle row begins: no shift leads below one register."""
    return rows // 2 + LANES


def _pack(image: Array, axis: int) -> Array:
    """Images, transposed for axis 1, with zeros around them."""
    items, rows, columns = image.shape if axis == 0 else (len(image), *image.shape[:0:-1])
    packed = np.zeros((items, -(-rows // GROUP) * GROUP, columns + 2 * MARGIN), image.dtype)
    if axis == 0:
        packed[:, :rows, MARGIN : MARGIN + columns] = image
    else:
        strips = split(image.shape[1], LANES)
        for_each(len(strips), lambda n: transpose(image, *strips[n], packed))
    return packed
