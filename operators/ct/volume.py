"""The grid of pixels on which an image lives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from recon.operators.ct.geometry import per_axis
from recon.operators.tensors import checked_count


@dataclass(frozen=True, init=False)
class Volume:
    """A regular grid in space: an immutable, hashable value.

    The centre of pixel i along axis a lies at

        cₐ(i) = (i − (nₐ − 1)/2) · spacingₐ + offsetₐ    [mm]

    with the origin on the rotation axis. Axes are those of the tensor, slowest first: (y, x) for an
    image, so that x grows with the column index and y with the row index (downwards in a picture whose
    first row is drawn on top), and (z, y, x) in three dimensions.

    Parameters
    ----------
    shape
        Number of pixels along each axis.
    spacing
        Distance of neighbouring pixels in mm, one number or one per axis.
    offset
        Position of the grid's centre in mm, one number or one per axis.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    offset: tuple[float, ...]

    def __init__(
        self, shape: Sequence[int], spacing: float | Sequence[float] = 1.0, offset: float | Sequence[float] = 0.0
    ) -> None:
        if not isinstance(shape, Iterable):
            raise TypeError(f"Volume expects a shape such as (256, 256), got {shape!r}.")
        sizes = tuple(checked_count(n, "Volume", "each size in shape") for n in shape)
        if len(sizes) not in (2, 3):
            raise ValueError(f"Volume expects a shape of two or three axes, got {sizes}.")
        object.__setattr__(self, "shape", sizes)
        object.__setattr__(self, "spacing", per_axis(spacing, len(sizes), "Volume", "spacing", True))
        object.__setattr__(self, "offset", per_axis(offset, len(sizes), "Volume", "offset", False))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def centres(self, axis: int) -> Tensor:
        """Coordinates in mm of the pixel centres along one axis, float64 ``(shape[axis],)``."""
        n = self.shape[axis]
        index = torch.arange(n, dtype=torch.float64)
        return (index - (n - 1) / 2) * self.spacing[axis] + self.offset[axis]
