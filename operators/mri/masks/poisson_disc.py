"""Variable-density Poisson discs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from recon.operators.mri.masks.grids import Array, at_least_one, central, in_plane, not_negative, uniforms, wanted
from recon.operators.mri.masks.sampling_pattern import SamplingPattern

_BISECTIONS = 24


@dataclass(frozen=True)
class PoissonDisc(SamplingPattern):
    """Random samples that keep a distance, and a centre that is fully sampled.

    Outside the centre no sample k has another one nearer than

    r(k) = s (1 + decay |κ|),   κ = (2 (k_i − N_i//2) / N_i)_i,

    in steps of the grid, so that the density falls as r⁻² where r is well above a step. Grid points are visited in
    random order, and each is taken that is at its distance from all before; s is the largest found by bisection that
    leaves enough samples, and surplus ones are taken away at random: (samples of the plane)/R, rounded, is exactly what
    the mask has, its centre included.

    Parameters
    ----------
    acceleration
        R, any number from 1.
    calib_width
        Width of the square in the centre that is fully sampled; 0 for none.
    decay
        How fast the density falls: at κ = 1 by (1 + decay)².
    corners
        Whether samples beyond the ellipse |κ| = 1 may be taken; they count among those of the plane in any case.
    seed
        Of the random numbers.
    per_frame
        Whether the frames of a stack have masks of their own.

    Errors: ValueError for settings out of range, or where the centre or the ellipse forbids the acceleration.

    Source: R. L. Cook, ACM Trans. Graph. 5 (1986) 51; M. Lustig et al., Proc. ISMRM 17 (2009) 379.
    """

    names: ClassVar[tuple[str, ...]] = ("poisson_disc",)

    acceleration: float = 4.0
    calib_width: int = 24
    decay: float = 3.0
    corners: bool = False
    seed: int = 0
    per_frame: bool = False

    def __post_init__(self) -> None:
        at_least_one(self, self.acceleration)
        not_negative(self, calib_width=self.calib_width, decay=self.decay, seed=self.seed)

    def frame(self, shape: tuple[int, ...], index: int) -> Tensor:
        plane = shape[:2]
        centre = np.zeros(plane, bool)
        centre[tuple(central(self, n, self.calib_width) for n in plane)] = True
        axes = [2 * (np.arange(n) - n // 2) / n for n in plane]
        radius = np.sqrt(axes[0][:, None] ** 2 + axes[1] ** 2)
        allowed = ~centre if self.corners else ~centre & (radius <= 1)
        inside = int(centre.sum())
        count = wanted(self, centre.size, self.acceleration, inside, inside + int(allowed.sum())) - inside
        keys = uniforms(self.seed, index, 2 * centre.size).reshape(2, -1)
        order = np.argsort(keys[0], kind="stable")
        order = order[allowed.flat[order]]
        hits = _widest(order, 1 + self.decay * radius, count)
        surplus = np.flatnonzero(hits)
        surplus = surplus[np.argsort(keys[1, surplus], kind="stable")][count:]
        hits.flat[surplus] = False
        return in_plane(hits | centre, shape)

    @classmethod
    def examples(cls) -> Iterator[SamplingPattern]:
        yield cls(calib_width=8)
        yield cls(6.0, calib_width=0, decay=0.0, corners=True, seed=3, per_frame=True)


def _widest(order: Array, profile: Array, count: int) -> Array:
    """At least ``count`` samples at distances proportional to ``profile``, which are as long as bisection finds."""
    from recon.operators.mri.kernels.dart_throwing import throw_darts

    narrow, wide = 0.0, float(sum(profile.shape))
    best = np.zeros(profile.shape, bool)
    best.flat[order] = True
    for _ in range(_BISECTIONS + 1):
        scale = (narrow + wide) / 2
        hits = np.zeros(profile.shape, bool)
        if throw_darts(order, (scale * profile) ** 2, hits) >= count:
            narrow, best = scale, hits
        else:
            wide = scale
    return best
