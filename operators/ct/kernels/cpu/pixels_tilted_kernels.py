"""Views read at the voxels of a volume, for detectors however turned.

As :mod:`~recon.operators.ct.kernels.cpu.pixels_plane_kernels`, with two places and bilinear weights for each voxel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu.jit import exact, kernel
from recon.operators.ct.kernels.cpu.pixels_places import fraction, weigh
from recon.operators.ct.kernels.pixels import SPACE_A, SPACE_B, SPACE_C

Array = np.ndarray[Any, Any]

BEFORE, AROUND = 1, 3  # zeros before rows and bins, and all beside them


@exact
def _place(
    row: Array, n: int, i: int, count: int, rows: int, bins: int, power: float, node: Array, part: Array, weight: Array
) -> None:
    """Where voxels (n, i, 0) … read a view: node of four neighbours, fraction among rows, weights of both bins."""
    real, width = part.dtype.type, np.uint32(bins + AROUND)
    a, b, c = real(row[SPACE_A + 2]), real(row[SPACE_B + 2]), real(row[SPACE_C + 2])
    first_a = real(row[SPACE_A] * n + row[SPACE_A + 1] * i + row[SPACE_A + 3])
    first_b = real(row[SPACE_B] * n + row[SPACE_B + 1] * i + row[SPACE_B + 3])
    first_c = real(row[SPACE_C] * n + row[SPACE_C + 1] * i + row[SPACE_C + 3])
    last_u, last_v, one, zero = real(bins + BEFORE), real(rows + BEFORE), real(1), real(0)
    for j in range(count):
        depth = first_c + c * real(j)
        ahead = depth > zero
        inverse = one / (depth if ahead else one)
        k, weight[1, j] = fraction((first_a + a * real(j)) * inverse + real(BEFORE), last_u)
        r, part[j] = fraction((first_b + b * real(j)) * inverse + real(BEFORE), last_v)
        node[j] = r * width + k
        weight[0, j] = inverse if ahead else zero
    weigh(weight[0], weight[1], count, power)


@kernel
def backproject_planes(packed: Array, table: Array, power: float, begin: int, end: int, out: Array) -> None:
    """Planes begin … end − 1 of volumes (items, planes, i, j) from views (items, views, rows, bins) between zeros."""
    items, views, height, width = packed.shape
    across, columns = out.shape[2:]
    node, part = np.zeros(columns, np.uint32), np.zeros(columns, out.dtype)
    weight, line = np.zeros((2, columns), out.dtype), np.empty((items, columns), out.dtype)
    one, next_row = out.dtype.type(1), np.uint64(packed.shape[3])
    for n in range(begin, end):
        for i in range(across):
            line[:] = 0
            for v in range(views):
                _place(table[v], n, i, columns, height - AROUND, width - AROUND, power, node, part, weight)
                for b in range(items):
                    view, target = packed[b, v].reshape(-1), line[b]
                    for j in range(columns):
                        k = np.uint64(node[j])
                        w0, w1, t = weight[0, j], weight[1, j], part[j]
                        near = w0 * view[k] + w1 * view[k + np.uint64(1)]
                        far = w0 * view[k + next_row] + w1 * view[k + next_row + np.uint64(1)]
                        target[j] += (one - t) * near + t * far
            for b in range(items):
                out[b, n, i] = line[b]


@kernel
def project_views(image: Array, table: Array, power: float, begin: int, end: int, out: Array) -> None:
    """Views begin … end − 1 (items, views, rows, bins) of the transpose."""
    items, planes, across, columns = image.shape
    rows, bins = out.shape[2:]
    node, part, weight = np.zeros(columns, np.uint32), np.zeros(columns, out.dtype), np.zeros((2, columns), out.dtype)
    view = np.empty((items, (rows + AROUND) * (bins + AROUND)))
    one, next_row = out.dtype.type(1), np.uint64(bins + AROUND)
    for v in range(begin, end):
        view[:] = 0
        for n in range(planes):
            for i in range(across):
                _place(table[v], n, i, columns, rows, bins, power, node, part, weight)
                for b in range(items):
                    sums, values = view[b], image[b, n, i]
                    for j in range(columns):
                        k, x = np.uint64(node[j]), values[j]
                        w0, w1, t = weight[0, j] * x, weight[1, j] * x, part[j]
                        sums[k] += (one - t) * w0
                        sums[k + np.uint64(1)] += (one - t) * w1
                        sums[k + next_row] += t * w0
                        sums[k + next_row + np.uint64(1)] += t * w1
        for b in range(items):
            for r in range(rows):
                first = (BEFORE + r) * (bins + AROUND) + BEFORE
                for u in range(bins):
                    out[b, v, r, u] = view[b, first + u]
