"""Joseph's method: a ray steps from row to row and interpolates linearly between two pixels of each.

With u = origin + step · k + slope · (i − (rows − 1)/2) = j + f (j whole, 0 ≤ f < 1) the column where
ray k of a view crosses row i,

    y[k] = weight · Σᵢ (1 − f) x[i, j] + f x[i, j + 1]

over the rows and, for views of axis 1, over the columns. Rays go through single images one by one, or
through LANES images at once, whose pixels then lie side by side so that the geometry of a ray is worked
out once for all of them. P. M. Joseph, IEEE Trans. Med. Imaging 1 (1982) 192-196.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels.grid import place, span
from recon.operators.ct.kernels.jit import exact, kernel
from recon.operators.ct.kernels.simd import LANES, load, splat, store
from recon.operators.ct.kernels.views import ORIGIN, SLOPE, STEP, WEIGHT

Array = np.ndarray[Any, Any]

VIEWS = 8  # views that the forward kernel keeps at a time
BLOCK = 4  # rows that an adjoint kernel keeps at a time


@exact
def _start(view: Array, row: int, rows: int) -> Any:
    """Column, counted from one pixel left of the image, where ray 0 crosses a row."""
    return view[ORIGIN] + view[SLOPE] * (row - (rows - 1) / 2) + 1.0


@kernel
def project_views(packed: Array, views: Array, chosen: Array, out: Array) -> None:
    """Views ``chosen``, all of one axis, of every image of ``packed`` (items, rows, columns + 2)."""
    items, rows, width = packed.shape
    for n in range(chosen.shape[0]):
        view = views[chosen[n]]
        for b in range(items):
            line = out[b, chosen[n]]
            line[:] = 0
            for i in range(rows):
                start, row = _start(view, i, rows), packed[b, i]
                first, last = span(start, view[STEP], line.shape[0], 0.0, width - 1.0)
                for k in range(first, last):
                    u = place(start, view[STEP], k)
                    j = np.uint64(np.uint32(np.int32(u)))
                    left, right = row[j], row[j + np.uint64(1)]
                    line[np.uint64(k)] += left + row.dtype.type(u - np.int32(u)) * (right - left)
            line *= line.dtype.type(view[WEIGHT])


@kernel
def backproject_rows(sinogram: Array, views: Array, chosen: Array, begin: int, end: int, out: Array) -> None:
    """Rows begin … end − 1 of the transpose of :func:`project_views`; ``out`` is (items, rows, columns + 2)."""
    items, rows, width = out.shape
    bins, real = sinogram.shape[2], sinogram.dtype.type
    for b in range(items):
        for head in range(begin, end, BLOCK):
            tail = min(head + BLOCK, end)
            out[b, head:tail] = 0
            for n in range(chosen.shape[0]):
                view, line = views[chosen[n]], sinogram[b, chosen[n]]
                weight = real(view[WEIGHT])
                for i in range(head, tail):
                    start, row = _start(view, i, rows), out[b, i]
                    first, last = span(start, view[STEP], bins, 0.0, width - 1.0)
                    for k in range(first, last):
                        u = place(start, view[STEP], k)
                        j = np.uint64(np.uint32(np.int32(u)))
                        value = weight * line[np.uint64(k)]
                        right = real(u - np.int32(u)) * value
                        row[j] += value - right
                        row[j + np.uint64(1)] += right


@kernel
def project_lanes(packed: Array, views: Array, chosen: Array, out: Array) -> None:
    """:func:`project_views` of LANES images, ``packed`` (rows, columns + 2, LANES), ``out`` (views, bins · LANES)."""
    rows, width, _ = packed.shape
    bins, real = out.shape[1] // LANES, packed.dtype.type
    for begin in range(0, chosen.shape[0], VIEWS):
        block = chosen[begin : begin + VIEWS]
        for n in range(block.shape[0]):
            out[block[n]] = 0
        for i in range(rows):
            row = packed[i].reshape(-1)
            for n in range(block.shape[0]):
                view, line = views[block[n]], out[block[n]]
                start = _start(view, i, rows)
                first, last = span(start, view[STEP], bins, 0.0, width - 1.0)
                for k in range(first, last):
                    u = place(start, view[STEP], k)
                    j = np.int64(u)
                    left, right = load(row, j * LANES), load(row, (j + 1) * LANES)
                    store(line, k * LANES, load(line, k * LANES) + (left + splat(real(u - j)) * (right - left)))
        for n in range(block.shape[0]):
            out[block[n]] *= real(views[block[n], WEIGHT])


@kernel
def backproject_lanes(sinogram: Array, views: Array, chosen: Array, begin: int, end: int, out: Array) -> None:
    """Rows begin … end − 1 of the transpose of :func:`project_lanes`; ``out`` is (rows, columns + 2, LANES)."""
    rows, width, _ = out.shape
    bins, real = sinogram.shape[1] // LANES, out.dtype.type
    for head in range(begin, end, BLOCK):
        tail = min(head + BLOCK, end)
        out[head:tail] = 0
        for n in range(chosen.shape[0]):
            view, line = views[chosen[n]], sinogram[chosen[n]]
            weight = splat(real(view[WEIGHT]))
            for i in range(head, tail):
                start, row = _start(view, i, rows), out[i].reshape(-1)
                first, last = span(start, view[STEP], bins, 0.0, width - 1.0)
                for k in range(first, last):
                    u = place(start, view[STEP], k)
                    j = np.int64(u)
                    value = weight * load(line, k * LANES)
                    right = splat(real(u - j)) * value
                    store(row, j * LANES, load(row, j * LANES) + (value - right))
                    store(row, (j + 1) * LANES, load(row, (j + 1) * LANES) + right)


@kernel
def to_lanes(source: Array, target: Array) -> None:
    """target[i, j, b] = source[b, i, j]."""
    items, rows, columns = source.shape
    for i in range(rows):
        for j in range(columns):
            for b in range(items):
                target[i, j, b] = source[b, i, j]


@kernel
def add_lanes(source: Array, target: Array) -> None:
    """target[b, i, j] += source[i, j, b]."""
    items, rows, columns = target.shape
    for i in range(rows):
        for j in range(columns):
            for b in range(items):
                target[b, i, j] += source[i, j, b]
