"""What kernels in space need to know of every view, in double precision and rounded once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

OTHERS = ((1, 2), (0, 2), (0, 1))
SPACING = 27  # after nine affine functions: d_a, d_b, d_c, the starts along b and c, d_a ∓ d_b and d_a ∓ d_c
AXIS = 30  # columns for each axis; the last three are the squared spacings along a, b and c
INVERSE = 90  # where the inverse projection (a, b, c), of four columns each, begins
COLUMNS = 102
ROOM = 1e-4  # by how much an axis may be shorter and yet be found the longest in single precision


def view_tables(
    rays: Tensor, spacing: Sequence[float], shape: Sequence[int], detector: Sequence[int], real: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Tables (views, COLUMNS) for :mod:`space_kernels`, and as bits the axes along which views may have rays.

    Indices count from the middle of the volume and of the detector.
    """
    rows, bins = detector
    points, directions = rays[:, :9].reshape(-1, 3, 3).clone(), rays[:, 9:].reshape(-1, 3, 3).clone()
    for part in (points, directions):
        part[:, 0] += bins // 2 * part[:, 1] + rows // 2 * part[:, 2]
    for axis, count in enumerate(shape):
        points[:, 0, axis] -= count // 2
    parts = []
    for axis, (b, c) in enumerate(OTHERS):
        p, q, r = (points[:, :, n] for n in (axis, b, c))
        d, e, f = (directions[:, :, n] for n in (axis, b, c))
        squares = [torch.full_like(d[:, :1], spacing[n] ** 2) for n in (axis, b, c)]
        parts += [d, e, f, _product(q, d) - _product(p, e), _product(r, d) - _product(p, f)]
        parts += [d - e, d + e, d - f, d + f, *squares]
    return torch.cat((*parts, _inverse(points, directions)), 1).to(real), _axes(directions, rows, bins)


def _product(f: Tensor, g: Tensor) -> Tensor:
    """f g for affine functions (views, 3) whose product is affine."""
    return torch.cat((f[:, :1] * g[:, :1], f[:, :1] * g[:, 1:] + f[:, 1:] * g[:, :1]), 1)


def _inverse(points: Tensor, directions: Tensor) -> Tensor:
    """(a, b, c) with voxel p = (z, y, x, 1) seen at bin a·p / c·p and row b·p / c·p."""
    parallel = (directions[:, 1:] == 0).flatten(1).all(1)[:, None]
    along = directions[:, 0]
    bin_, row = (torch.where(parallel, points[:, n], directions[:, n]) for n in (1, 2))
    a, b, c = torch.linalg.cross(row, along), torch.linalg.cross(along, bin_), torch.linalg.cross(bin_, row)
    size = (bin_ * a).sum(1, keepdim=True)
    c = torch.where(parallel, 0, c)
    parts = [torch.cat((v, -(v * points[:, 0]).sum(1, keepdim=True)), 1) / size for v in (a, b, c)]
    parts[2][:, 3:] = torch.where(parallel, 1, parts[2][:, 3:])
    return torch.cat(parts, 1)


def _axes(directions: Tensor, rows: int, bins: int) -> Tensor:
    """Bits 0, 1, 2 for the axes along which any ray may be followed, and some that none is, ``(views,)``."""
    k = torch.tensor([-(bins // 2), bins - 1 - bins // 2], dtype=torch.float64, device=directions.device)
    row = torch.tensor([-(rows // 2), rows - 1 - rows // 2], dtype=torch.float64, device=directions.device)
    start, by_bin, by_row = (directions[:, None, None, n] for n in range(3))
    corners = (start + k[:, None, None] * by_bin + row[:, None] * by_row).flatten(1, 2)
    one_sided = (corners > 0).all(1) | (corners < 0).all(1)
    least = torch.where(one_sided, corners.abs().amin(1), 0)
    possible = corners.abs().amax(1) * (1 + ROOM) >= least.amax(1, keepdim=True)
    return (possible.int() * torch.tensor([1, 2, 4], device=possible.device)).sum(1, dtype=torch.int32)
