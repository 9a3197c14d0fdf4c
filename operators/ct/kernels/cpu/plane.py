"""Joseph's method in a plane: what :mod:`~recon.operators.ct.kernels.rays` states, for tables of 11 columns.

Rays are followed along one axis of the image after the other. A few images go one by one; more of them lie side by
side, pixel by pixel, LANES at a time. Both ways give the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from recon.operators.ct.kernels.cpu import plane_backproject, plane_project
from recon.operators.ct.kernels.cpu.columns import aligned
from recon.operators.ct.kernels.cpu.plane_lanes import from_lanes, to_lanes, transpose
from recon.operators.ct.kernels.cpu.plane_project import RIM
from recon.operators.ct.kernels.cpu.rows import MARGIN
from recon.operators.ct.kernels.cpu.simd import LANES
from recon.operators.ct.kernels.cpu.threads import for_each, split

Array = np.ndarray[Any, Any]

FEW = 7  # up to this many items go one by one: they would leave most lanes idle
STRIP = 16  # rows of which strips are multiples


def project(image: Array, rays: Array, spacing: tuple[float, ...], out: Array) -> None:
    """Write the projections (items, views, bins) of images (items, rows, columns) to ``out``."""
    out[:] = 0
    for items in _parts(image):
        way = _project_lanes if items.stop - items.start > FEW else _project_images
        way(image[items], rays, spacing, out[items])


def backproject(sinogram: Array, rays: Array, spacing: tuple[float, ...], out: Array) -> None:
    """Write the transpose of :func:`project` of ``sinogram`` to ``out``."""
    out[:] = 0
    for items in _parts(out):
        way = _backproject_lanes if items.stop - items.start > FEW else _backproject_images
        way(sinogram[items], rays, spacing, out[items])


def _parts(items: Array) -> list[slice]:
    return [slice(first, min(first + LANES, len(items))) for first in range(0, len(items), LANES)]


def _project_images(image: Array, rays: Array, spacing: tuple[float, ...], out: Array) -> None:
    bins, shape = out.shape[2], image.shape[1:]
    for axis in (0, 1):
        packed = _packed(image, axis).reshape(-1)

        def run(first: int, last: int, packed: Array = packed, axis: int = axis) -> None:
            work = plane_project.image_work(bins, out.dtype)
            plane_project.project_images(packed, shape, rays, spacing, axis, work, first, last, out)

        _spread(run, split(len(rays)))


def _project_lanes(image: Array, rays: Array, spacing: tuple[float, ...], out: Array) -> None:
    bins, (rows, columns) = out.shape[2], image.shape[1:]
    packed = _lanes(RIM + rows + RIM, RIM + columns + RIM, image.dtype)
    _spread(lambda first, last: to_lanes(image, first, last, RIM, packed), split(rows))
    shape, flat = (rows, columns, packed.shape[1]), packed.reshape(-1)
    for axis in (0, 1):

        def run(first: int, last: int, axis: int = axis) -> None:
            work = plane_project.lane_work(bins, out.dtype)
            plane_project.project_lanes(flat, shape, rays, spacing, axis, work, first, last, out)

        _spread(run, split(len(rays)))


def _backproject_images(sinogram: Array, rays: Array, spacing: tuple[float, ...], out: Array) -> None:
    bins, shape = sinogram.shape[2], out.shape[1:]
    for axis in (0, 1):
        packed = _packed(out, axis)
        flat = packed.reshape(-1)

        def run(first: int, last: int, flat: Array = flat, axis: int = axis) -> None:
            work = plane_backproject.image_work(bins, out.dtype)
            plane_backproject.backproject_images(sinogram, shape, rays, spacing, axis, work, first, last, flat)

        _spread(run, _strips(shape[axis]))
        if axis == 0:
            out[:] = packed[:, :, MARGIN:-MARGIN]
        else:
            _transpose(packed, MARGIN, 0, out)


def _backproject_lanes(sinogram: Array, rays: Array, spacing: tuple[float, ...], out: Array) -> None:
    (_, views, bins), (rows, columns) = sinogram.shape, out.shape[1:]
    lines, packed = aligned((views, bins, LANES), out.dtype), _lanes(rows, columns, out.dtype)
    _spread(lambda first, last: to_lanes(sinogram, first, last, 0, lines), split(views))
    shape, source, target = (rows, columns, packed.shape[1]), lines.reshape(-1), packed.reshape(-1)
    for axis in (0, 1):

        def run(first: int, last: int, axis: int = axis) -> None:
            work = plane_backproject.lane_work(bins, out.dtype)
            plane_backproject.backproject_lanes(source, shape, rays, spacing, axis, work, first, last, target)

        _spread(run, _strips(shape[axis]))
    _spread(lambda first, last: from_lanes(packed, first, last, out), split(len(packed)))


def _packed(image: Array, axis: int) -> Array:
    """Images as rays of an axis see them, between margins of zeros."""
    rows, columns = image.shape[1:]
    if axis == 1:
        packed = np.zeros((len(image), columns, rows + 2 * MARGIN), image.dtype)
        _transpose(image, 0, MARGIN, packed)
        return packed
    packed = np.zeros((len(image), rows, columns + 2 * MARGIN), image.dtype)
    packed[:, :, MARGIN:-MARGIN] = image
    return packed


def _transpose(source: Array, origin: int, to: int, target: Array) -> None:
    """Write the transpose of ``source`` from column ``origin`` on to ``target`` from column ``to`` on."""
    _spread(lambda first, last: transpose(source, origin, first, last, to, target), split(source.shape[1], LANES))


def _lanes(rows: int, columns: int, dtype: Any) -> Array:
    """Zeros (rows, columns or more, LANES); in the same column, neighbouring rows use different parts of the cache."""
    return aligned((rows, columns + (21 - columns) % 64, LANES), dtype)


def _strips(rows: int) -> list[tuple[int, int]]:
    """Cut rows into two strips a thread, few because each of them works out all rays again."""
    threads = torch.get_num_threads()
    pieces = 1 if threads == 1 else 2 * threads
    size = -(-rows // (pieces * STRIP)) * STRIP
    return [(first, min(first + size, rows)) for first in range(0, rows, size)]


def _spread(task: Callable[[int, int], None], parts: list[tuple[int, int]]) -> None:
    for_each(len(parts), lambda n: task(*parts[n]))
