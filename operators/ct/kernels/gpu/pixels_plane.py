"""Pixel-driven backprojection in a plane on a GPU.

Batches are packed, and single images also transposed, as in :mod:`~recon.operators.ct.kernels.gpu.plane`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from recon.operators.ct.kernels.gpu import pixels_plane_kernels as kernels
from recon.operators.ct.kernels.gpu.compile import OPTIONS, blocks, pack, real_of, torch_real_of, unpack
from recon.operators.ct.kernels.pixels import PLANE_A, PLANE_C, PLANE_START, PLANE_TURN

BINS, HEIGHT, WIDTH = 128, 8, 16  # bins, and rows and columns of pixels, of one program


def backproject(sinogram: Tensor, table: Tensor, power: float, shape: Sequence[int]) -> Tensor:
    """Images ``(items, rows, columns)`` of views ``(items, views, bins)``; contiguous, any precision."""
    (rows, columns), (items, views, bins) = shape, sinogram.shape
    out = sinogram.new_empty((items, rows, columns))
    centred = _centred(table, shape, bins).to(torch_real_of(out.dtype))
    for first, last, size in blocks(items, sinogram.element_size()):
        packed = pack(sinogram[first:last], size)
        target = out.new_empty((len(packed), rows, columns, size)) if size > 1 else out[first:last]
        grid = (-(-columns // WIDTH) * -(-rows // HEIGHT) * len(packed),)
        sizes = views, bins, rows, columns
        kernels.backproject[grid](
            packed, centred, target, *sizes, float(power), real_of(out.dtype), size, HEIGHT, WIDTH, **OPTIONS
        )
        if size > 1:
            out[first:last] = unpack(target)
    return out


def project(image: Tensor, table: Tensor, power: float, detector: Sequence[int]) -> Tensor:
    """Views ``(items, views, bins)``, the transpose of :func:`backproject` of ``(items, rows, columns)``."""
    (bins,), views, (items, rows, columns) = detector, len(table), image.shape
    out = image.new_empty((items, views, bins))
    centred = _centred(table, (rows, columns), bins).to(torch_real_of(out.dtype))
    for first, last, size in blocks(items, image.element_size()):
        packed = pack(image[first:last], size)
        turned = packed.transpose(1, 2).contiguous() if size == 1 else packed
        target = out.new_empty((len(packed), views, bins, size)) if size > 1 else out[first:last]
        grid = (-(-bins // BINS) * views * len(packed),)
        sizes = views, bins, rows, columns
        kernels.project[grid](
            packed, turned, centred, target, *sizes, float(power), real_of(out.dtype), size, BINS, **OPTIONS
        )
        if size > 1:
            out[first:last] = unpack(target)
    return out


def _centred(table: Tensor, shape: Sequence[int], bins: int) -> Tensor:
    """The table with pixels and bins counted from the middle ones."""
    out, flat = table.clone(), table[:, PLANE_TURN] == 0
    for part in (PLANE_A, PLANE_C):
        for axis in (0, 1):
            out[:, part + 2] += shape[axis] // 2 * table[:, part + axis]
    a, c = (slice(part, part + 3) for part in (PLANE_A, PLANE_C))
    out[:, a] -= torch.where(flat, bins // 2, 0)[:, None] * out[:, c]
    out[:, PLANE_START] -= bins // 2
    return out
