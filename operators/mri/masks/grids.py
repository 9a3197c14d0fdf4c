"""What patterns share: centres, planes, exact numbers of samples and random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from recon.operators.tensors import is_number

Array = np.ndarray[Any, Any]

TIE = 1e-9
"""Added before numbers are rounded, so that a tie falls the same way whatever the last bit of a sine."""


def at_least_one(pattern: object, acceleration: float) -> None:
    """Refuse accelerations below 1 and such as are no numbers."""
    if not is_number(acceleration) or not 1 <= acceleration < float("inf"):
        raise ValueError(f"{type(pattern).__name__} expects an acceleration of at least 1, got {acceleration!r}.")


def whole(pattern: object, **settings: float) -> None:
    """Refuse settings that are no whole numbers."""
    for name, value in settings.items():
        if not is_number(value) or value % 1 != 0:
            raise ValueError(f"{type(pattern).__name__} expects {name} to be a whole number, got {value!r}.")


def not_negative(pattern: object, **settings: float) -> None:
    """Refuse settings below 0."""
    for name, value in settings.items():
        if not is_number(value) or not 0 <= value < float("inf"):
            raise ValueError(f"{type(pattern).__name__} expects {name} of at least 0, got {value!r}.")


def central(pattern: object, n: int, width: int) -> slice:
    """``width`` samples about N//2."""
    whole(pattern, **{"the width of its centre": width})
    if width > n:
        name = type(pattern).__name__
        raise ValueError(f"{name} has {n} samples along an axis, fewer than its centre of {width}; lower that.")
    start = n // 2 - width // 2
    return slice(start, start + width)


def wanted(pattern: object, total: int, acceleration: float, at_least: int, at_most: int) -> int:
    """How many of ``total`` samples make the acceleration; a sentence where centre or corners forbid it."""
    count = int(total / acceleration + 0.5)
    if not at_least <= count <= at_most or count < 1:
        name = type(pattern).__name__
        reason = (
            f"its centre alone has {at_least}" if count < at_least else f"there are {at_most} that it may choose from"
        )
        raise ValueError(f"{name} cannot take {count} of {total} samples for acceleration {acceleration:g}: {reason}.")
    return count


def along(lines: Array, shape: tuple[int, ...], axis: int) -> Tensor:
    """A mask that depends on one axis only."""
    view = [1] * len(shape)
    view[axis] = len(lines)
    return torch.from_numpy(lines.astype(bool).reshape(view)).expand(shape).contiguous()


def lines_of(pattern: object, shape: tuple[int, ...], axis: int) -> int:
    """How many lines images have along ``axis``."""
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"{type(pattern).__name__} expects an axis of images of shape {shape}, got {axis}.")
    return shape[axis]


def in_plane(plane: Array, shape: tuple[int, ...]) -> Tensor:
    """A mask of (y, x) of images in the plane, and of (z, y) of volumes."""
    mask = torch.from_numpy(plane)
    return mask if len(shape) == 2 else mask[..., None].expand(shape).contiguous()


def uniforms(seed: int, index: int, count: int) -> Array:
    """Random numbers in [0, 1) of a frame, from the bits of PCG64, which are the same everywhere and for ever."""
    bits = np.random.PCG64(np.random.SeedSequence((seed, index))).random_raw(count)
    numbers: Array = (bits >> np.uint64(11)) * 2.0**-53
    return numbers


def rasterised(points: Array, shape: tuple[int, int]) -> Array:
    """Booleans ``shape``, true at the grid points nearest to ``points`` ``(2, n)`` in cycles per pixel."""
    hits = np.zeros(shape, bool)
    indices = [np.floor(k * n + n // 2 + 0.5 + TIE).astype(np.int64) for k, n in zip(points, shape, strict=True)]
    inside = np.logical_and.reduce([(i >= 0) & (i < n) for i, n in zip(indices, shape, strict=True)])
    hits[indices[0][inside], indices[1][inside]] = True
    return hits
