"""Parallel-beam projection as a shear along pixel rows and a resampling along the detector.

Rows are shifted by linear interpolation so that the rays of a view become columns; their sum is the
view on a virtual detector whose bins are one pixel apart, and 6-point Lagrange interpolation reads
the real detector from it. Both steps walk contiguous memory. With the shift of row i split into
qᵢ + fᵢ (qᵢ whole, 0 ≤ fᵢ < 1) the virtual view is

    v[p] = Σᵢ (1 − fᵢ) rᵢ[p − qᵢ] + fᵢ rᵢ[p − qᵢ − 1] = S[p] − D[p] + D[p − 1],
    S[p] = Σᵢ rᵢ[p − qᵢ],   D[p] = Σᵢ fᵢ rᵢ[p − qᵢ],

so each pixel is loaded once per view. The adjoint exchanges the roles of rows and views. Every
output number is summed by one thread in one order: reruns are bit-identical.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu.jit import inlined, kernel, part
from recon.operators.ct.kernels.cpu.resample import interpolate, spread
from recon.operators.ct.kernels.cpu.rows import GROUP, MARGIN, add_transpose, copy, eight, starts
from recon.operators.ct.kernels.cpu.simd import LANES, load, splat, store
from recon.operators.ct.kernels.views import ORIGIN, SLOPE, STEP, WEIGHT

Array = np.ndarray[Any, Any]

PHASES = 1  # virtual bins per pixel
VIEWS = 16  # views that the forward kernel keeps at a time
ROWS = 32  # rows of the image that stay in cache while it goes through them
BLOCK = 8  # rows that the adjoint kernel keeps at a time


@part
def _shift(slope: float, row: int, rows: int, offset: int, whole: Array, part: Array, n: int) -> None:
    """Split the shift of one row in one view into whole[n] and 0 ≤ part[n] < 1."""
    shift = offset - slope * (row - (rows - 1) / 2)
    whole[n] = np.int64(shift)
    part[n] = shift - whole[n]


@inlined
def _add_eight(source: Array, start: Any, part: Any, first: int, last: int, S: Array, D: Array) -> None:
    """Add eight stretches of ``source``, starting at ``start``, to S and, times ``part``, to D[first : last]."""
    f0, f1, f2, f3 = splat(part[0]), splat(part[1]), splat(part[2]), splat(part[3])
    f4, f5, f6, f7 = splat(part[4]), splat(part[5]), splat(part[6]), splat(part[7])
    for j in range(first, last, LANES):
        n = j - first
        s, d = load(S, j), load(D, j)
        r = load(source, start[0] + n)
        s, d = s + r, d + f0 * r
        r = load(source, start[1] + n)
        s, d = s + r, d + f1 * r
        r = load(source, start[2] + n)
        s, d = s + r, d + f2 * r
        r = load(source, start[3] + n)
        s, d = s + r, d + f3 * r
        r = load(source, start[4] + n)
        s, d = s + r, d + f4 * r
        r = load(source, start[5] + n)
        s, d = s + r, d + f5 * r
        r = load(source, start[6] + n)
        s, d = s + r, d + f6 * r
        r = load(source, start[7] + n)
        s, d = s + r, d + f7 * r
        store(S, j, s)
        store(D, j, d)


@kernel
def project_views(packed: Array, rows: int, offset: int, views: Array, chosen: Array, out: Array) -> None:
    """Views ``chosen``, all of one axis, of every item.

    ``packed`` is (items, rows rounded up to GROUP, MARGIN + columns + MARGIN), zero outside the image.
    """
    height, width = packed.shape[1:]
    columns, bins = width - 2 * MARGIN, out.shape[2]
    size = (columns + 2 * offset + 2 * LANES) // LANES * LANES
    count = min(VIEWS, chosen.shape[0])
    whole, part = np.empty((count, height), np.int64), np.empty((count, height), packed.dtype)
    S, D = np.empty((count, size), packed.dtype), np.empty((count, size), packed.dtype)
    line, rest = np.empty(bins + LANES - 1, packed.dtype), np.empty(bins + LANES - 1, packed.dtype)
    node = np.empty(bins + LANES - 1, np.int32)
    for begin in range(0, chosen.shape[0], count):
        block = chosen[begin : begin + count]
        for n in range(block.shape[0]):
            for i in range(height):
                _shift(views[block[n], SLOPE], min(i, rows - 1), rows, offset, whole[n], part[n], i)
        for b in range(packed.shape[0]):
            image = packed[b].reshape(-1)
            S[:] = 0
            D[:] = 0
            for first in range(0, height, ROWS):
                for n in range(block.shape[0]):
                    for i in range(first, min(first + ROWS, height), GROUP):
                        q = whole[n, i : i + GROUP]
                        low = min(q[0], q[GROUP - 1])  # shifts are monotone in the row
                        high = max(q[0], q[GROUP - 1]) + columns
                        low -= low % LANES
                        start = starts(i * width + MARGIN + low, width, q, -1)
                        _add_eight(image, start, eight(part[n, i:]), low, high, S[n], D[n])
            for n in range(block.shape[0]):
                s, d, view = S[n], D[n], views[block[n]]
                for p in range(size - 1, 0, -1):
                    s[p] += d[p - 1] - d[p]
                interpolate(s, offset + view[ORIGIN], view[STEP], view[WEIGHT], node, rest, line)
                copy(line[:bins], out[b, block[n]])


@kernel
def spread_views(
    sinogram: Array, offset: int, views: Array, chosen: Array, first: int, last: int, virtual: Array
) -> None:
    """Virtual views first … last − 1 of every item; those beyond ``chosen`` are zero.

    ``virtual`` is (items, views of one axis rounded up to GROUP, virtual bins).
    """
    count = sinogram.shape[2] + LANES - 1
    node, rest = np.empty(count, np.int32), np.empty(count, virtual.dtype)
    weights = np.empty(6 * LANES, virtual.dtype)
    for b in range(sinogram.shape[0]):
        for n in range(first, last):
            target = virtual[b, n]
            target[:] = 0
            if n < chosen.shape[0]:
                view = views[chosen[n]]
                source = sinogram[b, chosen[n]]
                spread(source, offset + view[ORIGIN], view[STEP], view[WEIGHT], node, rest, weights, target)


@kernel
def sum_views(
    virtual: Array, rows: int, offset: int, views: Array, chosen: Array, begin: int, end: int, other: Array, out: Array
) -> None:
    """Rows begin … end − 1 of the transposed shear of the virtual views of every item.

    The transpose of ``other`` is added where it holds any items.
    """
    items, count, length = virtual.shape
    columns = out.shape[2]
    size = (columns + LANES) // LANES * LANES
    whole, part = np.zeros((BLOCK, count), np.int64), np.zeros((BLOCK, count), virtual.dtype)
    S, D = np.empty((BLOCK, size), virtual.dtype), np.empty((BLOCK, size), virtual.dtype)
    for first in range(begin, end, BLOCK):
        height = min(BLOCK, end - first)
        for i in range(height):
            for n in range(chosen.shape[0]):
                _shift(views[chosen[n], SLOPE], first + i, rows, offset, whole[i], part[i], n)
        for b in range(items):
            v = virtual[b].reshape(-1)
            S[:] = 0
            D[:] = 0
            for n in range(0, count, GROUP):
                for i in range(height):
                    start = starts(n * length, length, whole[i, n:], 1)
                    _add_eight(v, start, eight(part[i, n:]), 0, size, S[i], D[i])
            for i in range(height):
                target, s, d = out[b, first + i], S[i], D[i]
                for j in range(columns):
                    target[j] = s[j] - d[j] + d[j + 1]
            if other.shape[0]:
                add_transpose(other[b], first, first + height, out[b])
