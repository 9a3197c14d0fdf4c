"""Views read at the pixels of a plane, row by row.

The two nodes and weights by which a row of pixels reads a view are worked out once, by one function whose every
operation is rounded on its own, for all items of a batch and for both directions, which are therefore exact
transposes. Views lie between zeros, one before and two after, so that a node clamped to them reads zero. The
formula is that of :mod:`recon.operators.ct.kernels.pixels`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu.jit import exact, kernel
from recon.operators.ct.kernels.cpu.pixels_places import arctangent, fraction, weigh
from recon.operators.ct.kernels.cpu.simd import LANES, gather, load, store
from recon.operators.ct.kernels.pixels import PLANE_A, PLANE_C, PLANE_START, PLANE_TURN

Array = np.ndarray[Any, Any]

BEFORE, AROUND = 1, 3  # zeros before a view, and all beside it
ROWS = 8  # rows of the image that stay in cache while the views go by


@exact
def _place(row: Array, i: int, count: int, bins: int, power: float, node: Array, left: Array, right: Array) -> None:
    """Nodes and weights at which pixels (i, 0) … (i, count − 1) read a view: left at ``node``, right behind it."""
    real = left.dtype.type
    a, c, turn = real(row[PLANE_A + 1]), real(row[PLANE_C + 1]), real(row[PLANE_TURN])
    first_a, first_c = real(row[PLANE_A] * i + row[PLANE_A + 2]), real(row[PLANE_C] * i + row[PLANE_C + 2])
    start, last, one, zero = real(row[PLANE_START] + BEFORE), real(bins + BEFORE), real(1), real(0)
    if turn == 0:
        for j in range(count):
            depth = first_c + c * real(j)
            ahead = depth > zero
            inverse = one / (depth if ahead else one)
            node[j], right[j] = fraction((first_a + a * real(j)) * inverse + real(BEFORE), last)
            left[j] = inverse if ahead else zero
    else:
        for j in range(count):
            aside, depth = first_a + a * real(j), first_c + c * real(j)
            ahead = depth > zero
            depth = depth if ahead else one
            distance = np.sqrt(aside * aside + depth * depth)
            node[j], right[j] = fraction(start + turn * arctangent(aside, depth, distance), last)
            left[j] = one / distance if ahead else zero
    weigh(left, right, count, power)


@kernel
def backproject_rows(packed: Array, table: Array, power: float, begin: int, end: int, out: Array) -> None:
    """Rows begin … end − 1 of every image (items, rows, columns) from views (items, views, bins + AROUND)."""
    items, views, width = packed.shape
    columns = out.shape[2]
    size = (columns + LANES - 1) // LANES * LANES
    node, left, right = np.zeros(size, np.uint32), np.zeros(size, out.dtype), np.zeros(size, out.dtype)
    line = np.empty((ROWS, items, size), out.dtype)
    source = packed.reshape(-1)
    for first in range(begin, end, ROWS):
        height = min(ROWS, end - first)
        line[:] = 0
        for v in range(views):
            for r in range(height):
                _place(table[v], first + r, columns, width - AROUND, power, node, left, right)
                for b in range(items):
                    target, base = line[r, b], (b * views + v) * width
                    for j in range(0, size, LANES):
                        nodes = load(node, j)
                        total = load(target, j) + load(left, j) * gather(source, nodes, base)
                        store(target, j, total + load(right, j) * gather(source, nodes, base + 1))
        for r in range(height):
            for b in range(items):
                out[b, first + r] = line[r, b, :columns]


@kernel
def project_views(image: Array, table: Array, power: float, begin: int, end: int, out: Array) -> None:
    """Views begin … end − 1 (items, views, bins) of the transpose: pixels are added to the bins that they read.

    Even and odd pixels go to sums of their own, of double precision, so that neighbours need not wait for one another.
    """
    items, rows, columns = image.shape
    bins = out.shape[2]
    size = columns + columns % 2
    node, left, right = np.zeros(size, np.uint32), np.zeros(size, image.dtype), np.zeros(size, image.dtype)
    even, odd = np.empty((items, bins + AROUND)), np.empty((items, bins + AROUND))
    for v in range(begin, end):
        even[:], odd[:] = 0, 0
        for i in range(rows):
            _place(table[v], i, columns, bins, power, node, left, right)
            for b in range(items):
                values, sums, others = image[b, i], even[b], odd[b]
                for j in range(0, columns - 1, 2):
                    m, n = np.uint64(node[j]), np.uint64(node[j + 1])
                    x, y = values[j], values[j + 1]
                    sums[m] += left[j] * x
                    sums[m + np.uint64(1)] += right[j] * x
                    others[n] += left[j + 1] * y
                    others[n + np.uint64(1)] += right[j + 1] * y
                if columns % 2:
                    m, x = np.uint64(node[columns - 1]), values[columns - 1]
                    sums[m] += left[columns - 1] * x
                    sums[m + np.uint64(1)] += right[columns - 1] * x
        for b in range(items):
            for k in range(bins):
                out[b, v, k] = even[b, BEFORE + k] + odd[b, BEFORE + k]
