"""Spokes on a Cartesian grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import pi, sqrt
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
from recon.operators.mri.masks.sampling_pattern import SamplingPattern

GOLDEN_ANGLE = pi * (sqrt(5) - 1) / 2
"""111.246°, by which successive spokes divide the half turn best, whatever their number."""


@dataclass(frozen=True)
class RadialSampling(SamplingPattern):
    """The grid points nearest to m spokes through zero frequency, taken in steps of a quarter of the grid's:

    k(t) = t (sin θ_j, cos θ_j),   −½ ≤ t ≤ ½ cycles per pixel,   θ_j = π j/m, or j times 111.246° if ``golden``.

    m is ``spokes``, or a number that samples at least 1/R of the plane where one spoke fewer does not. Frame t of a
    series starts at j = t m if ``golden``, and is turned by t times 111.246° otherwise.

    Parameters
    ----------
    acceleration
        R, from 1; spokes leave corners out, so that numbers below 4/π can be out of reach.
    spokes
        m; it replaces ``acceleration``.
    golden
        Whether spokes follow each other at the golden angle.
    calib_width
        Width of a square in the centre that is fully sampled besides; 0 for none.
    per_frame
        Whether the frames of a stack have masks of their own.

    Errors: ValueError for settings out of range, or an acceleration out of reach.
    """

    names: ClassVar[tuple[str, ...]] = ("radial",)

    acceleration: float = 4.0
    spokes: int | None = None
    golden: bool = False
    calib_width: int = 0
    per_frame: bool = False

    def __post_init__(self) -> None:
        at_least_one(self, self.acceleration)
        not_negative(self, calib_width=self.calib_width)
        if self.spokes is not None and self.spokes < 1:
            raise ValueError(f"RadialSampling expects at least one of spokes, got {self.spokes}.")

    def frame(self, shape: tuple[int, ...], index: int) -> Tensor:
        plane = (shape[0], shape[1])
        if self.spokes is not None:
            return in_plane(self._spokes(plane, self.spokes, index), shape)
        most = 4 * max(plane)
        count = wanted(self, plane[0] * plane[1], self.acceleration, 0, int(self._spokes(plane, most, 0).sum()))
        few, many = 0, most
        while many - few > 1:
            middle = (few + many) // 2
            few, many = (few, middle) if self._spokes(plane, middle, 0).sum() >= count else (middle, many)
        return in_plane(self._spokes(plane, many, index), shape)

    def _spokes(self, plane: tuple[int, int], number: int, index: int) -> Array:
        j = np.arange(number)
        turned = index * GOLDEN_ANGLE
        angles = j * GOLDEN_ANGLE + number * turned if self.golden else j * pi / number + turned
        steps = 2 * max(plane)
        t = np.arange(-steps, steps + 1) / (2 * steps)
        hits = rasterised(np.stack([np.multiply.outer(f(angles), t).ravel() for f in (np.sin, np.cos)]), plane)
        hits[tuple(central(self, n, self.calib_width) for n in plane)] = True
        return hits

    @classmethod
    def examples(cls) -> Iterator[SamplingPattern]:
        yield cls()
        yield cls(spokes=9, golden=True, calib_width=6, per_frame=True)
        yield cls(6.0, golden=True)
