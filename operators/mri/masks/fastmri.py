"""What the masks of fastMRI share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from recon.operators.mri.masks.grids import Array, along, lines_of
from recon.operators.mri.masks.sampling_pattern import SamplingPattern


class FastMRI(SamplingPattern):
    """A mask of fastMRI: a fully sampled centre, and other columns by the rule of the subclass.

    Of n columns, l = round(n · center_fraction) from (n − l + 1) // 2 on are the centre. Random numbers are those of
    NumPy's ``RandomState``, asked in the order in which fastMRI's ``MaskFunc`` asks: first for one of the pairs of
    ``center_fraction`` and ``acceleration``, then for the other columns.
    """

    acceleration: float | Sequence[float]
    center_fraction: float | Sequence[float]
    seed: int | str
    axis: int

    def __post_init__(self) -> None:
        name = type(self).__name__
        for key in ("acceleration", "center_fraction"):
            value = getattr(self, key)
            if not isinstance(value, int | float):
                object.__setattr__(self, key, tuple(value))
        accelerations, fractions = self._pairs()
        if len(accelerations) != len(fractions) or not accelerations:
            raise ValueError(
                f"{name} expects one center_fraction for each acceleration, got {len(fractions)} and "
                f"{len(accelerations)}."
            )
        for acceleration, fraction in zip(accelerations, fractions, strict=True):
            if not (acceleration > 1 and fraction >= 0 and acceleration * fraction < 1):
                raise ValueError(
                    f"{name} expects an acceleration above 1 and a center_fraction below 1/acceleration, got "
                    f"{acceleration:g} and {fraction:g}."
                )

    def _pairs(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        a, f = self.acceleration, self.center_fraction
        return (
            (a,) if isinstance(a, int | float) else tuple(a),
            (f,) if isinstance(f, int | float) else tuple(f),
        )

    @abstractmethod
    def others(self, random: np.random.RandomState, columns: int, acceleration: float, low: int) -> Array:
        """Which of the columns are sampled, booleans, where ``low`` of them are in the centre."""

    def frame(self, shape: tuple[int, ...], index: int) -> Tensor:
        columns = lines_of(self, shape, self.axis)
        seed = tuple(map(ord, self.seed)) if isinstance(self.seed, str) else self.seed
        random = np.random.RandomState(seed if not index else (*np.atleast_1d(seed), index))
        accelerations, fractions = self._pairs()
        choice = random.randint(len(accelerations))
        low = round(columns * fractions[choice])
        if low * accelerations[choice] >= columns:
            raise ValueError(
                f"{type(self).__name__} has {low} of {columns} columns in its centre, which is no less than the "
                f"acceleration {accelerations[choice]:g} allows; lower its center_fraction."
            )
        lines = np.zeros(columns, bool)
        start = (columns - low + 1) // 2
        lines[start : start + low] = True
        return along(lines | self.others(random, columns, accelerations[choice], low), shape, self.axis)
