"""Views read at the pixels of a plane, on GPUs.

Pixels are counted from the pixel (rows // 2, columns // 2) and bins from bin bins // 2. Both kernels work out where a
pixel is seen, and its weight, by one function of explicitly fused operations, and are therefore exact transposes. The
transpose gathers, too: the pixels that read bin k lie between the lines that are seen at k − 1 and k + 1,

    (a − κ c)·p = 0  (flat),    (cos φ a − sin φ c)·p = 0,  φ = (κ − u₀) δ  (curved),    κ = k ± 1,

which meet every layer of pixels in a range of positions.
"""

from __future__ import annotations

import triton.language as tl

from recon.operators.ct.kernels.gpu.compile import kernel
from recon.operators.ct.kernels.gpu.pixels_places import EDGE, ROOM, meeting, most_of, powered
from recon.operators.ct.kernels.gpu.places import FAR, arctangent, place_of, whole_range

UNROLL = tl.constexpr(4)  # views whose loads are under way together
COLUMNS = tl.constexpr(8)  # of a table: a and c of three components each, u₀ and 1/δ
QUARTER = tl.constexpr(1.5707963)


@kernel
def _eight(at: tl.tensor) -> tl.tensor:
    """A row of a table."""
    a_y, a_x, a_1, c_y = tl.load(at), tl.load(at + 1), tl.load(at + 2), tl.load(at + 3)
    return a_y, a_x, a_1, c_y, tl.load(at + 4), tl.load(at + 5), tl.load(at + 6), tl.load(at + 7)


@kernel
def _seen(
    a_y: tl.tensor,
    a_x: tl.tensor,
    a_1: tl.tensor,
    c_y: tl.tensor,
    c_x: tl.tensor,
    c_1: tl.tensor,
    start: tl.tensor,
    turn: tl.tensor,
    y: tl.tensor,
    x: tl.tensor,
    POWER: tl.constexpr,
) -> tl.tensor:
    """Where pixels are seen, in bins from the middle one, and their weights, 0 behind the source."""
    aside = tl.fma(a_y, y, tl.fma(a_x, x, a_1))
    depth = tl.fma(c_y, y, tl.fma(c_x, x, c_1))
    ahead = depth > 0
    depth = tl.where(ahead, depth, 1)
    if turn == 0:
        inverse = 1 / depth
        place = aside * inverse
    else:
        distance = tl.sqrt(tl.fma(aside, aside, depth * depth))
        inverse = 1 / distance
        place = tl.fma(turn, arctangent(aside, depth, distance), start)
    return place, tl.where(ahead, powered(inverse, POWER), 0)


