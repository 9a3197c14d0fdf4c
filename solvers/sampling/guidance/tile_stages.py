"""Grids on which an image is restored one after another, from coarse to fine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.algebra import Composition
from recon.operators.downsample import Downsample
from recon.operators.linear import LinearOperator
from recon.operators.operator import Shape
from recon.priors.learned.tiled_prior import TiledPrior
from recon.priors.learned.tiling import Tiling
from recon.solvers.sampling.guidance.tile_waves import TileWaves


class Place(NamedTuple):
    """How far a run is: which grid, which wave of its tiles, and which step of the wave's diffusion."""

    stage: int
    wave: int
    step: int


@dataclass(frozen=True)
class Stage:
    """One grid.

    Attributes
    ----------
    factors
        How many pixels of the image one of the grid is long, along each axis.
    waves
        Its tiles.
    spread
        From images of the grid to those of the problem, each pixel a block of one value; None for the last grid.
    pool
        From images of this grid to those of the one before, means over blocks; None for the first grid.
    """

    factors: Shape
    waves: TileWaves
    spread: Replicate | None
    pool: Downsample | None

    @property
    def shape(self) -> Shape:
        return self.waves.tiling.shape

    def operator(self, A: LinearOperator) -> LinearOperator:
        """A for images of the grid."""
        return A if self.spread is None else Composition(A, self.spread)

    def to_grid(self, x: Tensor) -> Tensor:
        """Means of images of the problem over the blocks of the grid."""
        if self.spread is None:
            return x
        return Downsample(self.spread.range_shape, self.factors, "box")(x)

    def refined(self, before: Tensor) -> Tensor:
        """Images of the grid before, each pixel a block of one value."""
        assert self.pool is not None
        return Replicate(self.shape, self.pool.factors)(before)


def stages(prior: TiledPrior, shape: Sequence[int], coarse: Sequence[int]) -> tuple[Stage, ...]:
    """The grids of an image: pixels ``coarse`` times as long, along the axes that the prior cuts, then the image's own.

    Errors: ValueError for a grid smaller than a tile.
    """
    full = tuple(shape)
    cut = [n > t for n, t in zip(full, prior.tile, strict=True)]
    found: list[Stage] = []
    for factor in (*coarse, 1):
        factors = tuple(factor if c else 1 for c in cut)
        grid = tuple(-(-n // f) for n, f in zip(full, factors, strict=True))
        pool = None
        if found:
            ratios = [a // b for a, b in zip(found[-1].factors, factors, strict=True)]
            pool = Downsample(grid, ratios, "box")
        spread = None if factor == 1 else Replicate(full, factors)
        found.append(Stage(factors, _waves(grid, prior.tile, prior.overlap), spread, pool))
    return tuple(found)


def place(grids: Sequence[Stage], done: int, steps: int) -> Place:
    """Where a run is after so many steps, each wave having ``steps``."""
    wave, step = divmod(done, steps)
    for number, stage in enumerate(grids):
        if wave < len(stage.waves):
            return Place(number, wave, step)
        wave -= len(stage.waves)
    raise ValueError("all tiles have been restored; the schedule has been run through.")


@lru_cache(maxsize=16)
def _waves(shape: Shape, tile: Shape, overlap: Shape) -> TileWaves:
    return TileWaves(Tiling(shape, tile, overlap, owner="MaskShift"))


class Replicate(LinearOperator):
    """x ↦ each of its values a block of f₁ × f₂ × …, the last blocks cut off at the border of ``shape``."""

    def __init__(self, shape: Sequence[int], factors: Sequence[int]) -> None:
        self.factors = tuple(factors)
        super().__init__([-(-n // f) for n, f in zip(shape, self.factors, strict=True)], shape)

    def apply(self, x: Tensor) -> Tensor:
        first = x.ndim - len(self.factors)
        for axis, (n, f) in enumerate(zip(self.range_shape, self.factors, strict=True)):
            x = x.repeat_interleave(f, first + axis).narrow(first + axis, 0, n)
        return x

    def apply_adjoint(self, y: Tensor) -> Tensor:
        first = y.ndim - len(self.factors)
        for axis, (m, f) in enumerate(zip(self.domain_shape, self.factors, strict=True)):
            at, missing = first + axis, m * f - self.range_shape[axis]
            filled = torch.cat([y, y.new_zeros((*y.shape[:at], missing, *y.shape[at + 1 :]))], at)
            y = filled.unflatten(at, (m, f)).sum(at + 1)
        return y

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls((4, 7), (2, 3))
        yield cls((3,), (1,))
