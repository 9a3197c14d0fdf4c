"""What every sampling pattern is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from math import prod

import torch
from torch import Tensor


class SamplingPattern(ABC):
    """A rule by which samples of Cartesian k-space are chosen, for images of any size.

    ``pattern(shape)`` is the mask for images ``(ny, nx)`` or ``(nz, ny, nx)``: booleans of that shape, true where
    k-space is sampled, zero frequency at N//2. It depends on nothing but the settings and the shape and is the same on
    every platform. What is undersampled is one axis (patterns of lines) or a plane: (y, x) of images in the plane,
    (z, y) of volumes, whose readout x is sampled throughout. Wherever an operator takes a ``mask`` it takes a pattern.

    A stack holds frames of a series or slices. They share one mask, unless the pattern is ``per_frame``: then each has
    its own, which depends on its index only.

    Attributes
    ----------
    per_frame
        Whether the entries of a stack have masks of their own.
    """

    per_frame: bool

    @abstractmethod
    def frame(self, shape: tuple[int, ...], index: int) -> Tensor:
        """The mask of one frame, booleans ``(*shape)``."""

    def __call__(self, shape: Sequence[int], stack: Sequence[int] = ()) -> Tensor:
        """The mask of images of ``shape``, ``(*stack, *shape)`` for a stack with masks of their own."""
        sizes = tuple(int(n) for n in shape)
        name = type(self).__name__
        if len(sizes) not in (2, 3) or min(sizes) < 1:
            raise ValueError(f"{name} expects the shape (ny, nx) or (nz, ny, nx) of one image, got {sizes}.")
        if not (self.per_frame and len(stack)):
            return self.frame(sizes, 0)
        return torch.stack([self.frame(sizes, index) for index in range(prod(stack))]).reshape(*stack, *sizes)

    @classmethod
    @abstractmethod
    def examples(cls) -> Iterator[SamplingPattern]:
        """Patterns that cover every mode, for images of 40 × 36 pixels."""
