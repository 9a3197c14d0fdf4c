"""Joseph's method for rays of any direction in space, LANES neighbouring rays at a time.

A ray steps along ``axis``, that of the largest |d|, and crosses layer i of it at (u, v) = (j + f, m + g) on the other
two axes (j, m whole; 0 ≤ f, g < 1):

    y = length · Σᵢ (1 − f) ((1 − g) x[i, j, m] + g x[i, j, m + 1]) + f ((1 − g) x[i, j + 1, m] + g x[i, j + 1, m + 1]).

Forward and adjoint weigh with the same four numbers. Volumes are packed as
:mod:`~recon.operators.ct.kernels.cpu.columns` says. P. M. Joseph, IEEE Trans. Med. Imaging 1 (1982) 192-196.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu.columns import FIRST, strides
from recon.operators.ct.kernels.cpu.grid import place
from recon.operators.ct.kernels.cpu.jit import exact, kernel
from recon.operators.ct.kernels.cpu.shadows import along
from recon.operators.ct.kernels.cpu.simd import LANES

Array = np.ndarray[Any, Any]

LAYERS = 32  # layers that the adjoint kernel keeps at a time
U0, U1, V0, V1, LENGTH = range(5)
FAR = 1e300


@exact
def _trace(
    view: Array, axis: int, upright: bool, outer: int, head: int, count: int, shape: Any, spacing: Any, lines: Array
) -> Any:
    """Fill ``lines`` (u₀, u₁, v₀, v₁, length; LANES) for the rays from ``head`` on; return first and last + 1 layer.

    Neighbours are rows of bin ``outer`` where ``upright``, else bins of row ``outer``. Lanes beyond ``count`` and rays
    that step along another axis get a length of 0.
    """
    a, b = (1 if axis == 0 else 0), (1 if axis == 2 else 2)
    begin, end = FAR, -FAR
    for n in range(LANES):
        inner = head + min(n, count - 1)
        k, row = (outer, inner) if upright else (inner, outer)
        dz, dy, dx = along(view, 9, k, row), along(view, 10, k, row), along(view, 11, k, row)
        steepest = max(abs(dz), abs(dy), abs(dx))
        first = 0 if abs(dz) == steepest else 1 if abs(dy) == steepest else 2
        mine = n < count and first == axis
        slope = 1.0 / along(view, 9 + axis, k, row) if mine else 0.0
        start = -along(view, axis, k, row) * slope
        u1, v1 = slope * along(view, 9 + a, k, row), slope * along(view, 9 + b, k, row)
        u0 = along(view, a, k, row) + start * along(view, 9 + a, k, row)
        v0 = along(view, b, k, row) + start * along(view, 9 + b, k, row)
        length = np.sqrt((spacing[0] * dz) ** 2 + (spacing[1] * dy) ** 2 + (spacing[2] * dx) ** 2) * abs(slope)
        lines[U0, n], lines[U1, n], lines[V0, n], lines[V1, n], lines[LENGTH, n] = u0, u1, v0, v1, length
        per_u, per_v = 1.0 / u1 if abs(u1) > 1 / FAR else FAR, 1.0 / v1 if abs(v1) > 1 / FAR else FAR
        s, t = (-1.0 - u0) * per_u, (shape[a] - u0) * per_u
        p, q = (-1.0 - v0) * per_v, (shape[b] - v0) * per_v
        low, high = max(min(s, t), min(p, q)), min(max(s, t), max(p, q))
        begin = min(begin, low if mine and low <= high else FAR)
        end = max(end, high if mine and low <= high else -FAR)
    layers = float(shape[axis])
    return np.int64(min(max(begin - 1.0, 0.0), layers)), np.int64(min(max(end + 2.0, 0.0), layers))


@exact
def _weigh(lines: Array, i: int, across: Any, steps: Any, places: Array, weights: Array) -> None:
    """Where the rays cross layer i: the places of (j, m) and (j + 1, m), LANES each, and the four weights of each ray.

    A ray beside the layer weighs zeros beyond it by 0, and so it does (−1, m), whose place is that of (0, m).
    """
    for n in range(LANES):
        u, v = place(lines[U0, n], lines[U1, n], i) + 1.0, place(lines[V0, n], lines[V1, n], i) + 1.0
        inside = lines[LENGTH, n] > 0 and 0.0 <= u < across[0] + 1.0 and 0.0 <= v < across[1] + 1.0
        u, v = u if inside else across[0] + 1.0, v if inside else across[1] + 1.0
        j, m = np.int64(u), np.int64(v)
        f, g = u - j, v - m
        near, far = 1.0 - f if inside and j > 0 else 0.0, f if inside else 0.0
        places[1, n] = (j + 1) * steps[0] + m * steps[1]
        places[0, n] = places[1, n] - (steps[0] if j > 0 else 0)
        weights[0, n], weights[1, n] = near * (1.0 - g), near * g
        weights[2, n], weights[3, n] = far * (1.0 - g), far * g


@exact
def _across(shape: Any, axis: int) -> Any:
    """Sizes of the axes u and v of a layer, and how far apart their pixels lie in packed volumes."""
    _, y_stride, x_stride = strides(shape)
    if axis == 0:
        return (shape[1], shape[2]), (y_stride, x_stride)
    return (shape[0], shape[3 - axis]), (1, y_stride if axis == 2 else x_stride)


@exact
def _layer(shape: Any, axis: int, b: int, i: int) -> int:
    """Where pixel (−1, −1) of layer i lies in item b of packed volumes."""
    size, y_stride, x_stride = strides(shape)
    return FIRST + b * size + (i if axis == 0 else (i + 1) * (y_stride if axis == 1 else x_stride) - 1)  # type: ignore[no-any-return]


@kernel
def project_rays(
    packed: Array,
    shape: Any,
    views: Array,
    axes: Array,
    upright: Array,
    spacing: Any,
    chosen: Array,
    first: int,
    last: int,
    out: Array,
) -> None:
    """Write those rays of the views ``chosen`` whose axis is set in ``axes``: lines first … last − 1 of neighbours.

    The lines are counted view by view, as many for each as the longer side of the detector.
    """
    items, rows, bins = out.shape[0], out.shape[2], out.shape[3]
    longer = max(rows, bins)
    lines, places = np.empty((5, LANES)), np.empty((2, LANES), np.int64)
    weights, totals = np.empty((4, LANES), packed.dtype), np.empty((items, LANES), packed.dtype)
    for line in range(first, last):
        a, outer = chosen[line // longer], line % longer
        inner, others = (rows, bins) if upright[a] else (bins, rows)
        for axis in range(3):
            if outer >= others or not axes[a] >> axis & 1:
                continue
            across, steps = _across(shape, axis)
            for head in range(0, inner, LANES):
                count = min(LANES, inner - head)
                begin, end = _trace(views[a], axis, upright[a], outer, head, count, shape, spacing, lines)
                totals[:] = 0
                for i in range(begin, end):
                    _weigh(lines, i, across, steps, places, weights)
                    for b in range(items):
                        at = _layer(shape, axis, b, i)
                        for n in range(count):
                            low, high = at + places[0, n], at + places[1, n]
                            totals[b, n] += (
                                weights[0, n] * packed[low]
                                + weights[1, n] * packed[low + steps[1]]
                                + weights[2, n] * packed[high]
                                + weights[3, n] * packed[high + steps[1]]
                            )
                for n in range(count):
                    if lines[LENGTH, n] > 0:
                        k, row = (outer, head + n) if upright[a] else (head + n, outer)
                        for b in range(items):
                            out[b, a, row, k] = packed.dtype.type(lines[LENGTH, n]) * totals[b, n]


@kernel
def backproject_layers(
    sinogram: Array,
    views: Array,
    axes: Array,
    upright: Array,
    spacing: Any,
    chosen: Array,
    axis: int,
    begin: int,
    end: int,
    shape: Any,
    packed: Array,
) -> None:
    """Add to layers begin … end − 1 of an axis the transpose of :func:`project_rays`."""
    items, rows, bins = sinogram.shape[0], sinogram.shape[2], sinogram.shape[3]
    lines, places = np.empty((5, LANES)), np.empty((2, LANES), np.int64)
    weights, values = np.empty((4, LANES), packed.dtype), np.empty((items, LANES), packed.dtype)
    across, steps = _across(shape, axis)
    for low in range(begin, end, LAYERS):
        for a in chosen:
            if not axes[a] >> axis & 1:
                continue
            inner, others = (rows, bins) if upright[a] else (bins, rows)
            for outer in range(others):
                for head in range(0, inner, LANES):
                    count = min(LANES, inner - head)
                    first, last = _trace(views[a], axis, upright[a], outer, head, count, shape, spacing, lines)
                    first, last = max(first, low), min(last, min(low + LAYERS, end))
                    if first >= last:
                        continue
                    for n in range(count):
                        k, row = (outer, head + n) if upright[a] else (head + n, outer)
                        for b in range(items):
                            values[b, n] = packed.dtype.type(lines[LENGTH, n]) * sinogram[b, a, row, k]
                    for i in range(first, last):
                        _weigh(lines, i, across, steps, places, weights)
                        for b in range(items):
                            at = _layer(shape, axis, b, i)
                            for n in range(count):
                                if weights[0, n] + weights[1, n] + weights[2, n] + weights[3, n] > 0:
                                    near, far = at + places[0, n], at + places[1, n]
                                    packed[near] += weights[0, n] * values[b, n]
                                    packed[near + steps[1]] += weights[1, n] * values[b, n]
                                    packed[far] += weights[2, n] * values[b, n]
                                    packed[far + steps[1]] += weights[3, n] * values[b, n]
