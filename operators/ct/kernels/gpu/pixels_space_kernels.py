"""Views read at the voxels of a volume, on GPUs.

As :mod:`~recon.operators.ct.kernels.gpu.pixels_plane_kernels`, with rows beside bins, all counted from the middle ones.
The voxels that read a pixel (k, l) of the detector lie between the four rays that run to (k ± 1, l ± 1). The ray to
(κ, λ) is where the planes (a − κ c)·p = 0 and (b − λ c)·p = 0 meet, and runs along the product of their normals.
"""

from __future__ import annotations

import triton.language as tl

from recon.operators.ct.kernels.gpu.compile import kernel
from recon.operators.ct.kernels.gpu.pixels_places import EDGE, ROOM, chord, meeting, most_of, powered
from recon.operators.ct.kernels.gpu.places import FAR, place_of, whole_range

UNROLL = tl.constexpr(2)  # views whose loads are under way together
COLUMNS = tl.constexpr(12)  # of a table: a, b and c of four components each


@kernel
def _four(at: tl.tensor) -> tl.tensor:
    """Components of an affine function of voxels, along z, y and x and constant."""
    return tl.load(at), tl.load(at + 1), tl.load(at + 2), tl.load(at + 3)


@kernel
def _value(
    by_z: tl.tensor, by_y: tl.tensor, by_x: tl.tensor, constant: tl.tensor, z: tl.tensor, y: tl.tensor, x: tl.tensor
) -> tl.tensor:
    """Such a function."""
    return tl.fma(by_z, z, tl.fma(by_y, y, tl.fma(by_x, x, constant)))


