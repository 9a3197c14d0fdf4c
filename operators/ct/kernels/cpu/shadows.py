"""Where the rays of detector columns run when the detector's rows lie along z.

All rays of a view and bin then have the same shadow in the plane (y, x). It goes through layers i of the axis along
which it is steeper, 1 (y) or 2 (x), crosses the other axis at u, and its rows r cross the z axis at z + r · step, with

    u = u₀ + i u₁,   z = z₀ + i z₁,   step = s₀ + i s₁.

Blocks of BINS bins are worked out together; tables have one column a bin. Rows are counted from the last one where
``down`` is set, so that ``step`` is positive.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu.grid import place, span
from recon.operators.ct.kernels.cpu.jit import part
from recon.operators.ct.kernels.cpu.simd import LANES

Array = np.ndarray[Any, Any]

BINS = 16
U0, U1, Z0, Z1, S0, S1 = range(6)  # a table of shadows
AXIS, BEGIN, END = range(3)  # a table of limits
PART, HEIGHT, STEP = range(3)  # a layer in real numbers
COLUMN, LOW, HIGH, START, UNITS, BOTTOM, TOP, TAPS, SOUGHT, ADVANCE = range(10)  # and in whole numbers
SHADOWS, LIMITS, REALS, WHOLES = 6, 3, 3, 10
EARLY = 1 / 4096  # rows by which the first row of a pixel is sought too early, so that rounding never misses it


@part
def along(view: Array, first: int, k: int, row: int) -> float:
    """Column ``first`` of a point (0, 1, 2) or a direction (9, 10, 11) for bin k and a row."""
    return view[first] + k * view[first + 3] + row * view[first + 6]  # type: ignore[no-any-return]


@part
def cast(view: Array, head: int, count: int, rows: int, down: bool, shape: Any, shadows: Array, limits: Array) -> None:
    """Fill the tables (u₀, …, s₁; BINS) and (axis, first and last + 1 layer; BINS) of the bins from ``head`` on.

    Bins beyond ``count`` and rays along z, which have no shadow, get no layers.
    """
    for n in range(BINS):
        k = head + n
        axis = 1 if abs(along(view, 10, k, 0)) >= abs(along(view, 11, k, 0)) else 2
        other = 3 - axis
        major, minor = along(view, 9 + axis, k, 0), along(view, 9 + other, k, 0)
        shadows[:, n] = 0
        limits[AXIS, n], limits[BEGIN, n], limits[END, n] = axis, 0, 0
        if n >= count or major == 0:
            continue
        slope = 1.0 / major
        start = -along(view, axis, k, 0) * slope
        first, sign = (rows - 1, -1.0) if down else (0, 1.0)
        shadows[U0, n], shadows[U1, n] = along(view, other, k, 0) + start * minor, slope * minor
        shadows[Z0, n] = along(view, 0, k, first) + start * along(view, 9, k, first)
        shadows[Z1, n] = slope * along(view, 9, k, first)
        shadows[S0, n], shadows[S1, n] = sign * (view[6] + start * view[15]), sign * slope * view[15]
        if shadows[U1, n] != 0:
            across = float(shape[other])
            limits[BEGIN, n], limits[END, n] = span(shadows[U0, n], shadows[U1, n], shape[axis], -1.0, across)
        elif -1.0 <= shadows[U0, n] < shape[other]:
            limits[END, n] = shape[axis]


@part
def crossed(limits: Array, axis: int) -> Any:
    """First and last + 1 of the layers of an axis that any of the bins go through."""
    begin, end = np.int64(1) << 62, np.int64(0)
    for n in range(BINS):
        if limits[AXIS, n] == axis and limits[BEGIN, n] < limits[END, n]:
            begin, end = min(begin, limits[BEGIN, n]), max(end, limits[END, n])
    return begin, end


@part
def cross(
    shadows: Array,
    limits: Array,
    axis: int,
    i: int,
    planes: int,
    rows: int,
    digits: int,
    reals: Array,
    wholes: Array,
) -> None:
    """Fill the tables (f, z, step; BINS) and (j, …; BINS) of layer i of an axis, in which u = j − 1 + f.

    Rows LOW … HIGH − 1, none for bins that do not go through the layer, are those with −1 < z + r · step < planes and
    up to two more at either end; they read pixels from BOTTOM, a multiple of LANES, to TOP − 1. START + r · UNITS is
    z + r · step in fixed-point numbers, rounded at the middle row.
    """
    middle, unit = rows // 2, np.int64(1) << digits
    for n in range(BINS):
        u = place(shadows[U0, n], shadows[U1, n], i) + 1.0
        z, step = place(shadows[Z0, n], shadows[Z1, n], i), place(shadows[S0, n], shadows[S1, n], i)
        wholes[COLUMN, n] = np.int64(u)
        reals[PART, n], reals[HEIGHT, n], reals[STEP, n] = u - np.int64(u), z, step
        inverse = 1.0 / step if abs(step) > 1e-300 else 1e300
        a, b = (-1.0 - z) * inverse, (planes - z) * inverse
        low = np.int64(min(max(min(a, b) - 1.0, 0.0), float(rows)))
        high = np.int64(min(max(max(a, b) + 2.0, 0.0), float(rows)))
        if limits[AXIS, n] != axis or i < limits[BEGIN, n] or i >= limits[END, n]:
            high = np.int64(0)
        units = np.int64(np.rint(step * unit))
        start = np.int64(np.rint((z + middle * step) * unit)) - middle * units
        wholes[LOW, n], wholes[HIGH, n], wholes[START, n], wholes[UNITS, n] = low, high, start, units
        bottom = (start + low * units) >> digits
        wholes[BOTTOM, n] = bottom // LANES * LANES if bottom > 0 else 0
        wholes[TOP, n] = min(((start + (high - 1) * units) >> digits) + 2, planes)


@part
def seek(reals: Array, unit: int, wholes: Array) -> None:
    """Complete ``wholes``: pixel BOTTOM + n is seen by up to TAPS rows, the first beyond SOUGHT + n · ADVANCE units."""
    for n in range(BINS):
        inverse = 1.0 / reals[STEP, n] if reals[STEP, n] != 0 else 0.0
        wholes[TAPS, n] = np.int64(2.0 * inverse + 3.0 * EARLY) + 1
        wholes[SOUGHT, n] = np.int64(((wholes[BOTTOM, n] - 1.0 - reals[HEIGHT, n]) * inverse - EARLY) * unit)
        wholes[ADVANCE, n] = np.int64(np.rint(inverse * unit))


@part
def lengths(view: Array, k: int, spacing: Any, down: bool, out: Array) -> None:
    """Distance in mm of two layers along the ray of each row; 0 for rays that step along z rather."""
    rows = out.shape[0]
    dy, dx = abs(along(view, 10, k, 0)), abs(along(view, 11, k, 0))
    major = max(dy, dx)
    inverse = 1.0 / major if major > 0 else 0.0
    flat = ((spacing[1] * dy) ** 2 + (spacing[2] * dx) ** 2) * inverse**2
    for n in range(rows):
        dz = along(view, 9, k, rows - 1 - n if down else n)
        square = flat + (spacing[0] * inverse * dz) ** 2
        out[n] = np.sqrt(out.dtype.type(square if abs(dz) < major else 0.0))
