"""What every metric asks of its arguments."""

from __future__ import annotations

from math import isfinite

import torch
from torch import Tensor


def as_items(image: Tensor, truth: Tensor, ndim: int, name: str) -> tuple[Tensor, Tensor]:
    """Both in double precision, after checking that they hold the same items of ``ndim`` dimensions."""
    if image.shape != truth.shape:
        raise ValueError(
            f"{name} expects image and truth of one shape, got {tuple(image.shape)} and {tuple(truth.shape)}."
        )
    if not 1 <= ndim <= image.ndim:
        raise ValueError(f"{name} expects 1 <= ndim <= {image.ndim} for shape {tuple(image.shape)}, got {ndim}.")
    wide = torch.complex128 if image.is_complex() or truth.is_complex() else torch.float64
    return image.detach().to(wide), truth.detach().to(wide)


def check_range(data_range: float, name: str) -> None:
    """Refuse a data range that is not a positive number."""
    if not (isfinite(data_range) and data_range > 0):
        raise ValueError(
            f"{name} expects a positive data_range, the span of values the image can take, got {data_range!r}."
        )
