"""Pieces of kernels: arctangents, and bounds on the layers and bins that are worth looking at."""

from __future__ import annotations

import triton.language as tl

from recon.operators.ct.kernels.arctangent import SERIES as _SERIES
from recon.operators.ct.kernels.gpu.compile import kernel

REACH = tl.constexpr(1.004)  # pixels, and bins, within which a weight may be positive, with room for rounded places
SLACK = tl.constexpr(0.01)  # by which a range is made longer at each end
FAR = tl.constexpr(1e30)
TERMS = tl.constexpr(len(_SERIES))
SERIES = tl.constexpr(_SERIES)


@kernel
def arctangent(aside: tl.tensor, depth: tl.tensor, distance: tl.tensor) -> tl.tensor:
    """atan2(aside, depth) for depth > 0, with their hypotenuse: four times the angle of a quarter's tangent."""
    half = aside / (depth + distance)
    quarter = half / (1 + tl.sqrt(1 + half * half))
    square = quarter * quarter
    total = tl.zeros_like(square) + SERIES[0]
    for n in tl.static_range(1, TERMS):
        total = total * square + SERIES[n]
    return 4 * quarter * total


@kernel
def place_of(tiles: tl.tensor, lines: tl.tensor) -> tl.tensor:
    """Tile, line and block of a program in a grid (tiles, lines, blocks), counted in one number.

    Of the three numbers of a launch only the first may exceed 65535.
    """
    number = tl.program_id(0)
    return number % tiles, number // tiles % lines, (number // tiles // lines).to(tl.int64)


@kernel
def crossed(mid: tl.tensor, slope: tl.tensor, layers: tl.tensor, across: tl.tensor) -> tl.tensor:
    """First and last + 1 layer at which mid + slope · (i − layers // 2) may lie within −1 … across, or nearby ones.

    Positions are counted from pixel across // 2.
    """
    inverse = tl.where(slope != 0, 1 / tl.where(slope != 0, slope, 1), FAR)
    s, t = (-REACH - across // 2 - mid) * inverse, (REACH - 1 + across - across // 2 - mid) * inverse
    low = tl.floor(tl.minimum(s, t)) - 1 + layers // 2
    high = tl.ceil(tl.maximum(s, t)) + 2 + layers // 2
    last = tl.cast(layers, low.dtype)
    return tl.minimum(tl.maximum(low, 0), last).to(tl.int32), tl.minimum(tl.maximum(high, 0), last).to(tl.int32)


@kernel
def whole_range(low: tl.tensor, high: tl.tensor, count: tl.tensor) -> tl.tensor:
    """First and last of the whole numbers from low to high, counted from count // 2, that lie in 0 … count − 1."""
    middle = count // 2
    least, most = tl.cast(-middle, low.dtype), tl.cast(count - middle, low.dtype)
    first = tl.minimum(tl.maximum(tl.ceil(low), least), most).to(tl.int32) + middle
    last = tl.maximum(tl.minimum(tl.floor(high), most - 1), least - 1).to(tl.int32) + middle
    return first, last


@kernel
def _arc_place(at: tl.tensor, aside: tl.tensor, depth: tl.tensor) -> tl.tensor:
    """Where the line through the source and a pixel meets a curved detector, in bins: see :func:`plane.trace`.

    Seen from the source, which lies at e from the arc's centre, the line has the direction ψ, and meets the arc at
    ψ + asin(e_c sin ψ − e_s cos ψ).
    """
    aside, depth = tl.where(depth < 0, -aside, aside), tl.abs(depth)
    distance = tl.sqrt(aside * aside + depth * depth)
    sine = (tl.load(at + 7) * aside - tl.load(at + 6) * depth) / distance
    square = tl.maximum(1 - sine * sine, 0)
    cosine = tl.sqrt(square)
    angle = arctangent(aside, depth, distance) + arctangent(sine, cosine, tl.sqrt(sine * sine + square))
    return angle * tl.load(at + 8)


@kernel
def candidates(at: tl.tensor, y: tl.tensor, x: tl.tensor, axis: tl.constexpr) -> tl.tensor:
    """Bins, counted from the middle one, between which lie all rays less than a pixel from (y, x) within its layer.

    Layers are those of ``axis``; ``at`` is a row of the inverse projections of :func:`plane.trace`.
    """
    a_y, a_x, c_y, c_x = tl.load(at), tl.load(at + 1), tl.load(at + 3), tl.load(at + 4)
    aside, depth = a_y * y + a_x * x + tl.load(at + 2), c_y * y + c_x * x + tl.load(at + 5)
    if axis == 0:
        a, c = a_x * REACH, c_x * REACH
    else:
        a, c = a_y * REACH, c_y * REACH
    room = tl.abs(depth) - tl.abs(c)
    clear = room > 0
    if tl.load(at + 8) == 0:
        place = aside / depth
        half = tl.abs(a - place * c) / room
        low, high = place - half, place + half
    else:
        clear = clear & (tl.zeros_like(room) + tl.load(at + 9) == 0)
        one, other = _arc_place(at, aside - a, depth - c), _arc_place(at, aside + a, depth + c)
        low, high = tl.minimum(one, other), tl.maximum(one, other)
    return tl.where(clear, low - SLACK, -FAR), tl.where(clear, high + SLACK, FAR)
