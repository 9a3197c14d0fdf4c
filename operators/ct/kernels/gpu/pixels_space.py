"""Pixel-driven backprojection in space on a GPU.

Batches are packed, and single volumes also with the last two axes exchanged, as in
:mod:`~recon.operators.ct.kernels.gpu.space`.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from recon.operators.ct.kernels.gpu import pixels_space_kernels as kernels
from recon.operators.ct.kernels.gpu.compile import OPTIONS, blocks, pack, real_of, torch_real_of, unpack
from recon.operators.ct.kernels.pixels import SPACE_A, SPACE_B, SPACE_C

ROWS, BINS = 4, 32  # of the detector, of one program
PLANES, WIDTH = 4, 32  # voxels of one program, all in one row


def backproject(sinogram: Tensor, table: Tensor, power: float, shape: Sequence[int]) -> Tensor:
    """Volumes ``(items, planes, height, width)`` of views ``(items, views, rows, bins)`` of any precision."""
    (planes, height, width), (items, views, rows, bins) = shape, sinogram.shape
    out = sinogram.new_empty((items, *shape))
    centred = _centred(table, shape, (rows, bins)).to(torch_real_of(out.dtype))
    for first, last, size in blocks(items, sinogram.element_size()):
        packed = pack(sinogram[first:last], size)
        target = out.new_empty((len(packed), *shape, size)) if size > 1 else out[first:last]
        grid = (-(-planes // PLANES) * -(-width // WIDTH) * height * len(packed),)
        sizes = views, rows, bins, planes, height, width
        kernels.backproject[grid](
            packed, centred, target, *sizes, float(power), real_of(out.dtype), size, PLANES, WIDTH, **OPTIONS
        )
        if size > 1:
            out[first:last] = unpack(target)
    return out


def project(image: Tensor, table: Tensor, power: float, detector: Sequence[int]) -> Tensor:
    """Views ``(items, views, rows, bins)``, the transpose of :func:`backproject`."""
    (rows, bins), views, (items, *shape) = detector, len(table), image.shape
    out = image.new_empty((items, views, rows, bins))
    centred = _centred(table, shape, detector).to(torch_real_of(out.dtype))
    for first, last, size in blocks(items, image.element_size()):
        packed = pack(image[first:last], size)
        turned = packed.transpose(2, 3).contiguous() if size == 1 else packed
        target = out.new_empty((len(packed), views, rows, bins, size)) if size > 1 else out[first:last]
        grid = (-(-rows // ROWS) * -(-bins // BINS) * views * len(packed),)
        sizes = views, rows, bins, *shape
        kernels.project[grid](
            packed, turned, centred, target, *sizes, float(power), real_of(out.dtype), size, ROWS, BINS, **OPTIONS
        )
        if size > 1:
            out[first:last] = unpack(target)
    return out


def _centred(table: Tensor, shape: Sequence[int], detector: Sequence[int]) -> Tensor:
    """The table with voxels, rows and bins counted from the middle ones."""
    (rows, bins), out = detector, table.clone()
    for part in (SPACE_A, SPACE_B, SPACE_C):
        for axis in range(3):
            out[:, part + 3] += shape[axis] // 2 * table[:, part + axis]
    a, b, c = (slice(part, part + 4) for part in (SPACE_A, SPACE_B, SPACE_C))
    out[:, a] -= bins // 2 * out[:, c]
    out[:, b] -= rows // 2 * out[:, c]
    return out