@kernel
def backproject(
    sinogram: tl.tensor,
    table: tl.tensor,
    out: tl.tensor,
    views: tl.int32,
    rows: tl.int32,
    bins: tl.int32,
    planes: tl.int32,
    height: tl.int32,
    width: tl.int32,
    POWER: tl.constexpr,
    REAL: tl.constexpr,
    ITEMS: tl.constexpr,
    PLANES: tl.constexpr,
    WIDTH: tl.constexpr,
) -> None:
    """A program sums views (views, rows, bins, ITEMS) at PLANES × WIDTH voxels of one row of a block of volumes."""
    across = tl.cdiv(width, WIDTH)
    tile, line, block = place_of(across * tl.cdiv(planes, PLANES), height)
    voxel, item = tl.arange(0, PLANES * WIDTH), tl.arange(0, ITEMS)[None, :]
    column, plane = tile % across * WIDTH + voxel % WIDTH, tile // across * PLANES + voxel // WIDTH
    inside = (plane < planes) & (column < width)
    z, x = (plane - planes // 2).to(REAL), (column - width // 2).to(REAL)
    y = (tl.zeros_like(column) + line - height // 2).to(REAL)
    total = tl.zeros([PLANES * WIDTH, ITEMS], REAL)
    for first in range(0, views, UNROLL):
        for n in tl.static_range(UNROLL):
            view = tl.minimum(first + n, views - 1)
            at = table + view * COLUMNS
            a_z, a_y, a_x, a_1 = _four(at)
            b_z, b_y, b_x, b_1 = _four(at + 4)
            c_z, c_y, c_x, c_1 = _four(at + 8)
            depth = _value(c_z, c_y, c_x, c_1, z, y, x)
            ahead = depth > 0
            inverse = 1 / tl.where(ahead, depth, 1)
            u = _value(a_z, a_y, a_x, a_1, z, y, x) * inverse
            v = _value(b_z, b_y, b_x, b_1, z, y, x) * inverse
            weight = powered(inverse, POWER)
            whole_u, whole_v = tl.floor(u), tl.floor(v)
            k, row = whole_u.to(tl.int32) + bins // 2, whole_v.to(tl.int32) + rows // 2
            reads = inside & ahead & (tl.zeros_like(column) + (first + n) < views)
            source = sinogram + (block * views + view) * rows * bins * ITEMS
            place = source + ((row.to(tl.int64) * bins + k) * ITEMS)[:, None] + item
            for dv in tl.static_range(2):
                hat_v = 1 - tl.abs(v - (whole_v + dv))
                there = reads & (row >= -dv) & (row < rows - dv)
                for du in tl.static_range(2):
                    hat = (1 - tl.abs(u - (whole_u + du))) * hat_v
                    here = there & (k >= -du) & (k < bins - du)
                    corner = place + (dv * bins + du) * ITEMS
                    value = tl.load(corner, mask=here[:, None], other=0).to(REAL)
                    total = tl.fma(tl.where(here, weight * hat, 0)[:, None], value, total)
    place = ((block * planes + plane) * height + line) * width + column
    tl.store(out + (place * ITEMS)[:, None] + item, total.to(out.dtype.element_ty), mask=inside[:, None])


@kernel
def _turned(z: tl.tensor, y: tl.tensor, x: tl.tensor, axis: tl.tensor) -> tl.tensor:
    """Three components in the order of the axis of layers, then the other two."""
    return (
        tl.where(axis == 0, z, tl.where(axis == 1, y, x)),
        tl.where(axis == 0, y, z),
        tl.where(axis == 2, y, x),
    )


@kernel
def project(
    image: tl.tensor,
    turned: tl.tensor,
    table: tl.tensor,
    out: tl.tensor,
    views: tl.int32,
    rows: tl.int32,
    bins: tl.int32,
    planes: tl.int32,
    height: tl.int32,
    width: tl.int32,
    POWER: tl.constexpr,
    REAL: tl.constexpr,
    ITEMS: tl.constexpr,
    ROWS: tl.constexpr,
    BINS: tl.constexpr,
) -> None:
    """The transpose: a program gathers ROWS × BINS of a view of a block of volumes (planes, height, width, ITEMS).

    Layers lie across the axis along which the middle ray runs farthest. Layers along the last axis are read from
    ``turned``, which is (planes, width, height) where ITEMS is 1 and else the same volume.
    """
    across_bins = tl.cdiv(bins, BINS)
    tile, view, block = place_of(across_bins * tl.cdiv(rows, ROWS), views)
    ray, item = tl.arange(0, ROWS * BINS), tl.arange(0, ITEMS)[None, :]
    first_row, first_bin = tile // across_bins * ROWS, tile % across_bins * BINS
    row, bin_ = first_row + ray // BINS, first_bin + ray % BINS
    inside = (row < rows) & (bin_ < bins)
    k, up = (bin_ - bins // 2).to(REAL), (row - rows // 2).to(REAL)
    at = table + view * COLUMNS
    a_z, a_y, a_x, a_1 = _four(at)
    b_z, b_y, b_x, b_1 = _four(at + 4)
    c_z, c_y, c_x, c_1 = _four(at + 8)

    middle_k = ((first_bin + tl.minimum(first_bin + BINS, bins)) // 2 - bins // 2).to(REAL)
    middle_up = ((first_row + tl.minimum(first_row + ROWS, rows)) // 2 - rows // 2).to(REAL)
    m_z, m_y, m_x = a_z - middle_k * c_z, a_y - middle_k * c_y, a_x - middle_k * c_x
    n_z, n_y, n_x = b_z - middle_up * c_z, b_y - middle_up * c_y, b_x - middle_up * c_x
    along_z, along_y = tl.abs(m_y * n_x - m_x * n_y), tl.abs(m_x * n_z - m_z * n_x)
    along_x = tl.abs(m_z * n_y - m_y * n_z)
    axis = tl.where((along_z >= along_y) & (along_z >= along_x), 0, tl.where(along_y >= along_x, 1, 2))

    size = tl.cast(height, tl.int64) * width
    source = image + block * planes * size * ITEMS
    layers, wide, high = _turned(planes, height, width, axis)
    one = tl.cast(1, tl.int64)
    stride, u_stride, v_stride = _turned(size, tl.cast(width, tl.int64), one, axis)
    if (ITEMS == 1) & (axis == 2):
        source = turned + block * planes * size
        stride, v_stride = tl.cast(height, tl.int64), one

    a_l, a_u, a_v = _turned(a_z, a_y, a_x, axis)
    b_l, b_u, b_v = _turned(b_z, b_y, b_x, axis)
    c_l, c_u, c_v = _turned(c_z, c_y, c_x, axis)
    low_u, high_u = tl.zeros_like(k) + FAR, tl.zeros_like(k) - FAR
    last_low_u, last_high_u, low_v, high_v = low_u, high_u, low_u, high_u
    last_low_v, last_high_v = low_u, high_u
    rising, falling = inside, inside
    begin_layer, end_layer = (-(layers // 2)).to(REAL), (layers - 1 - layers // 2).to(REAL)
    for corner in tl.static_range(4):
        kappa, lamda = k + (corner % 2 * 2 - 1) * EDGE, up + (corner // 2 * 2 - 1) * EDGE
        m_l, m_u, m_v, m_1 = a_l - kappa * c_l, a_u - kappa * c_u, a_v - kappa * c_v, a_1 - kappa * c_1
        n_l, n_u, n_v, n_1 = b_l - lamda * c_l, b_u - lamda * c_u, b_v - lamda * c_v, b_1 - lamda * c_1
        along = m_u * n_v - m_v * n_u
        rising, falling = rising & (along > 0), falling & (along < 0)
        inverse = -1 / tl.where(along != 0, along, 1)
        u, u_step = (m_1 * n_v - n_1 * m_v) * inverse, (m_l * n_v - n_l * m_v) * inverse
        v, v_step = (n_1 * m_u - m_1 * n_u) * inverse, (n_l * m_u - m_l * n_u) * inverse
        low_u = tl.minimum(low_u, tl.fma(begin_layer, u_step, u))
        high_u = tl.maximum(high_u, tl.fma(begin_layer, u_step, u))
        last_low_u = tl.minimum(last_low_u, tl.fma(end_layer, u_step, u))
        last_high_u = tl.maximum(last_high_u, tl.fma(end_layer, u_step, u))
        low_v = tl.minimum(low_v, tl.fma(begin_layer, v_step, v))
        high_v = tl.maximum(high_v, tl.fma(begin_layer, v_step, v))
        last_low_v = tl.minimum(last_low_v, tl.fma(end_layer, v_step, v))
        last_high_v = tl.maximum(last_high_v, tl.fma(end_layer, v_step, v))
    clear = rising | falling
    low_u, low_u_step = chord(low_u, last_low_u, layers, clear, -FAR)
    high_u, high_u_step = chord(high_u, last_high_u, layers, clear, FAR)
    low_v, low_v_step = chord(low_v, last_low_v, layers, clear, -FAR)
    high_v, high_v_step = chord(high_v, last_high_v, layers, clear, FAR)

    begin, end = meeting(low_u, low_u_step, high_u, high_u_step, layers, wide)
    other, other_end = meeting(low_v, low_v_step, high_v, high_v_step, layers, high)
    begin, end = tl.maximum(begin, other), tl.minimum(end, other_end)
    wanted = inside & (begin < end)
    begin, end = tl.min(tl.where(wanted, begin, layers), 0), tl.max(tl.where(wanted, end, 0), 0)
    begin_layer, end_layer = (begin - layers // 2).to(REAL), (end - 1 - layers // 2).to(REAL)
    most_u = most_of(low_u, low_u_step, high_u, high_u_step, wanted, begin_layer, end_layer, wide)
    most_v = most_of(low_v, low_v_step, high_v, high_v_step, wanted, begin_layer, end_layer, high)

    total = tl.zeros([ROWS * BINS, ITEMS], REAL)
    for i in range(begin, end):
        layer = tl.zeros_like(k) + (i - layers // 2).to(REAL)
        first_u, last_u = whole_range(
            tl.fma(layer, low_u_step, low_u) - ROOM, tl.fma(layer, high_u_step, high_u) + ROOM, wide
        )
        first_v, last_v = whole_range(
            tl.fma(layer, low_v_step, low_v) - ROOM, tl.fma(layer, high_v_step, high_v) + ROOM, high
        )
        for m in range(most_u):
            j = first_u + m
            at_u = (j - wide // 2).to(REAL)
            for n in range(most_v):
                h = first_v + n
                at_v = (h - high // 2).to(REAL)
                z, y = tl.where(axis == 0, layer, at_u), tl.where(axis == 1, layer, tl.where(axis == 0, at_u, at_v))
                x = tl.where(axis == 2, layer, at_v)
                depth = _value(c_z, c_y, c_x, c_1, z, y, x)
                ahead = depth > 0
                inverse = 1 / tl.where(ahead, depth, 1)
                u = _value(a_z, a_y, a_x, a_1, z, y, x) * inverse
                v = _value(b_z, b_y, b_x, b_1, z, y, x) * inverse
                hat_u, hat_v = 1 - tl.abs(u - k), 1 - tl.abs(v - up)
                here = inside & ahead & (j <= last_u) & (h <= last_v) & (hat_u > 0) & (hat_v > 0)
                place = (i * stride + j * u_stride + h * v_stride) * ITEMS
                value = tl.load(source + place[:, None] + item, mask=here[:, None], other=0).to(REAL)
                weight = tl.where(here, powered(inverse, POWER) * (hat_u * hat_v), 0)
                total = tl.fma(weight[:, None], value, total)
    place = (((block * views + view) * rows + row) * bins + bin_) * ITEMS
    tl.store(out + place[:, None] + item, total.to(out.dtype.element_ty), mask=inside[:, None])