@kernel
def backproject(
    sinogram: tl.tensor,
    table: tl.tensor,
    out: tl.tensor,
    views: tl.int32,
    bins: tl.int32,
    rows: tl.int32,
    columns: tl.int32,
    POWER: tl.constexpr,
    REAL: tl.constexpr,
    ITEMS: tl.constexpr,
    HEIGHT: tl.constexpr,
    WIDTH: tl.constexpr,
) -> None:
    """A program sums views (views, bins, ITEMS) at HEIGHT × WIDTH pixels of a block of images."""
    left, top, block = place_of(tl.cdiv(columns, WIDTH), tl.cdiv(rows, HEIGHT))
    pixel, item = tl.arange(0, HEIGHT * WIDTH), tl.arange(0, ITEMS)[None, :]
    row, column = top * HEIGHT + pixel // WIDTH, left * WIDTH + pixel % WIDTH
    inside = (row < rows) & (column < columns)
    y, x = (row - rows // 2).to(REAL), (column - columns // 2).to(REAL)
    total = tl.zeros([HEIGHT * WIDTH, ITEMS], REAL)
    for first in range(0, views, UNROLL):
        for n in tl.static_range(UNROLL):
            view = tl.minimum(first + n, views - 1)
            a_y, a_x, a_1, c_y, c_x, c_1, start, turn = _eight(table + view * COLUMNS)
            place, weight = _seen(a_y, a_x, a_1, c_y, c_x, c_1, start, turn, y, x, POWER)
            whole = tl.floor(place)
            k = whole.to(tl.int32) + bins // 2
            reads = inside & (tl.zeros_like(row) + (first + n) < views) & (weight > 0)
            here, there = reads & (k >= 0) & (k < bins), reads & (k >= -1) & (k < bins - 1)
            near = tl.where(here, weight * (1 - tl.abs(place - whole)), 0)
            far = tl.where(there, weight * (1 - tl.abs(place - (whole + 1))), 0)
            source = sinogram + (block * views + view) * bins * ITEMS + (k * ITEMS)[:, None] + item
            value = tl.load(source, mask=here[:, None], other=0).to(REAL)
            total = tl.fma(near[:, None], value, total)
            value = tl.load(source + ITEMS, mask=there[:, None], other=0).to(REAL)
            total = tl.fma(far[:, None], value, total)
    place = ((block * rows + row) * columns + column) * ITEMS
    tl.store(out + place[:, None] + item, total.to(out.dtype.element_ty), mask=inside[:, None])


@kernel
def _line(
    a_y: tl.tensor,
    a_x: tl.tensor,
    a_1: tl.tensor,
    c_y: tl.tensor,
    c_x: tl.tensor,
    c_1: tl.tensor,
    start: tl.tensor,
    turn: tl.tensor,
    place: tl.tensor,
) -> tl.tensor:
    """n of the line n·p = 0 that is seen at a place; n·p is positive on the side that is seen beyond it."""
    one, other = tl.zeros_like(place) + 1, place
    if turn != 0:
        angle = tl.minimum(tl.maximum((place - start) / turn, -QUARTER), QUARTER)
        one, other = tl.cos(angle), tl.sin(angle)
    return one * a_y - other * c_y, one * a_x - other * c_x, one * a_1 - other * c_1


@kernel
def project(
    image: tl.tensor,
    turned: tl.tensor,
    table: tl.tensor,
    out: tl.tensor,
    views: tl.int32,
    bins: tl.int32,
    rows: tl.int32,
    columns: tl.int32,
    POWER: tl.constexpr,
    REAL: tl.constexpr,
    ITEMS: tl.constexpr,
    BINS: tl.constexpr,
) -> None:
    """The transpose: a program gathers BINS bins of a view of a block of images (rows, columns, ITEMS).

    Layers are rows or columns, whichever the middle ray crosses less aslant. Columns are read from ``turned``, the
    transposed image where ITEMS is 1 and else the same one.
    """
    tile, view, block = place_of(tl.cdiv(bins, BINS), views)
    bin_, item = tile * BINS + tl.arange(0, BINS), tl.arange(0, ITEMS)[None, :]
    inside, k = bin_ < bins, (bin_ - bins // 2).to(REAL)
    a_y, a_x, a_1, c_y, c_x, c_1, start, turn = _eight(table + view * COLUMNS)
    before_y, before_x, before_1 = _line(a_y, a_x, a_1, c_y, c_x, c_1, start, turn, k - EDGE)
    behind_y, behind_x, behind_1 = _line(a_y, a_x, a_1, c_y, c_x, c_1, start, turn, k + EDGE)
    steepness = tl.where(inside, tl.abs(before_x + behind_x) - tl.abs(before_y + behind_y), 0)
    upright = tl.sum(steepness, 0) >= 0
    block_of_images = block * rows * columns * ITEMS
    if upright:
        layers, across, source = rows, columns, image + block_of_images
        stride, step = tl.cast(columns, tl.int64) * ITEMS, tl.cast(ITEMS, tl.int64)
    else:
        layers, across, source = columns, rows, turned + block_of_images
        stride, step = tl.cast(ITEMS, tl.int64), tl.cast(columns, tl.int64) * ITEMS
        if ITEMS == 1:
            stride, step = tl.cast(rows, tl.int64), tl.cast(1, tl.int64)
    before, before_step = tl.where(upright, before_x, before_y), tl.where(upright, before_y, before_x)
    behind, behind_step = tl.where(upright, behind_x, behind_y), tl.where(upright, behind_y, behind_x)
    clear = ((before > 0) & (behind > 0)) | ((before < 0) & (behind < 0))
    one, other = -1 / tl.where(clear, before, 1), -1 / tl.where(clear, behind, 1)
    rising = before > 0
    low = tl.where(clear, tl.where(rising, before_1 * one, behind_1 * other), -FAR)
    high = tl.where(clear, tl.where(rising, behind_1 * other, before_1 * one), FAR)
    low_step = tl.where(clear, tl.where(rising, before_step * one, behind_step * other), 0)
    high_step = tl.where(clear, tl.where(rising, behind_step * other, before_step * one), 0)
    begin, end = meeting(low, low_step, high, high_step, layers, across)
    wanted = inside & (begin < end)
    begin, end = tl.min(tl.where(wanted, begin, layers), 0), tl.max(tl.where(wanted, end, 0), 0)
    start_layer, end_layer = (begin - layers // 2).to(REAL), (end - 1 - layers // 2).to(REAL)
    most = most_of(low, low_step, high, high_step, wanted, start_layer, end_layer, across)
    total = tl.zeros([BINS, ITEMS], REAL)
    for i in range(begin, end):
        layer = (i - layers // 2).to(REAL)
        first, last = whole_range(tl.fma(layer, low_step, low) - ROOM, tl.fma(layer, high_step, high) + ROOM, across)
        for n in range(most):
            j = first + n
            position, line = (j - across // 2).to(REAL), tl.zeros_like(k) + layer
            y, x = tl.where(upright, line, position), tl.where(upright, position, line)
            place, weight = _seen(a_y, a_x, a_1, c_y, c_x, c_1, start, turn, y, x, POWER)
            hat = 1 - tl.abs(place - k)
            here = inside & (j <= last) & (hat > 0) & (weight > 0)
            at = source + i * stride + (j * step)[:, None] + item
            value = tl.load(at, mask=here[:, None], other=0).to(REAL)
            total = tl.fma(tl.where(here, weight * hat, 0)[:, None], value, total)
    place = ((block * views + view) * bins + bin_) * ITEMS
    tl.store(out + place[:, None] + item, total.to(out.dtype.element_ty), mask=inside[:, None])
