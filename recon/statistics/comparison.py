"""One method against another on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recon.statistics.interval import Array, Interval, mean_interval

MIN_PAIRS = 6
"""Images below which no test is made: with five, the least two-sided p of the signed-rank test is 1/16."""


@dataclass(frozen=True)
class Comparison:
    """Differences a − b on the images that both have.

    Attributes
    ----------
    pairs
        How many images.
    difference
        Mean difference with its bootstrap interval.
    p
        Two-sided p-value of Wilcoxon's signed-rank test; None for fewer than six pairs.
    """

    pairs: int
    difference: Interval
    p: float | None


def compare(
    a: Sequence[float] | Array, b: Sequence[float] | Array, confidence: float = 0.95, seed: int = 0
) -> Comparison:
    """Compare two methods by values for the same images in the same order.

    Pairs with a value that is not finite are left out. Equal values throughout have p = 1.

    Errors: ValueError for sequences of different lengths, or without a pair that is finite.

    Source: F. Wilcoxon, Biometrics Bulletin 1 (1945) 80.
    """
    x, y = (np.asarray(values, dtype=np.float64) for values in (a, b))
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"compare expects two sequences of one length, got shapes {x.shape} and {y.shape}.")
    both = np.isfinite(x) & np.isfinite(y)
    if not both.any():
        raise ValueError("compare expects at least one pair of finite values.")
    d = x[both] - y[both]
    return Comparison(len(d), mean_interval(d, confidence, seed), _signed_rank(d) if len(d) >= MIN_PAIRS else None)


def _signed_rank(d: np.ndarray[Any, Any]) -> float:
    from scipy.stats import wilcoxon

    return 1.0 if not d.any() else float(wilcoxon(d).pvalue)
