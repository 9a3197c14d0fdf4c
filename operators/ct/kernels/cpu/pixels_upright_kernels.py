"""Views read at the voxels of a volume where the detector's rows run along z.

Then u and the weight of a voxel depend on (i, j) alone and v is affine in its plane, so a column of voxels reads one
line of the view, interpolated between two bins once for the whole column, at equal steps. Views are packed with bins
outside and rows inside, both between zeros, and columns of the volume lie contiguous. Places are worked out once for
all items and both directions, as in :mod:`~recon.operators.ct.kernels.cpu.pixels_plane_kernels`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu.jit import exact, kernel
from recon.operators.ct.kernels.cpu.pixels_places import fraction, weigh
from recon.operators.ct.kernels.cpu.simd import LANES, gather, load, splat, store
from recon.operators.ct.kernels.pixels import SPACE_A, SPACE_B, SPACE_C

Array = np.ndarray[Any, Any]

BEFORE, AROUND = 1, 3  # zeros before rows and bins, and all beside them


@exact
def _place(row: Array, i: int, count: int, bins: int, power: float, node: Array, left: Array, right: Array) -> None:
    """Bins and weights at which the columns (i, 0) … (i, count − 1) read a view: left at ``node``, right behind it."""
    real = left.dtype.type
    a, c = real(row[SPACE_A + 2]), real(row[SPACE_C + 2])
    first_a = real(row[SPACE_A + 1] * i + row[SPACE_A + 3])
    first_c = real(row[SPACE_C + 1] * i + row[SPACE_C + 3])
    last, one, zero = real(bins + BEFORE), real(1), real(0)
    for j in range(count):
        depth = first_c + c * real(j)
        ahead = depth > zero
        inverse = one / (depth if ahead else one)
        node[j], right[j] = fraction((first_a + a * real(j)) * inverse + real(BEFORE), last)
        left[j] = inverse if ahead else zero
    weigh(left, right, count, power)


@exact
def _climb(row: Array, i: int, j: int, planes: int, rows: int, node: Array, part: Array) -> Any:
    """Rows and fractions at which the voxels of the column (i, j) read it, for those planes that see the detector.

    Returns the first of these planes, a multiple of LANES, the last + 1, and the same of the rows that are read.
    """
    real = part.dtype.type
    depth = row[SPACE_C + 1] * i + row[SPACE_C + 2] * j + row[SPACE_C + 3]
    inverse = 1 / depth if depth > 0 else 0.0
    start = real((row[SPACE_B + 1] * i + row[SPACE_B + 2] * j + row[SPACE_B + 3]) * inverse + BEFORE)
    step, last = real(row[SPACE_B] * inverse), real(rows + BEFORE)
    first, end = np.int64(0), np.int64(planes)
    if step != 0:
        a, b = -start / step, (last - start) / step
        first = np.int64(min(max(min(a, b) - real(1), real(0)), real(planes))) // LANES * LANES
        end = np.int64(min(max(max(a, b) + real(2), real(0)), real(planes)))
    if end <= first:
        return first, first, 0, 0
    for z in range(first, (end + LANES - 1) // LANES * LANES):
        node[z], part[z] = fraction(start + step * real(z), last)
    low, high = min(node[first], node[end - 1]), max(node[first], node[end - 1])
    return first, end, np.int64(low), np.int64(high) + 2


@kernel
def pack_views(sinogram: Array, first: int, last: int, packed: Array) -> None:
    """Copy views first … last − 1 (items, views, rows, bins) to (views, items, bins, rows) between zeros."""
    items, _, rows, bins = sinogram.shape
    for b in range(items):
        for v in range(first, last):
            for begin_k in range(0, bins, LANES):  # whole cache lines of both
                for r in range(rows):
                    for k in range(begin_k, min(begin_k + LANES, bins)):
                        packed[v, b, BEFORE + k, BEFORE + r] = sinogram[b, v, r, k]


@kernel
def backproject_rows(packed: Array, table: Array, power: float, begin: int, end: int, rows: int, out: Array) -> None:
    """Add these views, with one table row each, to image rows begin … end − 1 of volumes (items, planes, i, j)."""
    views, items, bins, height = packed.shape
    planes, columns = out.shape[1], out.shape[3]
    size = (planes + LANES - 1) // LANES * LANES
    bin_, left, right = np.zeros(columns, np.uint32), np.zeros(columns, out.dtype), np.zeros(columns, out.dtype)
    node, part = np.zeros(size, np.uint32), np.zeros(size, out.dtype)
    total, line = np.empty((items, columns, size), out.dtype), np.zeros(height + LANES, out.dtype)
    source, sums = packed.reshape(-1), total.reshape(-1)
    one = splat(out.dtype.type(1))
    for i in range(begin, end):
        total[:] = 0
        for v in range(views):
            _place(table[v], i, columns, bins - AROUND, power, bin_, left, right)
            for j in range(columns):
                lowest, highest, low, high = _climb(table[v], i, j, planes, rows, node, part)
                w0, w1 = splat(left[j]), splat(right[j])
                for b in range(items):
                    base = ((v * items + b) * bins + np.int64(bin_[j])) * height
                    for r in range(low, high, LANES):
                        store(line, r, w0 * load(source, base + r) + w1 * load(source, base + height + r))
                    target = (b * columns + j) * size
                    for z in range(lowest, highest, LANES):
                        nodes, t = load(node, z), load(part, z)
                        value = load(sums, target + z) + (one - t) * gather(line, nodes, 0)
                        store(sums, target + z, value + t * gather(line, nodes, 1))
        for b in range(items):
            for z in range(planes):
                for j in range(columns):
                    out[b, z, i, j] += total[b, j, z]


@kernel
def pack_rows(image: Array, begin: int, end: int, packed: Array) -> None:
    """Copy rows begin … end − 1 of volumes (items, planes, i, j) to (items, i, j, planes)."""
    items, planes, _, columns = image.shape
    for b in range(items):
        for i in range(begin, end):
            for first in range(0, columns, LANES):
                for z in range(planes):
                    for j in range(first, min(first + LANES, columns)):
                        packed[b, i, j, z] = image[b, z, i, j]


@kernel
def project_views(packed: Array, table: Array, power: float, begin: int, end: int, out: Array) -> None:
    """Views begin … end − 1 (items, views, rows, bins) of the transpose, from columns (items, i, j, planes)."""
    items, across, columns, planes = packed.shape
    rows, bins = out.shape[2:]
    height = (rows + AROUND + LANES - 1) // LANES * LANES
    bin_, left, right = np.zeros(columns, np.uint32), np.zeros(columns, out.dtype), np.zeros(columns, out.dtype)
    size = (planes + LANES - 1) // LANES * LANES
    node, part = np.zeros(size, np.uint32), np.zeros(size, out.dtype)
    even, odd = np.zeros(height + LANES, out.dtype), np.zeros(height + LANES, out.dtype)
    view = np.empty((items, bins + AROUND, height), out.dtype)
    zero, one = splat(out.dtype.type(0)), out.dtype.type(1)
    for v in range(begin, end):
        view[:] = 0
        for i in range(across):
            _place(table[v], i, columns, bins, power, bin_, left, right)
            for j in range(columns):
                lowest, highest, low, high = _climb(table[v], i, j, planes, rows, node, part)
                w0, w1 = splat(left[j]), splat(right[j])
                for b in range(items):
                    column = packed[b, i, j]
                    for z in range(lowest, highest - 1, 2):
                        m, n, x, y = np.uint64(node[z]), np.uint64(node[z + 1]), column[z], column[z + 1]
                        even[m] += (one - part[z]) * x
                        even[m + np.uint64(1)] += part[z] * x
                        odd[n] += (one - part[z + 1]) * y
                        odd[n + np.uint64(1)] += part[z + 1] * y
                    if (highest - lowest) % 2:
                        last = highest - 1
                        m, x = np.uint64(node[last]), column[last]
                        even[m] += (one - part[last]) * x
                        even[m + np.uint64(1)] += part[last] * x
                    near, far = view[b, np.int64(bin_[j])], view[b, np.int64(bin_[j]) + 1]
                    for r in range(low - low % LANES, high, LANES):
                        value = load(even, r) + load(odd, r)
                        store(near, r, load(near, r) + w0 * value)
                        store(far, r, load(far, r) + w1 * value)
                        store(even, r, zero)
                        store(odd, r, zero)
        for b in range(items):
            for r in range(rows):
                for k in range(bins):
                    out[b, v, r, k] = view[b, BEFORE + k, BEFORE + r]
