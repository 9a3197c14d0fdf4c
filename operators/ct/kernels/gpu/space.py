"""Joseph's method in space on a GPU.

Volumes of a batch are packed in blocks of items side by side, as many as one load of 16 bytes brings, so that a place
is worked out once for all of them. Single volumes are read as they are, and the layers along the last axis from a copy
whose last two axes are exchanged: neighbouring bins then read neighbouring numbers. Beside its result a call needs that
copy or the packed batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from recon.operators.ct.kernels.gpu import space_kernels as kernels
from recon.operators.ct.kernels.gpu.compile import OPTIONS, blocks, pack, real_of, torch_real_of, unpack
from recon.operators.ct.kernels.gpu.space_tables import view_tables

ROWS, BINS = 4, 32  # rays of one program
PLANES, WIDTH = 4, 32  # voxels of one program, all in one row
_kept: Any = WeakIdKeyDictionary()


def project(image: Tensor, rays: Tensor, spacing: Sequence[float], detector: Sequence[int]) -> Tensor:
    """Projections ``(items, views, rows, bins)`` of volumes ``(items, planes, height, width)`` of any precision."""
    (rows, bins), views, (items, *shape) = detector, len(rays), image.shape
    out = image.new_empty((items, views, rows, bins))
    tables = _tables(rays, spacing, shape, detector, torch_real_of(image.dtype))
    for first, last, size in blocks(items, image.element_size()):
        packed = pack(image[first:last], size)
        turned = packed.transpose(2, 3).contiguous() if size == 1 else packed
        target = out.new_empty((len(packed), views, rows, bins, size)) if size > 1 else out[first:last]
        grid = (-(-rows // ROWS) * -(-bins // BINS) * views * len(packed),)
        kernels.project[grid](
            packed, turned, *tables, target, views, rows, bins, *shape, real_of(out.dtype), size, ROWS, BINS, **OPTIONS
        )
        if size > 1:
            out[first:last] = unpack(target)
    return out


def backproject(sinogram: Tensor, rays: Tensor, spacing: Sequence[float], shape: Sequence[int]) -> Tensor:
    """Volumes ``(items, planes, height, width)``, the transpose of :func:`project`."""
    items, views, rows, bins = sinogram.shape
    planes, height, width = shape
    out = sinogram.new_empty((items, *shape))
    tables = _tables(rays, spacing, shape, (rows, bins), torch_real_of(out.dtype))
    for first, last, size in blocks(items, sinogram.element_size()):
        packed = pack(sinogram[first:last], size)
        target = out.new_empty((len(packed), *shape, size)) if size > 1 else out[first:last]
        grid = (-(-planes // PLANES) * -(-width // WIDTH) * height * len(packed),)
        kernels.backproject[grid](
            packed, *tables, target, views, rows, bins, *shape, real_of(out.dtype), size, PLANES, WIDTH, **OPTIONS
        )
        if size > 1:
            out[first:last] = unpack(target)
    return out


def _tables(
    rays: Tensor, spacing: Sequence[float], shape: Sequence[int], detector: Sequence[int], real: torch.dtype
) -> tuple[Tensor, Tensor]:
    """What :func:`view_tables` gives, kept while the table of rays lives and is not written to."""
    version = 0 if rays.is_inference() else rays._version
    key = (*spacing, *shape, *detector, real, version)
    found: dict[Any, tuple[Tensor, Tensor]] = _kept.setdefault(rays, {})
    if key not in found:
        found[key] = view_tables(rays, spacing, shape, detector, real)
    return found[key]
