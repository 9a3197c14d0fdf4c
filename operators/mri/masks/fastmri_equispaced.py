"""fastMRI's equispaced columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from recon.operators.mri.masks.fastmri import FastMRI
from recon.operators.mri.masks.grids import Array
from recon.operators.mri.masks.sampling_pattern import SamplingPattern


@dataclass(frozen=True)
class FastMRIEquispaced(FastMRI):
    """fastMRI's equispaced masks, column for column. Of n columns, l are in the centre, and with an offset o drawn
    below the rounded spacing, the others are

    * ``"fraction"``: o, o + d, o + 2d, ... below n − 1, rounded to even, d = R (l − n) / (l R − n), so that R is about
      met: ``equispaced_fraction`` of today, ``equispaced`` before 2021, the masks of the public brain data;
    * ``"exact"``: o, o + R, o + 2R, ...: ``equispaced`` of today, of acceleration less than R.

    Parameters
    ----------
    acceleration
        R, or several, of which one is drawn.
    center_fraction
        Share of the columns in the centre, one for each acceleration.
    spacing
        Which of the rules.
    seed
        A whole number, or the name of a volume's file, which fastMRI takes in validation: ``file1000323.h5``.
    offset
        o, instead of drawing it.
    axis
        The axis on which the columns are numbered; in fastMRI's files it is the last.
    per_frame
        Whether the frames of a stack have masks of their own; fastMRI has one for all slices of a volume.

    Errors: ValueError for settings out of range.

    Source: M. Muckley et al., IEEE Trans. Med. Imaging 40 (2021) 2306, and the code of fastMRI.
    """

    names: ClassVar[tuple[str, ...]] = ("fastmri_equispaced",)

    acceleration: float | Sequence[float] = 4
    center_fraction: float | Sequence[float] = 0.08
    spacing: Literal["fraction", "exact"] = "fraction"
    seed: int | str = 0
    offset: int | None = None
    axis: int = -1
    per_frame: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.spacing not in ("fraction", "exact"):
            raise ValueError(f"FastMRIEquispaced expects the spacing fraction or exact, got {self.spacing!r}.")
        if self.spacing == "exact" and any(a != int(a) for a in self._pairs()[0]):
            raise ValueError(f"FastMRIEquispaced expects a whole acceleration for exact, got {self.acceleration}.")
        if self.offset is not None and self.offset < 0:
            raise ValueError(f"FastMRIEquispaced expects an offset of at least 0, got {self.offset}.")

    def others(self, random: np.random.RandomState, columns: int, acceleration: float, low: int) -> Array:
        fraction = self.spacing == "fraction"
        step = acceleration * (low - columns) / (low * acceleration - columns) if fraction else int(acceleration)
        offset = random.randint(0, round(step)) if self.offset is None else self.offset
        taken = np.zeros(columns, bool)
        if fraction:
            taken[np.around(np.arange(offset, columns - 1, step)).astype(np.int64)] = True
        else:
            taken[offset::step] = True
        return taken

    @classmethod
    def examples(cls) -> Iterator[SamplingPattern]:
        yield cls()
        yield cls([4, 8], [0.08, 0.04], "exact", seed="file1000323.h5", per_frame=True)
        yield cls(offset=1)
