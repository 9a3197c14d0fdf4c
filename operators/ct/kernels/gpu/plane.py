"""Joseph's method in a plane on a GPU.

Images of a batch are packed in blocks of items side by side, as many as one load of 16 bytes brings, so that a place
is worked out once for all of them. Single images are read as they are, and the layers along axis 1 from a transposed
copy, so that neighbouring rays read neighbouring numbers. Beside its result a call needs that copy or the packed batch,
and three numbers a ray.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from recon.operators.ct.kernels.gpu import plane_kernels as kernels
from recon.operators.ct.kernels.gpu.compile import OPTIONS, blocks, pack, real_of, torch_real_of, unpack

BINS, HEIGHT, WIDTH = 128, 8, 16  # rays, and rows and columns of pixels, of one program


def project(image: Tensor, rays: Tensor, spacing: Sequence[float], detector: Sequence[int]) -> Tensor:
    """Projections ``(items, views, bins)`` of images ``(items, rows, columns)``; contiguous, any precision."""
    (bins,), views, (items, rows, columns) = detector, len(rays), image.shape
    out = image.new_empty((items, views, bins))
    lines, _, _ = _traced(image, rays, spacing, bins, (rows, columns))
    for first, last, size in blocks(items, image.element_size()):
        packed = pack(image[first:last], size)
        turned = packed.transpose(1, 2).contiguous() if size == 1 else packed
        target = out.new_empty((len(packed), views, bins, size)) if size > 1 else out[first:last]
        grid = (-(-bins // BINS) * views * len(packed),)
        kernels.project[grid](
            packed, turned, lines, target, views, bins, rows, columns, real_of(image.dtype), size, BINS, **OPTIONS
        )
        if size > 1:
            out[first:last] = unpack(target)
    return out


def backproject(sinogram: Tensor, rays: Tensor, spacing: Sequence[float], shape: Sequence[int]) -> Tensor:
    """Images ``(items, rows, columns)``, the transpose of :func:`project` of ``(items, views, bins)``."""
    (rows, columns), (items, views, bins) = shape, sinogram.shape
    out = sinogram.new_empty((items, rows, columns))
    tables = _traced(sinogram, rays, spacing, bins, (rows, columns))
    for first, last, size in blocks(items, sinogram.element_size()):
        packed = pack(sinogram[first:last], size)
        target = out.new_empty((len(packed), rows, columns, size)) if size > 1 else out[first:last]
        grid = (-(-columns // WIDTH) * -(-rows // HEIGHT) * len(packed),)
        kernels.backproject[grid](
            packed, *tables, target, views, bins, rows, columns, real_of(out.dtype), size, HEIGHT, WIDTH, **OPTIONS
        )
        if size > 1:
            out[first:last] = unpack(target)
    return out


def _traced(
    like: Tensor, rays: Tensor, spacing: Sequence[float], bins: int, shape: tuple[int, int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Rays, inverse projections and axes of all views: see :func:`plane_kernels.trace`."""
    real = torch_real_of(like.dtype)
    lines = torch.empty((3, len(rays), bins), dtype=real, device=like.device)
    inverse = torch.empty((len(rays), kernels.INVERSE.value), dtype=real, device=like.device)
    axes = torch.empty(len(rays), dtype=torch.int32, device=like.device)
    table = torch.cat((rays, *(rays.new_full((len(rays), 1), side) for side in spacing)), 1)
    kernels.trace[(len(rays),)](table, lines, inverse, axes, len(rays), bins, *shape, 256, **OPTIONS)
    return lines, inverse, axes
