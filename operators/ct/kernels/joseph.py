"""Hands Joseph's kernels their packed images and spreads them over threads."""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels import joseph_kernels as kernels
from recon.operators.ct.kernels.joseph_kernels import BLOCK
from recon.operators.ct.kernels.simd import LANES
from recon.operators.ct.kernels.threads import for_each, split
from recon.operators.ct.kernels.views import AXIS

Array = np.ndarray[Any, Any]

FEW = 3  # up to this many items go one by one: they would leave most lanes idle


def project(image: Array, views: Array, out: Array) -> None:
    """Write the projections (items, views, bins) of images (items, rows, columns) to ``out``."""
    for first in range(0, len(image), LANES):
        items, target = image[first : first + LANES], out[first : first + LANES]
        if len(items) > FEW:
            _project_lanes(items, views, target)
        else:
            _project_each(items, views, target)


def backproject(sinogram: Array, views: Array, out: Array) -> None:
    """Write the transpose of :func:`project` of ``sinogram`` to ``out``."""
    for first in range(0, len(sinogram), LANES):
        items, target = sinogram[first : first + LANES], out[first : first + LANES]
        target[:] = 0
        if len(items) > FEW:
            _backproject_lanes(items, views, target)
        else:
            _backproject_each(items, views, target)


def _axes(views: Array, image: Array) -> list[tuple[Array, Array]]:
    """For each axis that any view has: the indices of its views, and the images as they see them."""
    found = [(np.flatnonzero(views[:, AXIS] == axis), image.swapaxes(1, 2) if axis else image) for axis in (0, 1)]
    return [(chosen, seen) for chosen, seen in found if len(chosen)]


def _project_each(image: Array, views: Array, out: Array) -> None:
    tasks = []
    for chosen, seen in _axes(views, image):
        packed = np.zeros((*seen.shape[:2], seen.shape[2] + 2), image.dtype)
        packed[:, :, 1:-1] = seen
        tasks += [(packed, chosen[a:b]) for a, b in split(len(chosen))]
    for_each(len(tasks), lambda n: kernels.project_views(tasks[n][0], views, tasks[n][1], out))


def _project_lanes(image: Array, views: Array, out: Array) -> None:
    lines = np.empty((len(views), out.shape[2] * LANES), out.dtype)
    tasks = []
    for chosen, seen in _axes(views, image):
        packed = np.zeros((seen.shape[1], seen.shape[2] + 2, LANES), image.dtype)
        kernels.to_lanes(seen, packed[:, 1:-1])
        tasks += [(packed, chosen[a:b]) for a, b in split(len(chosen))]
    for_each(len(tasks), lambda n: kernels.project_lanes(tasks[n][0], views, tasks[n][1], lines))
    out[:] = np.moveaxis(lines.reshape(*out.shape[1:], LANES), -1, 0)[: len(out)]


def _backproject_each(sinogram: Array, views: Array, out: Array) -> None:
    for chosen, seen in _axes(views, out):
        part = np.empty((*seen.shape[:2], seen.shape[2] + 2), out.dtype)
        _in_strips(kernels.backproject_rows, sinogram, views, chosen, seen.shape[1], part)
        seen += part[:, :, 1:-1]


def _backproject_lanes(sinogram: Array, views: Array, out: Array) -> None:
    lines = np.zeros((len(views), sinogram.shape[2], LANES), sinogram.dtype)
    kernels.to_lanes(sinogram, lines)
    for chosen, seen in _axes(views, out):
        part = np.empty((seen.shape[1], seen.shape[2] + 2, LANES), out.dtype)
        _in_strips(kernels.backproject_lanes, lines.reshape(len(views), -1), views, chosen, seen.shape[1], part)
        kernels.add_lanes(part[:, 1:-1], seen)


def _in_strips(adjoint: Any, sinogram: Array, views: Array, chosen: Array, rows: int, out: Array) -> None:
    strips = split(rows, BLOCK)
    for_each(len(strips), lambda n: adjoint(sinogram, views, chosen, *strips[n], out))
