"""Joseph's method in a plane: a ray steps from layer to layer and interpolates linearly between two pixels of each.

With u = j + f (j whole, 0 ≤ f < 1) where ray k crosses layer i,

    y[k] = weight · Σᵢ (1 − f) x[i, j] + f x[i, j + 1].

LANES rays go through a single image together; their pixels lie within two registers of a row, from which they are
chosen. LANES images lie side by side, pixel by pixel, and share what was worked out for a ray. Positions are
fixed-point numbers that start anew every CHUNK layers, so that the adjoint has the same ones. A ray's sum is that of
its sums over ROWS layers. P. M. Joseph, IEEE Trans. Med. Imaging 1 (1982) 192-196.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu.columns import aligned
from recon.operators.ct.kernels.cpu.fixed import digits, fixed, fused, node, pick, positive, real, rest
from recon.operators.ct.kernels.cpu.jit import lean, part
from recon.operators.ct.kernels.cpu.plane_rays import (
    BEGIN,
    CHUNK,
    COLUMNS,
    COUNT,
    END,
    LEFT,
    LEFT_STEP,
    RAY,
    cut_blocks,
    in_units,
    runs,
    trace,
)
from recon.operators.ct.kernels.cpu.rows import MARGIN
from recon.operators.ct.kernels.cpu.simd import LANES, load, splat, store
from recon.operators.ct.kernels.cpu.windows import first_lanes, units_of

Array = np.ndarray[Any, Any]

VIEWS = 16  # views that go through a part of the image together
ROWS = 16
RIM = 2  # zeros around lanes of images


def image_work(bins: int, dtype: Any) -> tuple[Array, ...]:
    """What :func:`project_images` works with, for one thread."""
    return (*_work(bins, dtype), np.empty((VIEWS, bins + LANES), dtype))


def lane_work(bins: int, dtype: Any) -> tuple[Array, ...]:
    """What :func:`project_lanes` works with, for one thread."""
    units = np.empty(ROWS * LANES, units_of(dtype))
    return (*_work(bins, dtype), aligned((VIEWS, bins * LANES), dtype), units, np.empty(ROWS * LANES, dtype))


def _work(bins: int, dtype: Any) -> tuple[Array, ...]:
    size, units = bins + LANES, units_of(dtype)
    runs_ = np.zeros((3, bins)), np.empty((bins, 2), np.int64), np.empty((bins, 2, 3))
    blocks = np.empty((VIEWS, bins, COLUMNS), np.int64), np.empty(VIEWS, np.int64)
    return np.zeros((VIEWS, 3, size)), *runs_, *blocks, np.empty(LANES, units), np.empty((VIEWS, size), units)


@part
def prepare(rays: Array, head: int, tail: int, spacing: Any, axis: int, rows: int, columns: int, work: Any) -> None:
    """Rays of one axis, their slopes in units and their blocks, for views head … tail − 1."""
    views, arc, bounds, changes, blocks, many, G = work
    for n in range(tail - head):
        trace(rays[head + n], spacing, axis, arc, views[n])
        for k in range(G.shape[1]):
            G[n, k] = in_units(views[n, 1, k], G)
        found = np.int64(0)
        for m in range(runs(views[n], arc.shape[1], rows, bounds, changes)):
            found = cut_blocks(views[n], bounds[m], changes[m], rows, columns, blocks[n], found)
        many[n] = found


@lean
def project_images(
    packed: Array, shape: Any, rays: Array, spacing: Any, axis: int, work: Any, first: int, last: int, out: Array
) -> None:
    """Rays of one axis in views first … last − 1 of flat images (items, rows, MARGIN + columns + MARGIN)."""
    rows, columns = shape[axis], shape[1 - axis]
    width, bins, number, bits = columns + 2 * MARGIN, out.shape[2], packed.dtype.type, digits(packed)
    views, arc, bounds, changes, blocks, many, U, G, lines = work
    scale, zero, one = splat(number(1.0 / (1 << bits))), splat(number(0.0)), fixed(packed, 1)
    for head in range(first, last, VIEWS):
        tail = min(head + VIEWS, last)
        prepare(rays, head, tail, spacing, axis, rows, columns, (views, arc, bounds, changes, blocks, many, G))
        for b in range(out.shape[0]):
            lines[:] = 0
            for origin in range(0, rows, CHUNK):
                for n in range(tail - head):
                    line, starts, slopes = lines[n], views[n, 0], views[n, 1]
                    for m in range(many[n]):
                        block = blocks[n, m]
                        begin, end, k = max(block[BEGIN], origin), min(block[END], origin + CHUNK), block[RAY]
                        if begin >= end:
                            continue
                        for i in range(LANES):
                            U[i] = in_units(starts[k + i] + origin * slopes[k + i], G)
                        g = load(G[n], k)
                        u = load(U, 0) + fixed(packed, begin - origin) * g
                        left = block[LEFT] + begin * block[LEFT_STEP]
                        before = total = load(line, k)
                        y = d = zero
                        for i in range(begin, end):
                            base = left >> 32
                            beyond = u - fixed(packed, base << bits)
                            place, at = node(beyond), (b * rows + i) * width + MARGIN + base
                            a, c = pick(packed, at, place), pick(packed, at, place + one)
                            y = y + a
                            d = fused(real(rest(beyond)), c - a, d)
                            if i % ROWS == ROWS - 1:
                                total = total + fused(d, scale, y)
                                y = d = zero
                            u = u + g
                            left += block[LEFT_STEP]
                        store(line, k, first_lanes(block[COUNT], total + fused(d, scale, y), before))
            for n in range(tail - head):
                for k in range(bins):
                    w = views[n, 2, k]
                    out[b, head + n, k] = lines[n, k] * number(w) if w > 0.0 else out[b, head + n, k]


@lean
def project_lanes(
    packed: Array, shape: Any, rays: Array, spacing: Any, axis: int, work: Any, first: int, last: int, out: Array
) -> None:
    """:func:`project_images` of up to LANES images, flat (RIM + rows + RIM, pitch, LANES) from column RIM on."""
    rows, columns = shape[axis], shape[1 - axis]
    bins, number, bits = out.shape[2], packed.dtype.type, digits(packed)
    views, arc, bounds, changes, blocks, many, U, G, lines, places, parts = work
    along, across = (LANES, shape[2] * LANES) if axis else (shape[2] * LANES, LANES)
    scale, zero, limit = splat(number(1.0 / (1 << bits))), splat(number(0.0)), fixed(packed, columns + RIM)
    for head in range(first, last, VIEWS):
        tail = min(head + VIEWS, last)
        prepare(rays, head, tail, spacing, axis, rows, columns, (views, arc, bounds, changes, blocks, many, G))
        lines[:] = 0
        for top in range(0, rows, ROWS):
            origin = top - top % CHUNK
            for n in range(tail - head):
                line, starts, slopes = lines[n], views[n, 0], views[n, 1]
                for m in range(many[n]):
                    block = blocks[n, m]
                    begin, end, k = max(block[BEGIN], top), min(block[END], top + ROWS), block[RAY]
                    if begin >= end:
                        continue
                    for i in range(LANES):
                        U[i] = in_units(starts[k + i] + origin * slopes[k + i], G)
                    g = load(G[n], k)
                    u = load(U, 0) + fixed(packed, begin - origin) * g
                    left = block[LEFT] + begin * block[LEFT_STEP]
                    for i in range(end - begin):
                        base = left >> 32
                        beyond = u - fixed(packed, base << bits)
                        place = positive(node(beyond) + fixed(packed, base + RIM))
                        store(places, i * LANES, limit - positive(limit - place))
                        store(parts, i * LANES, real(rest(beyond)))
                        u = u + g
                        left += block[LEFT_STEP]
                    for ray in range(block[COUNT]):
                        y = d = zero
                        for i in range(end - begin):
                            at = (RIM + begin + i) * along + np.int64(places[i * LANES + ray]) * across
                            a, c = load(packed, at), load(packed, at + across)
                            y = y + a
                            d = fused(splat(parts[i * LANES + ray]), c - a, d)
                        at = (k + ray) * LANES
                        store(line, at, load(line, at) + fused(d, scale, y))
        for n in range(tail - head):
            for k in range(bins):
                if views[n, 2, k] > 0.0:
                    for b in range(out.shape[0]):
                        out[b, head + n, k] = lines[n, k * LANES + b] * number(views[n, 2, k])
