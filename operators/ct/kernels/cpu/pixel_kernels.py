"""Interpolating backprojection: every view is read where the pixels project to, and summed.

A view is resampled by 6-point Lagrange interpolation onto a virtual detector with two bins to a pixel,
on which the pixels of one row are two bins apart. Row i, shifted by q + f bins (q whole, 0 ≤ f < 1), adds

    x[i, j] += (1 − f) v[2j + q] + f v[2j + q + 1].

Even and odd virtual bins lie apart, so that each term is a walk along contiguous memory. The projection
here is the exact transpose, for the adjoint of filtered backprojection; it is no model of line integrals.
Layouts are those of :mod:`~recon.operators.ct.kernels.cpu.shear_kernels`, with the even bins of each virtual
view followed by its odd ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu.jit import inlined, kernel, part
from recon.operators.ct.kernels.cpu.resample import interpolate, spread
from recon.operators.ct.kernels.cpu.rows import GROUP, MARGIN, add_transpose, copy, eight, starts
from recon.operators.ct.kernels.cpu.simd import LANES, load, splat, store
from recon.operators.ct.kernels.views import ORIGIN, SLOPE, STEP

Array = np.ndarray[Any, Any]

PHASES = 2  # virtual bins per pixel
VIEWS = 16  # views that the projection keeps at a time
ROWS = 32  # rows of the image that stay in cache while it goes through them
BLOCK = 8  # rows that the backprojection keeps at a time
PAD = 8  # zeros beside the detector for the interpolation stencil


@part
def _shift(slope: float, row: int, rows: int, offset: int, whole: Array, weight: Array, n: int) -> None:
    """Where one row begins among even bins, whole[0, n], and odd ones, whole[1, n], and their weights."""
    shift = 2 * (offset - slope * (row - (rows - 1) / 2))
    q = np.int64(shift)
    odd = q % 2
    whole[odd, n], weight[odd, n] = q // 2, 1 - (shift - q)
    whole[1 - odd, n], weight[1 - odd, n] = q // 2 + odd, shift - q


@part
def _first(view: Array, offset: int, phase: int) -> Any:
    """Place on the padded detector of the first virtual bin of a phase."""
    return PAD + (phase / 2 - offset - view[ORIGIN]) / view[STEP]


@inlined
def _add_eight(source: Array, start: Any, weight: Any, first: int, last: int, target: Array) -> None:
    """Add eight stretches of ``source``, starting at ``start``, times ``weight`` to target[first : last]."""
    w0, w1, w2, w3 = splat(weight[0]), splat(weight[1]), splat(weight[2]), splat(weight[3])
    w4, w5, w6, w7 = splat(weight[4]), splat(weight[5]), splat(weight[6]), splat(weight[7])
    for j in range(first, last, LANES):
        n = j - first
        total = load(target, j)
        total = total + w0 * load(source, start[0] + n)
        total = total + w1 * load(source, start[1] + n)
        total = total + w2 * load(source, start[2] + n)
        total = total + w3 * load(source, start[3] + n)
        total = total + w4 * load(source, start[4] + n)
        total = total + w5 * load(source, start[5] + n)
        total = total + w6 * load(source, start[6] + n)
        total = total + w7 * load(source, start[7] + n)
        store(target, j, total)


@kernel
def project_views(packed: Array, rows: int, offset: int, views: Array, chosen: Array, out: Array) -> None:
    """Views ``chosen``, all of one axis, of the transpose of backprojection for every item."""
    height, width = packed.shape[1:]
    columns, bins = width - 2 * MARGIN, out.shape[2]
    size = (columns + 2 * offset + 2 * LANES) // LANES * LANES
    count = min(VIEWS, chosen.shape[0])
    whole, weight = np.empty((count, 2, height), np.int64), np.empty((count, 2, height), packed.dtype)
    virtual = np.empty((count, 2, size), packed.dtype)
    line = np.empty(bins + 2 * PAD, packed.dtype)
    node, rest = np.empty(size + LANES - 1, np.int32), np.empty(size + LANES - 1, packed.dtype)
    weights = np.empty(6 * LANES, packed.dtype)
    for begin in range(0, chosen.shape[0], count):
        block = chosen[begin : begin + count]
        for n in range(block.shape[0]):
            for i in range(height):
                _shift(views[block[n], SLOPE], min(i, rows - 1), rows, offset, whole[n], weight[n], i)
        for b in range(packed.shape[0]):
            image = packed[b].reshape(-1)
            virtual[:] = 0
            for first in range(0, height, ROWS):
                for n in range(block.shape[0]):
                    for i in range(first, min(first + ROWS, height), GROUP):
                        for phase in range(2):
                            q = whole[n, phase, i : i + GROUP]
                            low = min(q[0], q[GROUP - 1])  # shifts are monotone in the row
                            high = max(q[0], q[GROUP - 1]) + columns
                            low -= low % LANES
                            start = starts(i * width + MARGIN + low, width, q, -1)
                            _add_eight(image, start, eight(weight[n, phase, i:]), low, high, virtual[n, phase])
            for n in range(block.shape[0]):
                view = views[block[n]]
                line[:] = 0
                for phase in range(2):
                    start, step = _first(view, offset, phase), 1 / view[STEP]
                    spread(virtual[n, phase], start, step, 1.0, node, rest, weights, line)
                copy(line[PAD : PAD + bins], out[b, block[n]])


@kernel
def spread_views(
    sinogram: Array, offset: int, views: Array, chosen: Array, first: int, last: int, virtual: Array
) -> None:
    """Virtual views first … last − 1 of every item; those beyond ``chosen`` are zero."""
    bins, size = sinogram.shape[2], virtual.shape[2] // 2
    line, target = np.zeros(bins + 2 * PAD, sinogram.dtype), np.empty(size + LANES - 1, sinogram.dtype)
    node, rest = np.empty(size + LANES - 1, np.int32), np.empty(size + LANES - 1, sinogram.dtype)
    for b in range(sinogram.shape[0]):
        for n in range(first, last):
            if n >= chosen.shape[0]:
                virtual[b, n] = 0
                continue
            view = views[chosen[n]]
            copy(sinogram[b, chosen[n]], line[PAD : PAD + bins])
            for phase in range(2):
                interpolate(line, _first(view, offset, phase), 1 / view[STEP], 1.0, node, rest, target)
                copy(target[:size], virtual[b, n, phase * size : (phase + 1) * size])


@kernel
def sum_views(
    virtual: Array, rows: int, offset: int, views: Array, chosen: Array, begin: int, end: int, other: Array, out: Array
) -> None:
    """Rows begin … end − 1 of the backprojection of the virtual views of every item.

    The transpose of ``other`` is added where it holds any items.
    """
    items, count, length = virtual.shape
    size, columns = length // 2, out.shape[2]
    whole, weight = np.zeros((BLOCK, 2 * count), np.int64), np.zeros((BLOCK, 2 * count), virtual.dtype)
    pair, part = np.empty((2, 1), np.int64), np.empty((2, 1), virtual.dtype)
    line = np.empty((BLOCK, (columns + LANES - 1) // LANES * LANES), virtual.dtype)
    for first in range(begin, end, BLOCK):
        height = min(BLOCK, end - first)
        for i in range(height):
            for n in range(chosen.shape[0]):
                _shift(views[chosen[n], SLOPE], first + i, rows, offset, pair, part, 0)
                whole[i, 2 * n], whole[i, 2 * n + 1] = pair[0, 0], pair[1, 0]
                weight[i, 2 * n], weight[i, 2 * n + 1] = part[0, 0], part[1, 0]
        for b in range(items):
            v = virtual[b].reshape(-1)
            line[:] = 0
            for n in range(0, 2 * count, GROUP):
                for i in range(height):
                    start = starts(n * size, size, whole[i, n:], 1)
                    _add_eight(v, start, eight(weight[i, n:]), 0, line.shape[1], line[i])
            for i in range(height):
                copy(line[i, :columns], out[b, first + i])
            if other.shape[0]:
                add_transpose(other[b], first, first + height, out[b])
