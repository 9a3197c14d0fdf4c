"""Hands kernels on sheared rows their packed blocks and spreads them over threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu.rows import GROUP, MARGIN, pack, pack_transposed
from recon.operators.ct.kernels.cpu.simd import LANES
from recon.operators.ct.kernels.cpu.threads import for_each, split
from recon.operators.ct.kernels.views import AXIS

Array = np.ndarray[Any, Any]

CACHE = 1 << 20  # bytes of images that share one computation of the shifts and stay near the core


def project(kernels: ModuleType, image: Array, views: Array, out: Array) -> None:
    """Write the projections (items, views, bins) of images (items, rows, columns) to ``out``."""
    for part in _parts(image):
        _project_items(kernels, image[part], views, out[part])


def backproject(kernels: ModuleType, sinogram: Array, views: Array, out: Array) -> None:
    """Write the transpose of :func:`project` of ``sinogram`` to ``out``."""
    for part in _parts(out):
        _backproject_items(kernels, sinogram[part], views, out[part])


def _parts(image: Array) -> Iterator[slice]:
    """Batch items to take at a time."""
    items = max(1, CACHE // max(1, image[:1].nbytes))
    return (slice(first, first + items) for first in range(0, len(image), items))


def _project_items(kernels: ModuleType, image: Array, views: Array, out: Array) -> None:
    packing: list[Callable[[], None]] = []
    projecting: list[Callable[[], None]] = []
    for axis in (0, 1):
        chosen = np.flatnonzero(views[:, AXIS] == axis)
        if not len(chosen):
            continue
        rows, columns = image.shape[1:] if axis == 0 else image.shape[:0:-1]
        packed = np.empty((len(image), -(-rows // GROUP) * GROUP, columns + 2 * MARGIN), image.dtype)
        if axis == 0:
            packing += [partial(pack, image, a, b, packed) for a, b in split(packed.shape[1], each=1)]
        else:
            packing += [partial(pack_transposed, image, a, b, packed) for a, b in split(columns, LANES, each=2)]
        projecting += [
            partial(kernels.project_views, packed, rows, _offset(rows), views, chosen[a:b], out)
            for a, b in split(len(chosen))
        ]
    _each(packing)
    _each(projecting)


def _backproject_items(kernels: ModuleType, sinogram: Array, views: Array, out: Array) -> None:
    upright, flipped = (np.flatnonzero(views[:, AXIS] == axis) for axis in (0, 1))
    other = np.empty((len(out) if len(flipped) else 0, *out.shape[:0:-1]), out.dtype)
    spreading: list[Callable[[], None]] = []
    summing: list[list[Callable[[], None]]] = []
    for chosen, added, target in ((flipped, other[:0], other), (upright, other, out)):
        if not len(target):
            continue
        rows, columns = target.shape[1:]
        offset = _offset(rows)
        count = -(-len(chosen) // GROUP) * GROUP
        size = (columns + 2 * offset + 2 * LANES) // LANES * LANES
        virtual = np.empty((len(sinogram), count, kernels.PHASES * size), sinogram.dtype)
        spreading += [
            partial(kernels.spread_views, sinogram, offset, views, chosen, a, b, virtual)
            for a, b in split(count, GROUP)
        ]
        summing.append(
            [
                partial(kernels.sum_views, virtual, rows, offset, views, chosen, a, b, added, target)
                for a, b in split(rows, kernels.BLOCK)
            ]
        )
    _each(spreading)
    for tasks in summing:
        _each(tasks)


def _each(tasks: Sequence[Callable[[], None]]) -> None:
    for_each(len(tasks), lambda n: tasks[n]())


def _offset(rows: int) -> int:
    """Index of the virtual bin where the middle row begins: no shift leads below one register."""
    return rows // 2 + LANES
