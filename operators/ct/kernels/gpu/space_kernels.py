"""Joseph's method in space on GPUs.

Voxels are counted from the voxel (planes // 2, rows // 2, columns // 2), bins and rows of the detector from the middle
ones, bins // 2 and rows // 2. With directions d and points p affine in (k, l), and p_b d_a − p_a d_b too since the
rays of a view start at one point or run in one direction, a ray followed along axis a crosses layer i at

    u = (p_b d_a − p_a d_b + i d_b) / d_a,    v = (p_c d_a − p_a d_c + i d_c) / d_a

on the other axes b < c. Tables of views hold these affine functions, worked out in double precision by
:mod:`~recon.operators.ct.kernels.gpu.space_tables`. Both kernels evaluate them, u, v and the weights
(1 − |u − j|)(1 − |v − m|) · length by the same expressions, so that they are exact transposes. In single precision u
and v are good to about N · 2⁻²² pixels in a volume of N voxels across.
"""

from __future__ import annotations

import triton.language as tl

from recon.operators.ct.kernels.gpu import space_tables as tables
from recon.operators.ct.kernels.gpu.compile import kernel
from recon.operators.ct.kernels.gpu.places import crossed, place_of, whole_range
from recon.operators.ct.kernels.gpu.space_places import affine, chosen, length_of, three, window

UNROLL = tl.constexpr(2)  # layers whose loads are under way together
AXIS, COLUMNS, SPACING = tl.constexpr(tables.AXIS), tl.constexpr(tables.COLUMNS), tl.constexpr(tables.SPACING)


