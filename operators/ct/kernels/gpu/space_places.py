"""Pieces of the kernels for rays in space: parts of the tables of views, weights, and what is worth looking at."""

from __future__ import annotations

import triton.language as tl

from recon.operators.ct.kernels.gpu import space_tables as tables
from recon.operators.ct.kernels.gpu.compile import kernel
from recon.operators.ct.kernels.gpu.places import FAR, REACH, SLACK

INVERSE = tl.constexpr(tables.INVERSE)


@kernel
def three(at: tl.tensor, first: tl.constexpr) -> tl.tensor:
    """Three columns of a table: an affine function's value at the middle ray, and its steps by bin and by row."""
    return tl.load(at + first), tl.load(at + first + 1), tl.load(at + first + 2)


@kernel
def affine(at: tl.tensor, first: tl.constexpr, k: tl.tensor, row: tl.tensor) -> tl.tensor:
    """f + k f_k + l f_l."""
    value, by_bin, by_row = three(at, first)
    return tl.fma(k, by_bin, tl.fma(row, by_row, value))


@kernel
def length_of(square: tl.tensor, u_square: tl.tensor, v_square: tl.tensor, u: tl.tensor, v: tl.tensor) -> tl.tensor:
    """Distance in mm of two layers along rays that move by u and v from one to the next, from squared spacings."""
    return tl.sqrt(square + u_square * u * u + v_square * v * v)


@kernel
def chosen(over_b: tl.tensor, over_c: tl.tensor, first: tl.tensor, axis: tl.constexpr) -> tl.tensor:
    """Whether |d_a| is the largest, the first of equals, from d_a² − d_b², d_a² − d_c² and d₀² − d₁².

    However these are rounded, one axis is chosen and no other.
    """
    if axis == 0:
        longest = (over_b >= 0) & (over_c >= 0)
    elif axis == 1:
        longest = (over_b > 0) & (over_c >= 0)
    else:
        longest = tl.where(first >= 0, over_b > 0, over_c > 0)
    return longest


@kernel
def window(at: tl.tensor, z: tl.tensor, y: tl.tensor, x: tl.tensor, axis: tl.constexpr) -> tl.tensor:
    """Bins and rows, from the middle ones, between which lie all rays less than a voxel from (z, y, x) in its layer.

    A voxel p = (z, y, x, 1) is seen at bin a·p / c·p and row b·p / c·p; what is a step of at most 1 away on both
    axes of a layer is seen at most Σ |a_n − k c_n| / (|c·p| − Σ |c_n|) bins away.
    """
    place = at + INVERSE
    aside = tl.load(place) * z + tl.load(place + 1) * y + tl.load(place + 2) * x + tl.load(place + 3)
    above = tl.load(place + 4) * z + tl.load(place + 5) * y + tl.load(place + 6) * x + tl.load(place + 7)
    depth = tl.load(place + 8) * z + tl.load(place + 9) * y + tl.load(place + 10) * x + tl.load(place + 11)
    b, c = 0, 2
    if axis == 0:
        b = 1
    if axis == 2:
        c = 1
    c_b, c_c = tl.load(place + 8 + b), tl.load(place + 8 + c)
    room = tl.abs(depth) - REACH * (tl.abs(c_b) + tl.abs(c_c))
    k, row = aside / depth, above / depth
    far = REACH / tl.where(room > 0, room, 1)
    wide = far * (tl.abs(tl.load(place + b) - k * c_b) + tl.abs(tl.load(place + c) - k * c_c)) + SLACK
    high = far * (tl.abs(tl.load(place + 4 + b) - row * c_b) + tl.abs(tl.load(place + 4 + c) - row * c_c)) + SLACK
    wide, high = tl.where(room > 0, wide, FAR), tl.where(room > 0, high, FAR)
    k, row = tl.where(room > 0, k, 0), tl.where(room > 0, row, 0)
    return k - wide, k + wide, row - high, row + high
