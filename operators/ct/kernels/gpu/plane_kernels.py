"""Joseph's method in a plane on GPUs.

Pixels are counted from the pixel (rows // 2, columns // 2) and bins from bin bins // 2. A ray followed along one axis
crosses layer i at u = mid + slope · i and gives pixel j of the layer the weight (1 − |u − j|) · length. :func:`trace`
works out mid, slope and length of all rays in double precision; both other kernels evaluate u by one fused
multiply-add and the weights by the same expressions, so that they are exact transposes. In single precision u is
rounded by less than N · 2⁻²⁴ pixels in an image of N pixels across, 6e-5 for N = 1024.
"""

from __future__ import annotations

import triton.language as tl

from recon.operators.ct.kernels.gpu.compile import kernel
from recon.operators.ct.kernels.gpu.places import candidates, crossed, place_of, whole_range

UNROLL = tl.constexpr(4)  # layers whose loads are under way together
COLUMNS = tl.constexpr(13)  # of a table of rays, which ends with the spacing of rows and of columns
INVERSE = tl.constexpr(10)  # and of a table of inverse projections


@kernel
def _invert(row: tl.tensor, bins: tl.tensor, rows: tl.tensor, columns: tl.tensor, out: tl.tensor) -> None:
    """Where pixels are seen by a view: a, c (three components each), e, 1/δ, and whether the formula fails.

    A pixel p = (i, j, 1) is seen at bin a·p / c·p. On a curved detector a·p and c·p are its place relative to the
    source in arc radii, along and across the arc at the middle bin, and −e is the source's place relative to the arc's
    centre. The formula of :func:`~recon.operators.ct.kernels.gpu.places.candidates` fails where arcs are seen aslant.
    """
    middle = tl.cast(bins // 2, tl.float64)
    turn = tl.load(row + 10)
    along_y, along_x, side_y, side_x = tl.load(row + 4), tl.load(row + 5), tl.load(row + 6), tl.load(row + 7)
    ahead_y, ahead_x = tl.load(row + 8), tl.load(row + 9)
    sine, cosine = tl.sin(middle * turn), tl.cos(middle * turn)
    bent = turn != 0
    parallel = (side_y == 0) & (side_x == 0) & (turn == 0)
    y = tl.load(row) + middle * tl.load(row + 2) - rows // 2
    x = tl.load(row + 1) + middle * tl.load(row + 3) - columns // 2
    s_y = tl.where(bent, cosine * side_y - sine * ahead_y, tl.where(parallel, tl.load(row + 2), side_y))
    s_x = tl.where(bent, cosine * side_x - sine * ahead_x, tl.where(parallel, tl.load(row + 3), side_x))
    c_y = tl.where(bent, sine * side_y + cosine * ahead_y, along_y + middle * side_y)
    c_x = tl.where(bent, sine * side_x + cosine * ahead_x, along_x + middle * side_x)
    det = s_y * c_x - s_x * c_y
    a_y, a_x = c_x / det, -c_y / det
    d_y, d_x = tl.where(parallel, 0.0, -s_x / det), tl.where(parallel, 0.0, s_y / det)
    e_s, e_c = a_y * along_y + a_x * along_x, d_y * along_y + d_x * along_x
    widest = tl.abs(turn) * tl.maximum(middle, bins - 1 - middle)
    aslant = bent & (widest + 1.5708 * tl.sqrt(e_s * e_s + e_c * e_c) > 1.57)
    real = out.dtype.element_ty
    tl.store(out, a_y.to(real))
    tl.store(out + 1, a_x.to(real))
    tl.store(out + 2, (-a_y * y - a_x * x).to(real))
    tl.store(out + 3, d_y.to(real))
    tl.store(out + 4, d_x.to(real))
    tl.store(out + 5, tl.where(parallel, 1.0, -d_y * y - d_x * x).to(real))
    tl.store(out + 6, e_s.to(real))
    tl.store(out + 7, e_c.to(real))
    tl.store(out + 8, tl.where(bent, 1.0 / tl.where(bent, turn, 1.0), 0.0).to(real))
    tl.store(out + 9, aslant.to(real))


@kernel
def trace(
    rays: tl.tensor,
    lines: tl.tensor,
    inverse: tl.tensor,
    axes: tl.tensor,
    views: tl.int32,
    bins: tl.int32,
    rows: tl.int32,
    columns: tl.int32,
    BLOCK: tl.constexpr,
) -> None:
    """One program a view: its rays as (mid, slope, ±length; views, bins), minus for those followed along axis 1.

    Also writes the view's inverse projection and as bits the axes along which it has rays.
    """
    view = tl.program_id(0)
    row, plane = rays + view * COLUMNS, tl.cast(views, tl.int64) * bins
    real = lines.dtype.element_ty
    turn = tl.load(row + 10)
    found = view * 0
    for head in range(0, bins, BLOCK):
        bin_ = head + tl.arange(0, BLOCK)
        inside = bin_ < bins
        k = bin_.to(tl.float64)
        sine, cosine = k, tl.zeros([BLOCK], tl.float64)
        if turn != 0:
            sine, cosine = tl.sin(k * turn), tl.cos(k * turn)
        y, x = tl.load(row) + k * tl.load(row + 2), tl.load(row + 1) + k * tl.load(row + 3)
        dy = tl.load(row + 4) + sine * tl.load(row + 6) + cosine * tl.load(row + 8)
        dx = tl.load(row + 5) + sine * tl.load(row + 7) + cosine * tl.load(row + 9)
        steep = tl.abs(dy) >= tl.abs(dx)
        slope = tl.where(steep, dx, dy) / tl.where(steep, dy, dx)
        y, x = y - rows // 2, x - columns // 2
        mid = tl.where(steep, x, y) - tl.where(steep, y, x) * slope
        h, w = tl.load(row + 11), tl.load(row + 12)
        layer, across = tl.where(steep, h, w), tl.where(steep, w, h)
        length = tl.sqrt(layer * layer + across * across * slope * slope)
        at = lines + tl.cast(view, tl.int64) * bins + bin_
        tl.store(at, mid.to(real), mask=inside)
        tl.store(at + plane, slope.to(real), mask=inside)
        tl.store(at + 2 * plane, tl.where(steep, length, -length).to(real), mask=inside)
        found = found | tl.max(tl.where(inside & steep, 1, 0), 0) | tl.max(tl.where(inside & (steep == 0), 2, 0), 0)
    tl.store(axes + view, found)
    _invert(row, bins, rows, columns, inverse + view * INVERSE)


@kernel
def project(
    image: tl.tensor,
    turned: tl.tensor,
    lines: tl.tensor,
    out: tl.tensor,
    views: tl.int32,
    bins: tl.int32,
    rows: tl.int32,
    columns: tl.int32,
    REAL: tl.constexpr,
    ITEMS: tl.constexpr,
    BINS: tl.constexpr,
) -> None:
    """A program projects BINS rays of a view of a block of images (rows, columns, ITEMS).

    Layers along axis 1, columns, are read from ``turned``, the transposed image where ITEMS is 1 and else the same one.
    """
    tile, view, block = place_of(tl.cdiv(bins, BINS), views)
    k, item = tile * BINS + tl.arange(0, BINS), tl.arange(0, ITEMS)[None, :]
    inside, plane = k < bins, tl.cast(views, tl.int64) * bins
    at = lines + tl.cast(view, tl.int64) * bins + k
    mid = tl.load(at, mask=inside, other=0)
    slope = tl.load(at + plane, mask=inside, other=0)
    length = tl.load(at + 2 * plane, mask=inside, other=0)
    total = tl.zeros([BINS, ITEMS], REAL)
    for axis in tl.static_range(2):
        if axis == 0:
            layers, across, mine = rows, columns, length > 0
            source, stride, step = image + block * rows * columns * ITEMS, columns * ITEMS, ITEMS
        else:
            layers, across, mine = columns, rows, length < 0
            source, stride, step = turned + block * rows * columns * ITEMS, ITEMS, tl.cast(columns, tl.int64) * ITEMS
            if ITEMS == 1:
                stride, step = rows, 1
        low, high = crossed(mid, slope, layers, across)
        begin = tl.min(tl.where(mine, low, layers), 0)
        end = tl.max(tl.where(mine, high, 0), 0)
        for first in range(begin, end, UNROLL):
            for n in tl.static_range(UNROLL):
                i = first + n + tl.zeros([BINS], tl.int32)
                u = tl.fma(slope, (i - layers // 2).to(REAL), mid)
                whole = tl.floor(u)
                j = whole.to(tl.int32) + across // 2
                near, far = 1 - tl.abs(u - whole), 1 - tl.abs(u - (whole + 1))
                reads = mine & (i < layers)
                place = source + tl.cast(first + n, tl.int64) * stride + (j * step)[:, None] + item
                left = tl.load(place, mask=(reads & (j >= 0) & (j < across))[:, None], other=0).to(REAL)
                right = tl.load(place + step, mask=(reads & (j >= -1) & (j < across - 1))[:, None], other=0).to(REAL)
                total = tl.fma(far[:, None], right, tl.fma(near[:, None], left, total))
    place = out + ((block * views + view) * bins + k)[:, None] * ITEMS + item
    tl.store(place, (tl.abs(length)[:, None] * total).to(out.dtype.element_ty), mask=inside[:, None])


@kernel
def backproject(
    sinogram: tl.tensor,
    lines: tl.tensor,
    inverse: tl.tensor,
    axes: tl.tensor,
    out: tl.tensor,
    views: tl.int32,
    bins: tl.int32,
    rows: tl.int32,
    columns: tl.int32,
    REAL: tl.constexpr,
    ITEMS: tl.constexpr,
    HEIGHT: tl.constexpr,
    WIDTH: tl.constexpr,
) -> None:
    """The transpose: a program gathers HEIGHT × WIDTH pixels of images from sinograms (views, bins, ITEMS)."""
    left, top, block = place_of(tl.cdiv(columns, WIDTH), tl.cdiv(rows, HEIGHT))
    pixel, plane = tl.arange(0, HEIGHT * WIDTH), tl.cast(views, tl.int64) * bins
    row, column = top * HEIGHT + pixel // WIDTH, left * WIDTH + pixel % WIDTH
    inside = (row < rows) & (column < columns)
    y, x = (row - rows // 2).to(REAL), (column - columns // 2).to(REAL)
    item = tl.arange(0, ITEMS)[None, :]
    total = tl.zeros([HEIGHT * WIDTH, ITEMS], REAL)
    for view in range(views):
        at, found = inverse + view * INVERSE, tl.load(axes + view)
        source = sinogram + (block * views + view) * bins * ITEMS
        for axis in tl.static_range(2):
            if (found & (1 << axis)) != 0:
                if axis == 0:
                    layer, place, sign = y, x, 1
                else:
                    layer, place, sign = x, y, -1
                low, high = candidates(at, y, x, axis)
                low, high = whole_range(low, high, bins)
                count = tl.max(tl.where(inside, high - low + 1, 0), 0)
                for n in range(count):
                    k = low + n
                    here = inside & (k <= high)
                    line = lines + tl.cast(view, tl.int64) * bins + k
                    mid = tl.load(line, mask=here, other=0)
                    slope = tl.load(line + plane, mask=here, other=0)
                    length = sign * tl.load(line + 2 * plane, mask=here, other=0)
                    hat = 1 - tl.abs(tl.fma(slope, layer, mid) - place)
                    here = here & (hat > 0) & (length > 0)
                    value = tl.load(source + (k * ITEMS)[:, None] + item, mask=here[:, None], other=0).to(REAL)
                    total = tl.fma(tl.where(here, hat * length, 0)[:, None], value, total)
    place = out + (block * rows + row)[:, None] * columns * ITEMS + (column * ITEMS)[:, None] + item
    tl.store(place, total.to(out.dtype.element_ty), mask=inside[:, None])
