"""How often intervals and regions of every level hold the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from recon.solvers.sampling.calibration.resampling import band

LEVELS = tuple(round(0.05 * k, 2) for k in range(1, 20))
"""Nominal levels of a curve, from 5 to 95 %."""


@dataclass(frozen=True)
class CoverageCurve:
    """Empirical against nominal coverage; on the diagonal where samples are those of the posterior.

    Above it samples spread too far, below it too little, for means that are right. Intervals between quantiles of n
    samples end at the extremes, which hold the truth with probability (n − 1)/(n + 1) and are all there is beyond.

    Attributes
    ----------
    levels
        Nominal levels, (m,).
    coverage
        The share of pixels, or of images, whose intervals or regions of these levels hold the truth: mean over items.
    low, high
        95 % band of ``coverage`` by resampling items, NaN for one item.
    count
        How many items there are.
    """

    levels: Tensor
    coverage: Tensor
    low: Tensor
    high: Tensor
    count: int

    @classmethod
    def of(cls, reached: Tensor, *, levels: Sequence[float] = LEVELS, seed: int = 0) -> CoverageCurve:
        """The curve of levels that hold the truth.

        Parameters
        ----------
        reached
            ``(items, ...)`` as of :meth:`recon.solvers.PosteriorSamples.level_of` for intervals of pixels or
            :meth:`recon.solvers.PosteriorSamples.level_of_image` for regions of images.
        seed
            Of the resampling.
        """
        if not reached.ndim or not reached.numel():
            raise ValueError(f"a coverage curve expects levels (items, ...), got shape {tuple(reached.shape)}.")
        if bool(reached.isnan().any()):
            raise ValueError("a coverage curve needs at least two complete samples of every item, got NaN.")
        nominal = torch.tensor(levels, dtype=torch.float64)
        if not bool(((nominal > 0) & (nominal < 1)).all()):
            raise ValueError(f"a coverage curve expects levels between 0 and 1, got {list(levels)}.")
        flat = reached.detach().cpu().double().reshape(len(reached), -1)
        shares = torch.stack([(flat <= level + 1e-9).double().mean(1) for level in nominal], 1)
        return cls(nominal, shares.mean(0), *band(shares, seed), len(flat))

    def at(self, level: float) -> float:
        """The coverage at a nominal level from 0 to 1, linear between those of the curve."""
        if not 0 <= level <= 1:
            raise ValueError(f"expected a level from 0 to 1, got {level!r}.")
        ends = torch.tensor([0.0, 1.0], dtype=torch.float64)
        x = torch.cat([ends[:1], self.levels, ends[1:]])
        y = torch.cat([ends[:1], self.coverage, ends[1:]])
        place = int(torch.searchsorted(x, torch.tensor(level, dtype=torch.float64)).clamp(1, len(x) - 1))
        share = (level - float(x[place - 1])) / float(x[place] - x[place - 1])
        return float(y[place - 1] + share * (y[place] - y[place - 1]))
