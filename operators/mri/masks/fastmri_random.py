"""fastMRI's random columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from recon.operators.mri.masks.fastmri import FastMRI
from recon.operators.mri.masks.grids import Array
from recon.operators.mri.masks.sampling_pattern import SamplingPattern


@dataclass(frozen=True)
class FastMRIRandom(FastMRI):
    """fastMRI's random mask, column for column: each column outside the centre with probability

    (n/R − l) / (n − l)

    of n columns, l = round(n · center_fraction) of them in the centre. R is met in the mean only.

    Parameters
    ----------
    acceleration
        R, or several, of which one is drawn.
    center_fraction
        Share of the columns in the centre, one for each acceleration.
    seed
        A whole number, or the name of a volume's file, which fastMRI takes in validation: ``file1000323.h5``.
    axis
        The axis on which the columns are numbered; in fastMRI's files it is the last.
    per_frame
        Whether the frames of a stack have masks of their own; fastMRI has one for all slices of a volume.

    Errors: ValueError for settings out of range.

    Source: J. Zbontar et al., arXiv:1811.08839 (2018), section 6.3.
    """

    names: ClassVar[tuple[str, ...]] = ("fastmri_random",)

    acceleration: float | Sequence[float] = 4
    center_fraction: float | Sequence[float] = 0.08
    seed: int | str = 0
    axis: int = -1
    per_frame: bool = False

    def others(self, random: np.random.RandomState, columns: int, acceleration: float, low: int) -> Array:
        share = (columns / acceleration - low) / (columns - low)
        taken: Array = random.uniform(size=columns) < share
        return taken

    @classmethod
    def examples(cls) -> Iterator[SamplingPattern]:
        yield cls()
        yield cls([4, 8], [0.08, 0.04], seed="file1000323.h5", per_frame=True)