@kernel
def project(
    image: tl.tensor,
    turned: tl.tensor,
    table: tl.tensor,
    axes: tl.tensor,
    out: tl.tensor,
    views: tl.int32,
    rows: tl.int32,
    bins: tl.int32,
    planes: tl.int32,
    height: tl.int32,
    width: tl.int32,
    REAL: tl.constexpr,
    ITEMS: tl.constexpr,
    ROWS: tl.constexpr,
    BINS: tl.constexpr,
) -> None:
    """A program projects ROWS × BINS rays of a view of a block of volumes (planes, height, width, ITEMS).

    Layers along axis 2 are read from ``turned``, which is (planes, width, height) where ITEMS is 1 and else the same.
    """
    across_bins = tl.cdiv(bins, BINS)
    tile, view, block = place_of(across_bins * tl.cdiv(rows, ROWS), views)
    ray = tl.arange(0, ROWS * BINS)
    row, bin_ = tile // across_bins * ROWS + ray // BINS, tile % across_bins * BINS + ray % BINS
    item = tl.arange(0, ITEMS)[None, :]
    inside = (row < rows) & (bin_ < bins)
    k, line = (bin_ - bins // 2).to(REAL), (row - rows // 2).to(REAL)
    found, size = tl.load(axes + view), tl.cast(height, tl.int64) * width
    result = tl.zeros([ROWS * BINS, ITEMS], REAL)
    for axis in tl.static_range(3):
        if (found & (1 << axis)) != 0:
            at = table + view * COLUMNS + axis * AXIS
            mine = inside
            if found != (1 << axis):
                over_b = affine(at, 15, k, line) * affine(at, 18, k, line)
                over_c = affine(at, 21, k, line) * affine(at, 24, k, line)
                zero = table + view * COLUMNS
                first = affine(zero, 15, k, line) * affine(zero, 18, k, line)
                mine = inside & chosen(over_b, over_c, first, axis)
            source = image + block * planes * size * ITEMS
            if axis == 0:
                layers, wide, high = planes, height, width
                stride, u_stride, v_stride = size, tl.cast(width, tl.int64), 1
            elif axis == 1:
                layers, wide, high = height, planes, width
                stride, u_stride, v_stride = tl.cast(width, tl.int64), size, 1
            else:
                layers, wide, high = width, planes, height
                stride, u_stride, v_stride = tl.cast(1, tl.int64), size, width
                if ITEMS == 1:
                    source = turned + block * planes * size
                    stride, u_stride, v_stride = tl.cast(height, tl.int64), size, 1
            inverse = 1 / affine(at, 0, k, line)
            step_u, step_v = affine(at, 3, k, line), affine(at, 6, k, line)
            start_u, start_v = affine(at, 9, k, line), affine(at, 12, k, line)
            first_u, last_u = crossed(start_u * inverse, step_u * inverse, layers, wide)
            first_v, last_v = crossed(start_v * inverse, step_v * inverse, layers, high)
            begin = tl.min(tl.where(mine, tl.maximum(first_u, first_v), layers), 0)
            end = tl.max(tl.where(mine, tl.minimum(last_u, last_v), 0), 0)
            total = tl.zeros([ROWS * BINS, ITEMS], REAL)
            for first in range(begin, end, UNROLL):
                for n in tl.static_range(UNROLL):
                    i = first + n + tl.zeros([ROWS * BINS], tl.int32)
                    layer = (i - layers // 2).to(REAL)
                    u, v = tl.fma(layer, step_u, start_u) * inverse, tl.fma(layer, step_v, start_v) * inverse
                    whole_u, whole_v = tl.floor(u), tl.floor(v)
                    j, m = whole_u.to(tl.int32) + wide // 2, whole_v.to(tl.int32) + high // 2
                    reads = mine & (i < layers)
                    place = source + tl.cast(first + n, tl.int64) * stride * ITEMS
                    place = place + ((j * u_stride + m * v_stride) * ITEMS)[:, None] + item
                    for du in tl.static_range(2):
                        hat_u = 1 - tl.abs(u - (whole_u + du))
                        here = reads & (j >= -du) & (j < wide - du)
                        for dv in tl.static_range(2):
                            hat = hat_u * (1 - tl.abs(v - (whole_v + dv)))
                            mask = here & (m >= -dv) & (m < high - dv)
                            at_corner = place + (du * u_stride + dv * v_stride) * ITEMS
                            value = tl.load(at_corner, mask=mask[:, None], other=0).to(REAL)
                            total = tl.fma(hat[:, None], value, total)
            square, u_square, v_square = three(at, SPACING)
            length = length_of(square, u_square, v_square, step_u * inverse, step_v * inverse)
            result = tl.where(mine[:, None], length[:, None] * total, result)
    place = out + (((block * views + view) * rows + row) * bins + bin_)[:, None] * ITEMS + item
    tl.store(place, result.to(out.dtype.element_ty), mask=inside[:, None])


@kernel
def backproject(
    sinogram: tl.tensor,
    table: tl.tensor,
    axes: tl.tensor,
    out: tl.tensor,
    views: tl.int32,
    rows: tl.int32,
    bins: tl.int32,
    planes: tl.int32,
    height: tl.int32,
    width: tl.int32,
    REAL: tl.constexpr,
    ITEMS: tl.constexpr,
    PLANES: tl.constexpr,
    WIDTH: tl.constexpr,
) -> None:
    """The transpose: a program gathers PLANES × WIDTH voxels of a row from views (views, rows, bins, ITEMS)."""
    across = tl.cdiv(width, WIDTH)
    tile, line, block = place_of(across * tl.cdiv(planes, PLANES), height)
    voxel, item = tl.arange(0, PLANES * WIDTH), tl.arange(0, ITEMS)[None, :]
    column, plane = tile % across * WIDTH + voxel % WIDTH, tile // across * PLANES + voxel // WIDTH
    inside = (plane < planes) & (column < width)
    z, x = (plane - planes // 2).to(REAL), (column - width // 2).to(REAL)
    y = (line - height // 2 + tl.zeros([PLANES * WIDTH], tl.int32)).to(REAL)
    total = tl.zeros([PLANES * WIDTH, ITEMS], REAL)
    for view in range(views):
        found = tl.load(axes + view)
        source = sinogram + (block * views + view) * rows * bins * ITEMS
        for axis in tl.static_range(3):
            if (found & (1 << axis)) != 0:
                at = table + view * COLUMNS + axis * AXIS
                if axis == 0:
                    layer, u, v = z, y, x
                elif axis == 1:
                    layer, u, v = y, z, x
                else:
                    layer, u, v = x, z, y
                left, right, bottom, top = window(table + view * COLUMNS, z, y, x, axis)
                left, right = whole_range(left, right, bins)
                bottom, top = whole_range(bottom, top, rows)
                bins_seen = tl.max(tl.where(inside, right - left + 1, 0), 0)
                rows_seen = tl.max(tl.where(inside, top - bottom + 1, 0), 0)
                d, d_bin, d_row = three(at, 0)
                step_u, step_u_bin, step_u_row = three(at, 3)
                step_v, step_v_bin, step_v_row = three(at, 6)
                start_u, start_u_bin, start_u_row = three(at, 9)
                start_v, start_v_bin, start_v_row = three(at, 12)
                less_b, less_b_bin, less_b_row = three(at, 15)
                more_b, more_b_bin, more_b_row = three(at, 18)
                less_c, less_c_bin, less_c_row = three(at, 21)
                more_c, more_c_bin, more_c_row = three(at, 24)
                zero = table + view * COLUMNS
                less, less_bin, less_row = three(zero, 15)
                more, more_bin, more_row = three(zero, 18)
                square, u_square, v_square = three(at, SPACING)
                for m in range(rows_seen):
                    row = bottom + m
                    up = (row - rows // 2).to(REAL)
                    for n in range(bins_seen):
                        bin_ = left + n
                        k = (bin_ - bins // 2).to(REAL)
                        inverse = 1 / tl.fma(k, d_bin, tl.fma(up, d_row, d))
                        by_u = tl.fma(k, step_u_bin, tl.fma(up, step_u_row, step_u))
                        by_v = tl.fma(k, step_v_bin, tl.fma(up, step_v_row, step_v))
                        from_u = tl.fma(k, start_u_bin, tl.fma(up, start_u_row, start_u))
                        from_v = tl.fma(k, start_v_bin, tl.fma(up, start_v_row, start_v))
                        hat_u = 1 - tl.abs(tl.fma(layer, by_u, from_u) * inverse - u)
                        hat_v = 1 - tl.abs(tl.fma(layer, by_v, from_v) * inverse - v)
                        here = inside & (row <= top) & (bin_ <= right) & (hat_u > 0) & (hat_v > 0)
                        if found != (1 << axis):
                            over_b = tl.fma(k, less_b_bin, tl.fma(up, less_b_row, less_b))
                            over_b = over_b * tl.fma(k, more_b_bin, tl.fma(up, more_b_row, more_b))
                            over_c = tl.fma(k, less_c_bin, tl.fma(up, less_c_row, less_c))
                            over_c = over_c * tl.fma(k, more_c_bin, tl.fma(up, more_c_row, more_c))
                            first = tl.fma(k, less_bin, tl.fma(up, less_row, less))
                            first = first * tl.fma(k, more_bin, tl.fma(up, more_row, more))
                            here = here & chosen(over_b, over_c, first, axis)
                        length = length_of(square, u_square, v_square, by_u * inverse, by_v * inverse)
                        place = source + ((row * bins + bin_) * ITEMS)[:, None] + item
                        value = tl.load(place, mask=here[:, None], other=0).to(REAL)
                        total = tl.fma(tl.where(here, hat_u * hat_v * length, 0)[:, None], value, total)
    place = ((block * planes + plane) * height + line) * width + column
    tl.store(out + (place * ITEMS)[:, None] + item, total.to(out.dtype.element_ty), mask=inside[:, None])
