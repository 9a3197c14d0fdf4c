"""What was sampled, and the fully sampled centre of k-space."""

from __future__ import annotations

import torch
from torch import Tensor


def sampling_mask(kspace: Tensor) -> Tensor:
    """Where any coil of k-space ``(coils, *shape)`` has a nonzero sample: booleans ``(*shape)``."""
    return (kspace != 0).any(0)


def calibration_region(mask: Tensor, width: int = 24) -> tuple[slice, ...]:
    """The fully sampled centre of a mask ``([nz,] ny, nx)``, at most ``width`` samples wide along each axis.

    Among boxes centred on N//2 that hold samples only, the one whose shortest side is longest, then the largest. All
    slices are empty where the centre itself is missing.
    """
    if mask.ndim not in (2, 3):
        raise ValueError(f"calibration_region expects a mask of shape ([nz,] ny, nx), got {tuple(mask.shape)}.")
    widest = tuple(_centred(n, min(width, n)) for n in mask.shape)
    gaps = (~mask.bool()[widest]).cpu().long()
    sizes = [torch.arange(1, n + 1) for n in gaps.shape]
    for axis, size in enumerate(sizes):
        # the number of gaps between the two ends of boxes of each size, one axis after the other
        n = len(size)
        total = torch.nn.functional.pad(gaps.movedim(axis, -1).cumsum(-1), (1, 0))
        start = n // 2 - size // 2
        gaps = (total[..., start + size] - total[..., start]).movedim(-1, axis)
    full = torch.stack(torch.meshgrid(*sizes, indexing="ij"))
    score = torch.where(gaps == 0, full.amin(0) * (full[0].numel() + 1) + full.prod(0), 0)
    if not bool(score.any()):
        return (slice(0, 0),) * mask.ndim
    best = (score == score.max()).nonzero()[0].tolist()
    return tuple(_centred(n, index + 1) for n, index in zip(mask.shape, best, strict=True))


def _centred(n: int, width: int) -> slice:
    start = n // 2 - width // 2
    return slice(start, start + width)
