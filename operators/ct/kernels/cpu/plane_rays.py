"""Where the rays of a view cross the layers of a plane, and how a forward kernel takes them in blocks.

A ray followed along one axis crosses layer i at u = start + slope · i, in pixels of the other axis, |slope| ≤ 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types

from recon.operators.ct.kernels.cpu.fixed import BITS, REACH
from recon.operators.ct.kernels.cpu.jit import part
from recon.operators.ct.kernels.cpu.simd import LANES
from recon.operators.ct.kernels.rays import COSINE, DIRECTION, DIRECTION_U, POINT, POINT_U, TURN

Array = np.ndarray[Any, Any]

SINGLE_BITS, DOUBLE_BITS = BITS[types.int32], BITS[types.int64]
CHUNK = 64  # layers that are reached from one rounded position
EDGE = 1 << 32  # units in which the edges of blocks are counted
RAY, COUNT, BEGIN, END, LEFT, LEFT_STEP = range(6)
COLUMNS = 6
_SLACK = 2.0**-12  # pixels that a block's edge lies outside it, far more than positions are rounded by
_REACH = REACH - 2.0 - 2 * _SLACK


@part
def trace(view: Array, spacing: Any, axis: int, arc: Array, rays: Array) -> None:
    """Start, slope and weight, ``(3, bins)``, of the rays of a view; weight 0 for those followed along the other axis.

    ``arc`` keeps the sines and cosines of a curved detector, ``(3, bins)``, and in its third row its δ.
    """
    turn, other, bins = view[TURN], 1 - axis, arc.shape[1]
    if turn != 0.0 and arc[2, 0] != turn:
        for k in range(bins):
            arc[0, k], arc[1, k] = np.sin(k * turn), np.cos(k * turn)
        arc[2, 0] = turn
    p, p_step = view[POINT + axis], view[POINT_U + axis]
    q, q_step = view[POINT + other], view[POINT_U + other]
    d, d_step, d_cosine = view[DIRECTION + axis], view[DIRECTION_U + axis], view[COSINE + axis]
    e, e_step, e_cosine = view[DIRECTION + other], view[DIRECTION_U + other], view[COSINE + other]
    height, width = spacing[axis], spacing[other]
    start, slope, weight = rays[0], rays[1], rays[2]
    for k in range(bins):
        sine, cosine = (arc[0, k], arc[1, k]) if turn != 0.0 else (float(k), 0.0)
        along, across = d + sine * d_step + cosine * d_cosine, e + sine * e_step + cosine * e_cosine
        m = across / along
        slope[k] = m
        start[k] = q + k * q_step - (p + k * p_step) * m
        length = np.sqrt(height * height + width * width * m * m)
        mine = abs(along) > abs(across) or (axis == 0 and abs(along) == abs(across))
        weight[k] = length if mine else 0.0


@part
def in_units(u: float, like: Array) -> int:
    """u as a fixed-point number to go with the numbers of an array, right modulo what its lanes hold."""
    if like.itemsize == 4:
        return int(np.rint(u * 2.0**SINGLE_BITS))
    return int(np.rint((u - 65536.0 * np.rint(u / 65536.0)) * 2.0**DOUBLE_BITS))


@part
def positive_part(start: float, step: float, count: int) -> Any:
    """First and last + 1 of the n in range(count) with start + step · n > 0."""
    if step == 0.0:
        return 0, count if start > 0.0 else 0
    edge = int(min(max(-start / step, -1.0), float(count)))
    if step > 0.0:
        first = max(edge, 0)
        while first < count and not start + step * first > 0.0:
            first += 1
        return first, count
    last = min(edge + 2, count)
    while last > 0 and not start + step * (last - 1) > 0.0:
        last -= 1
    return 0, last


@part
def seen(low: float, low_step: float, high: float, high_step: float, columns: int, count: int) -> Any:
    """First and last + 1 of the n in range(count) where low + n · low_step < columns and high + n · high_step > 0."""
    begin, end = positive_part(high, high_step, count)
    other, other_end = positive_part(columns - low, -low_step, count)
    return max(begin, other), min(end, other_end)


@part
def change(start: Array, slope: Array, layer: int, found: Array) -> None:
    """Least and greatest difference of neighbouring positions at a layer, and the greatest second difference."""
    least, most, bend, before = np.inf, -np.inf, 0.0, 0.0
    for k in range(1, start.shape[0]):
        step = start[k] - start[k - 1] + layer * (slope[k] - slope[k - 1])
        least, most = min(least, step), max(most, step)
        if k > 1:
            bend = max(bend, abs(step - before))
        before = step
    found[0], found[1], found[2] = least, most, bend


@part
def runs(view: Array, bins: int, rows: int, bounds: Array, changes: Array) -> int:
    """Rays of one axis that follow one another: first and last + 1, their changes at both ends; how many runs.

    ``view`` holds start, slope and weight of all rays.
    """
    found, first = 0, -1
    for k in range(bins + 1):
        mine = k < bins and view[2, k] > 0.0
        if mine and first < 0:
            first = k
        if first >= 0 and not mine:
            bounds[found, 0], bounds[found, 1] = first, k
            change(view[0, first:k], view[1, first:k], rows - rows, changes[found, 0])
            change(view[0, first:k], view[1, first:k], rows - 1, changes[found, 1])
            found += 1
            first = -1
    return found


@part
def extent(view: Array, first: int, count: int, layer: int, mixed: bool) -> Any:
    """Least and greatest position of rays at a layer; those of the first and the last ray unless ``mixed``."""
    step = 1 if mixed else max(count - 1, 1)
    low = high = view[0, first] + layer * view[1, first]
    for k in range(first, first + count, step):
        u = view[0, k] + layer * view[1, k]
        low, high = min(low, u), max(high, u)
    return low, high


@part
def cut_blocks(view: Array, run: Array, changes: Array, rows: int, columns: int, blocks: Array, found: int) -> int:
    """Cut a run into blocks, written from the one numbered ``found`` on if they meet the image; the next number.

    At every layer the rays of a block lie within REACH − 2 pixels of its edge, a line that they never cross:
    it joins their least positions at the first and the last layer, and least positions are concave in the layer.
    """
    mixed = changes[0, 0] < 0.0 < changes[0, 1] or changes[1, 0] < 0.0 < changes[1, 1]
    first = run[0]
    while first < run[1]:
        count = min(LANES, run[1] - first)
        while True:
            low, high = extent(view, first, count, rows - rows, mixed)
            far_low, far_high = extent(view, first, count, rows - 1, mixed)
            if count == 1 or max(high - low, far_high - far_low) <= _REACH:
                break
            count = (count + 1) // 2
        low_step, high_step = (far_low - low) / max(rows - 1, 1), (far_high - high) / max(rows - 1, 1)
        begin, end = seen(low, low_step, high + 1.0, high_step, columns, rows)
        if begin < end:
            block = blocks[found]
            block[RAY], block[COUNT], block[BEGIN], block[END] = first, count, begin, end
            block[LEFT] = int(np.floor((low - _SLACK) * EDGE))
            block[LEFT_STEP] = int(np.floor(low_step * EDGE))
            found += 1
        first += count
    return found
