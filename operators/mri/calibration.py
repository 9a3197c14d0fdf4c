"""What was sampled, and the fully sampled centre of k-space."""

from __future__ import annotations

import torch
from torch import Tensor


def sampling_mask(kspace: Tensor) -> Tensor:
    """Where any coil of k-space ``(coils, *shape)`` has a nonzero sample: booleans ``(*shape)``."""
    return (kspace != 0).any(0)


def calibration_region(mask: Tensor, width: int = 24) -> tuple[slice, slice]:
    """The fully sampled centre of a two-dimensional mask, at most ``width`` samples wide.

    Among rectangles centred on N//2 that hold samples only, the one whose shorter side is longest, then the largest.
    Both slices are empty where the centre itself is missing.
    """
    if mask.ndim != 2:
        raise ValueError(f"calibration_region expects a mask of shape (ny, nx), got {tuple(mask.shape)}.")
    mask = mask.bool()
    gaps = torch.zeros(mask.shape[0] + 1, mask.shape[1] + 1, dtype=torch.int64)
    gaps[1:, 1:] = (~mask).cpu().long().cumsum(0).cumsum(1)
    best, region = (0, 0), (slice(0, 0), slice(0, 0))
    for height in range(1, min(width, mask.shape[0]) + 1):
        top, bottom = _centred(mask.shape[0], height)
        for across in range(1, min(width, mask.shape[1]) + 1):
            left, right = _centred(mask.shape[1], across)
            if gaps[bottom, right] - gaps[top, right] - gaps[bottom, left] + gaps[top, left]:
                break
            size = (min(height, across), height * across)
            if size > best:
                best, region = size, (slice(top, bottom), slice(left, right))
    return region


def _centred(n: int, width: int) -> tuple[int, int]:
    start = n // 2 - width // 2
    return start, start + width
