"""Every R-th line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from recon.operators.mri.masks.grids import along, at_least_one, central, lines_of, not_negative, whole
from recon.operators.mri.masks.sampling_pattern import SamplingPattern


@dataclass(frozen=True)
class UniformSampling(SamplingPattern):
    """Lines k with k − N//2 ≡ ``offset`` (mod R), and the ``acs_lines`` about N//2.

    The acceleration is exactly R outside the centre, and less on the whole: N / (number of lines). Frame t of a series
    is offset by t more, so that R frames together sample all lines (B. Madore et al., Magn. Reson. Med. 42 (1999) 813).

    Parameters
    ----------
    acceleration
        R, a whole number.
    acs_lines
        Lines in the centre that are all sampled; 0 for none.
    offset
        Where the regular lines begin.
    axis
        The axis on which the lines are numbered; the last is the readout.
    per_frame
        Whether the frames of a stack are offset.

    Errors: ValueError for settings out of range, or more ``acs_lines`` than lines.
    """

    names: ClassVar[tuple[str, ...]] = ("uniform",)

    acceleration: int = 4
    acs_lines: int = 24
    offset: int = 0
    axis: int = -2
    per_frame: bool = False

    def __post_init__(self) -> None:
        at_least_one(self, self.acceleration)
        whole(self, acceleration=self.acceleration, offset=self.offset)
        not_negative(self, acs_lines=self.acs_lines)

    def frame(self, shape: tuple[int, ...], index: int) -> Tensor:
        n = lines_of(self, shape, self.axis)
        lines = (np.arange(n) - n // 2 - self.offset - index) % self.acceleration == 0
        lines[central(self, n, self.acs_lines)] = True
        return along(lines, shape, self.axis)

    @classmethod
    def examples(cls) -> Iterator[SamplingPattern]:
        yield cls(acs_lines=8)
        yield cls(3, acs_lines=0, offset=1, axis=-1, per_frame=True)
