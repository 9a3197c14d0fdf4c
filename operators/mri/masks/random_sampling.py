"""Random lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from recon.operators.mri.masks.grids import along, at_least_one, central, lines_of, not_negative, uniforms, wanted
from recon.operators.mri.masks.sampling_pattern import SamplingPattern


@dataclass(frozen=True)
class RandomSampling(SamplingPattern):
    """The ``acs_lines`` about N//2, and others drawn one after another with probabilities proportional to

    w(k) = (1 − |k − N//2| / (N//2 + 1))^power,

    until there are N/R, rounded: the acceleration is exact. At power 0 all lines are as probable; at 2 to 6 the density
    falls off as in M. Lustig et al., Magn. Reson. Med. 58 (2007) 1182.

    Parameters
    ----------
    acceleration
        R, any number from 1.
    acs_lines
        Lines in the centre that are all sampled; 0 for none.
    power
        How fast the density falls.
    axis
        The axis on which the lines are numbered; the last is the readout.
    seed
        Of the random numbers.
    per_frame
        Whether the frames of a stack have masks of their own.

    Errors: ValueError for settings out of range, or where the centre alone has more lines than N/R.

    Source of the drawing, by the largest values of log(u)/w: P. Efraimidis and P. Spirakis, Inf. Process. Lett. 97
    (2006) 181.
    """

    names: ClassVar[tuple[str, ...]] = ("random",)

    acceleration: float = 4.0
    acs_lines: int = 24
    power: float = 0.0
    axis: int = -2
    seed: int = 0
    per_frame: bool = False

    def __post_init__(self) -> None:
        at_least_one(self, self.acceleration)
        not_negative(self, acs_lines=self.acs_lines, power=self.power, seed=self.seed)

    def frame(self, shape: tuple[int, ...], index: int) -> Tensor:
        n = lines_of(self, shape, self.axis)
        count = wanted(self, n, self.acceleration, self.acs_lines, n)
        weights = (1 - np.abs(np.arange(n) - n // 2) / (n // 2 + 1)) ** self.power
        keys = np.log1p(-uniforms(self.seed, index, n)) / weights
        keys[central(self, n, self.acs_lines)] = np.inf
        lines = np.zeros(n, bool)
        lines[np.argsort(-keys, kind="stable")[:count]] = True
        return along(lines, shape, self.axis)

    @classmethod
    def examples(cls) -> Iterator[SamplingPattern]:
        yield cls(3.0, acs_lines=8)
        yield cls(acs_lines=0, power=3.0, axis=-1, seed=2, per_frame=True)
