"""Spirals on a Cartesian grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, pi
from typing import ClassVar

import numpy as np
from torch import Tensor

from recon.operators.mri.masks.grids import (
    Array,
    at_least_one,
    central,
    in_plane,
    not_negative,
    rasterised,
    wanted,
)
from recon.operators.mri.masks.radial_sampling import GOLDEN_ANGLE
from recon.operators.mri.masks.sampling_pattern import SamplingPattern

_BISECTIONS = 20


@dataclass(frozen=True)
class SpiralSampling(SamplingPattern):
    """The grid points nearest to Archimedean spirals out of zero frequency, taken in steps of half the grid's at most:

    k(t) = ½ t (sin φ, cos φ) cycles per pixel,   φ = 2π (turns · t + j/arms),   0 ≤ t ≤ 1, j < arms.

    Without ``turns`` they are as few as sample at least 1/R of the plane, found by bisection. The frames of a series
    are turned by 111.246° each.

    Parameters
    ----------
    acceleration
        R, from 1; spirals leave corners out, so that numbers below 4/π are out of reach.
    arms
        Number of spirals.
    turns
        Turns of each of them; it replaces ``acceleration``.
    calib_width
        Width of a square in the centre that is fully sampled besides; 0 for none.
    per_frame
        Whether the frames of a stack have masks of their own.

    Errors: ValueError for settings out of range, or an acceleration out of reach.
    """

    names: ClassVar[tuple[str, ...]] = ("spiral",)

    acceleration: float = 4.0
    arms: int = 1
    turns: float | None = None
    calib_width: int = 0
    per_frame: bool = False

    def __post_init__(self) -> None:
        at_least_one(self, self.acceleration)
        not_negative(self, calib_width=self.calib_width, turns=0 if self.turns is None else self.turns)
        if self.arms < 1:
            raise ValueError(f"SpiralSampling expects at least one of arms, got {self.arms}.")

    def frame(self, shape: tuple[int, ...], index: int) -> Tensor:
        plane = (shape[0], shape[1])
        if self.turns is not None:
            return in_plane(self._arms(plane, self.turns, index), shape)
        few, many = 0.0, float(max(plane)) / self.arms
        count = wanted(self, plane[0] * plane[1], self.acceleration, 0, int(self._arms(plane, many, 0).sum()))
        for _ in range(_BISECTIONS):
            middle = (few + many) / 2
            few, many = (few, middle) if self._arms(plane, middle, 0).sum() >= count else (middle, many)
        return in_plane(self._arms(plane, many, index), shape)

    def _arms(self, plane: tuple[int, int], turns: float, index: int) -> Array:
        # |dk/dt| ≤ ½ + π turns, in cycles per pixel
        steps = 2 * max(plane) * ceil(0.5 + pi * turns)
        t = np.arange(steps + 1) / steps
        phi = 2 * pi * (turns * t + np.arange(self.arms)[:, None] / self.arms) + index * GOLDEN_ANGLE
        hits = rasterised(np.stack([(t / 2 * f(phi)).ravel() for f in (np.sin, np.cos)]), plane)
        hits[tuple(central(self, n, self.calib_width) for n in plane)] = True
        return hits

    @classmethod
    def examples(cls) -> Iterator[SamplingPattern]:
        yield cls()
        yield cls(arms=4, turns=1.5, calib_width=6, per_frame=True)
