"""How an adjoint kernel finds the rays that pass a pixel.

The rays of a view that follow one another are written to a list whose positions grow at every layer of a chunk. A list
is cut into windows, from one ray to another, that own the pixels between the two: fewer than LANES of them. Within a
window rays lie nearly equally far apart, so that the first ray that may pass a pixel follows from where the two are; a
bound on second differences, convex in the layer, says by how much that can be wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu.fixed import REACH
from recon.operators.ct.kernels.cpu.jit import part
from recon.operators.ct.kernels.cpu.plane_rays import change, in_units, seen
from recon.operators.ct.kernels.cpu.simd import LANES

Array = np.ndarray[Any, Any]

FIRST, STEP, RAYS, BESIDE = range(4)
AT, SIZE, LOW, HIGH, THIRD = range(5)
LIST, WINDOW = 4, 5
TAPS = 3  # rays that may pass a pixel
AHEAD = 2  # rays of no value before the first and after the last of a list, more than a pixel from them
SPARE = 3 * REACH  # numbers by which a list may be longer than its rays
_NARROW = 0.72  # least distance of neighbours in a list, in pixels
_WIDE = LANES - 1.0  # greatest width of a window
_ROUNDING = 2.0**-13  # rays; far more than positions and their quotients are rounded by


@part
def reach(least: float) -> int:
    """Rays beside a window that may pass its pixels."""
    return int(1.0 / least) + 2


@part
def error(size: int, least: float, bend: float, beside: int) -> float:
    """By how many rays their places in a window and beside it are wrong at most, taken as equally far apart."""
    return _ROUNDING + max(size * size / 8.0, beside * (size + beside) / 2.0) * bend / least


@part
def taps(least: float, wrong: float) -> int:
    """How many rays may pass a pixel, and how many more must be looked at because places are wrong."""
    return int(np.ceil(min(2.0 / least + 2.0 * wrong, 99.0)))


@part
def plan(
    view: Array,
    bounds: Array,
    changes: Array,
    many: int,
    near: int,
    far: int,
    rows: int,
    lists: Array,
    bends: Array,
    spot: Array,
) -> int:
    """Divide runs into lists whose positions grow from one ray to the next at the layers near … far; how many.

    The least difference is concave in the layer, the others are convex: what holds at both ends holds between.
    """
    found, start, slope = 0, view[0], view[1]
    for m in range(many):
        first, last = bounds[m, 0], bounds[m, 1]
        for e in range(2):
            part = (far if e else near) / max(rows - 1, 1)
            for n in range(3):
                spot[e, n] = changes[m, 0, n] + part * (changes[m, 1, n] - changes[m, 0, n])
        if min(spot[0, 0], spot[1, 0]) <= 0.0 <= max(spot[0, 1], spot[1, 1]):
            change(start[first:last], slope[first:last], near, spot[0])
            change(start[first:last], slope[first:last], far, spot[1])
        least, most = min(spot[0, 0], spot[1, 0]), max(spot[0, 1], spot[1, 1])
        bend, sign, stride = max(spot[0, 2], spot[1, 2]), 1, last - first
        if most < 0.0:
            least, most, sign = -most, -least, -1
        if least > 0.0:
            stride = np.int64(min(np.ceil(max(_NARROW / least, 1.0)), float(stride)))
        least, most, bend = stride * least, stride * most, stride * stride * bend
        if not (
            stride < last - first
            and most <= _WIDE
            and taps(least, error(np.int64(1), least, bend, reach(least))) <= TAPS
        ):
            sign, stride, least, bend = 1, last - first, 1.0, 0.0
        for n in range(stride):
            lists[found, FIRST] = first + n if sign > 0 else last - 1 - n
            lists[found, STEP] = sign * stride
            lists[found, RAYS] = (last - first - 1 - n) // stride + 1
            lists[found, BESIDE] = reach(least)
            bends[found] = bend
            found += 1
    return found


@part
def take(source: Array, first: int, step: int, target: Array) -> None:
    """target[n] = source[first + n · step]; neighbours are copied in whole registers."""
    if step == 1:
        ahead = source[first:]
        for n in range(target.shape[0]):
            target[n] = ahead[n]
    elif step == -1:
        for n in range(target.shape[0]):
            target[n] = source[np.uint64(first) - np.uint64(n)]
    else:
        for n in range(target.shape[0]):
            target[n] = source[first + n * step]


@part
def continued(source: Array, chosen: Array, alone: float, target: Array) -> None:
    """:func:`take` a list and continue it evenly at both ends, with the step ``alone`` if it holds one ray."""
    lead, count = chosen[BESIDE] + AHEAD, chosen[RAYS]
    own = target[lead : lead + count]
    take(source, chosen[FIRST], chosen[STEP], own)
    step = own[1] - own[0] if count > 1 else alone
    for n in range(lead):
        target[n] = own[0] - (lead - n) * step
    step = own[count - 1] - own[count - 2] if count > 1 else alone
    after = target[lead + count : lead + count + AHEAD + REACH]
    for n in range(after.shape[0]):
        after[n] = own[count - 1] + (n + 1) * step


@part
def fill(chosen: Array, view: Array, layer: int, places: Array, units: Array) -> None:
    """Positions at a layer, slopes and weights of a list; the former two also in units."""
    continued(view[0], chosen, 1.0, places[0])
    continued(view[1], chosen, 0.0, places[1])
    continued(view[2], chosen, 0.0, places[2])
    for n in range(chosen[BESIDE] + AHEAD + chosen[RAYS] + AHEAD + REACH):
        places[0, n] += layer * places[1, n]
        units[0, n] = in_units(places[0, n], units)
        units[1, n] = in_units(places[1, n], units)


@part
def cut_windows(
    chosen: Array,
    bend: float,
    places: Array,
    begin: int,
    end: int,
    far: int,
    columns: int,
    windows: Array,
    wrongs: Array,
) -> int:
    """Cut a list into windows, and those at layers begin … end − 1 (from its own) that meet the image; how many.

    AT is the first ray that a window reads, BESIDE before the first that bounds it; THIRD says whether three rays may
    pass a pixel.
    """
    beside, found, X, M = chosen[BESIDE], 0, places[0], places[1]
    right = beside
    while right < beside + 2 * AHEAD + chosen[RAYS] - 1:
        left, size = right, REACH - 12
        while True:
            right = left + size
            width = X[right] - X[left]
            far_width = width + far * (M[right] - M[left])
            least, most = min(width, far_width) / size, max(width, far_width)
            wrong = error(size, least, bend, beside)
            if size == 1 or (most <= _WIDE and taps(least, wrong) <= TAPS):
                break
            size = max(min(size - 1, int(size * _WIDE / most)), 1)
        low, high = seen(X[left] - _ROUNDING, M[left], X[right] + _ROUNDING, M[right], columns, end)
        low = max(low, begin)
        if low < high:
            window = windows[found]
            window[AT], window[SIZE], window[LOW], window[HIGH] = left - beside, size, low, high
            window[THIRD] = taps(least, wrong) == TAPS
            wrongs[found] = wrong
            found += 1
    return found


@part
def tabulate(window: Array, wrong: float, beside: int, places: Array, pixels: Array, table: Array) -> None:
    """First pixel and number of pixels of a window at its layers; where in it the rays of pixel n begin to be sought.

    That is the whole part of table[1] + n · table[0].
    """
    firsts, counts, ahead, offsets, X, M = pixels[0], pixels[1], table[0], table[1], places[0], places[1]
    left, size, low = window[AT] + beside, window[SIZE], window[LOW]
    right, real = left + size, offsets.dtype.type
    a, a_step, b, b_step = X[left], M[left], X[right], M[right]
    for n in range(window[HIGH] - low):
        u, v = a + (low + n) * a_step, b + (low + n) * b_step
        firsts[n] = int(np.ceil(u))
        counts[n] = int(np.ceil(v)) - int(np.ceil(u))
    for n in range(window[HIGH] - low):
        u = a + (low + n) * a_step
        ahead[n] = real(size) / real(b - a + (low + n) * (b_step - a_step))
        offsets[n] = real(np.ceil(u) - u - 1.0) * ahead[n] + real(beside + 1 - wrong)
