"""Sheared lattices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from recon.operators.mri.masks.grids import at_least_one, central, in_plane, not_negative, whole
from recon.operators.mri.masks.sampling_pattern import SamplingPattern


@dataclass(frozen=True)
class CAIPI(SamplingPattern):
    """The lattice R₁ × R₂ with shift Δ: samples (k₁, k₂), counted from zero frequency, with

    k₁ ≡ 0 (mod R₁),   k₂ ≡ Δ k₁/R₁ (mod R₂),

    and a centre that is fully sampled. Outside it the acceleration is exactly R₁ R₂, and less on the whole. Aliases are
    moved in image space by the shift, where coils tell them apart better (2D CAIPIRINHA, F. A. Breuer et al., Magn.
    Reson. Med. 55 (2006) 549). Frame t of a series is moved by t along k₂, and by t // R₂ along k₁.

    Parameters
    ----------
    acceleration
        (R₁, R₂), whole numbers, along the axes of the plane in their order.
    shift
        Δ, from 0 to R₂ − 1; 0 is the rectangular lattice.
    calib_width
        Width of the square in the centre that is fully sampled; 0 for none.
    per_frame
        Whether the frames of a stack are moved.

    Errors: ValueError for settings out of range.
    """

    names: ClassVar[tuple[str, ...]] = ("caipi",)

    acceleration: Sequence[int] = (2, 2)
    shift: int = 1
    calib_width: int = 24
    per_frame: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "acceleration", tuple(np.atleast_1d(self.acceleration).tolist()))
        if len(self.acceleration) != 2:
            raise ValueError(f"CAIPI expects an acceleration of two whole numbers, got {self.acceleration}.")
        for factor in self.acceleration:
            at_least_one(self, factor)
            whole(self, acceleration=factor)
        if not 0 <= self.shift < self.acceleration[1]:
            raise ValueError(f"CAIPI expects a shift from 0 to {self.acceleration[1] - 1}, got {self.shift}.")
        not_negative(self, calib_width=self.calib_width)

    def frame(self, shape: tuple[int, ...], index: int) -> Tensor:
        first, second = self.acceleration
        k = [np.arange(n) - n // 2 for n in shape[:2]]
        moved = (k[0] - index // second)[:, None]
        lattice = (moved % first == 0) & ((k[1] - index - self.shift * (moved // first)) % second == 0)
        lattice[tuple(central(self, n, self.calib_width) for n in shape[:2])] = True
        return in_plane(lattice, shape)

    @classmethod
    def examples(cls) -> Iterator[SamplingPattern]:
        yield cls(calib_width=8)
        yield cls((1, 4), shift=2, calib_width=0, per_frame=True)
