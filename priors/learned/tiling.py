"""Where the tiles of an image lie."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import product
from math import ceil, prod

import torch
from torch import Tensor

from recon.operators.operator import Shape


class Tiling:
    """Tiles of one shape that cover an image, neighbours overlapping by o samples along an axis or a little more.

    Along an axis of n samples tiles of t samples start at 0, t − o, 2(t − o), … and n − t: only the last two overlap by
    more. With a ``phase`` they start at ⌊φ (t − o)⌋ + (i − 1)(t − o), kept within 0 and n − t: the first two may then
    overlap by more, too.

    Parameters
    ----------
    shape, tile
        Shapes of image and tiles, with as many axes.
    overlap
        o < t for each axis; it does not matter where n = t.
    phase
        φ in [0, 1) for each axis.
    owner
        Whom errors name.
    """

    def __init__(
        self,
        shape: Sequence[int],
        tile: Sequence[int],
        overlap: Sequence[int],
        phase: Sequence[float] | None = None,
        owner: str = "Tiling",
    ) -> None:
        self.shape: Shape = tuple(shape)
        self.tile: Shape = tuple(tile)
        if len(self.shape) != len(self.tile) or any(n < t for n, t in zip(self.shape, self.tile, strict=True)):
            raise ValueError(f"{owner} expects images at least as large as a tile, {self.tile}, got {self.shape}.")
        given = [None] * len(self.tile) if phase is None else phase
        axes = zip(self.shape, self.tile, overlap, given, strict=True)
        self.starts = tuple(_starts(n, t, o, p) for n, t, o, p in axes)

    @cached_property
    def corners(self) -> tuple[tuple[int, ...], ...]:
        """The first sample of each tile, the last axis running fastest."""
        return tuple(product(*self.starts))

    def __len__(self) -> int:
        return prod(len(starts) for starts in self.starts)

    def window(self, corner: tuple[int, ...]) -> tuple[slice, ...]:
        """The tile as an index into the last axes of images."""
        return tuple(slice(c, c + t) for c, t in zip(corner, self.tile, strict=True))

    def pick(self, x: Tensor, corners: Sequence[tuple[int, ...]]) -> Tensor:
        """Some tiles of images ``(count, *shape)``: ``(count, len(corners), *tile)``."""
        return torch.stack([x[(slice(None), *self.window(corner))] for corner in corners], dim=1)

    def weights(self, corners: Sequence[tuple[int, ...]], like: Tensor) -> Tensor:
        """How much tiles count where they overlap, ``(len(corners), *tile)``: over all tiles they add up to 1.

        Along each axis weights are proportional to the distance from the outside of the tile.
        """
        rows = []
        for corner in corners:
            row = torch.ones((), dtype=like.dtype, device=like.device)
            for axis, start in enumerate(corner):
                along = self._along[axis][self.starts[axis].index(start)].to(row)
                row = row * along.reshape(-1, *(1,) * (len(self.tile) - axis - 1))
            rows.append(row)
        return torch.stack(rows)

    @cached_property
    def _along(self) -> tuple[Tensor, ...]:
        """Weights along each axis, ``(tiles along it, t)``."""
        every = []
        for n, t, starts in zip(self.shape, self.tile, self.starts, strict=True):
            tent = torch.minimum(torch.arange(1, t + 1), torch.arange(t, 0, -1)).double()
            total = torch.zeros(n, dtype=torch.float64)
            for start in starts:
                total[start : start + t] += tent
            every.append(torch.stack([tent / total[start : start + t] for start in starts]))
        return tuple(every)


def _starts(n: int, t: int, overlap: int, phase: float | None) -> tuple[int, ...]:
    last, stride = n - t, t - overlap
    if last == 0:
        return (0,)
    first = 0 if phase is None else int(phase * stride) - stride
    found = (min(max(first + i * stride, 0), last) for i in range(ceil((last - first) / stride) + 1))
    return tuple(dict.fromkeys(found))
