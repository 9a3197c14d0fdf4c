"""Bootstrap intervals of means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

RESAMPLES = 2000
AT_ONCE = 2**20
"""Numbers drawn at a time."""


class Interval(NamedTuple):
    """A mean and the ends of an interval around it; NaN ends where two values are too few to know."""

    mean: float
    low: float
    high: float


def mean_interval(values: Sequence[float] | Array, confidence: float = 0.95, seed: int = 0) -> Interval:
    """The mean of independent values and its bootstrap interval, bias-corrected and accelerated (BCa).

    Values that are equal have an interval of width zero. Where the acceleration is not defined, as for two values, the
    interval is that of plain percentiles; a single value has none, and infinite ones neither.

    Parameters
    ----------
    confidence
        Between 0 and 1.
    seed
        Of the resampling: equal values have equal intervals.

    Source: B. Efron, J. Am. Stat. Assoc. 82 (1987) 171.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"mean_interval expects a confidence between 0 and 1, got {confidence!r}.")
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not x.size:
        raise ValueError(f"mean_interval expects a sequence of at least one value, got shape {x.shape}.")
    mean = float(x.mean())
    if x.size == 1 or not np.isfinite(x).all():
        return Interval(mean, np.nan, np.nan)
    if np.ptp(x) == 0:
        return Interval(mean, mean, mean)
    low, high = _ends(x, confidence, seed, corrected=True)
    if not np.isfinite([low, high]).all():
        low, high = _ends(x, confidence, seed, corrected=False)
    return Interval(mean, low, high)


def _ends(x: Array, confidence: float, seed: int, corrected: bool) -> tuple[float, float]:
    """Percentiles of the means of resamples, those of BCa where ``corrected``.

    For a mean the jackknife values differ from it by (x̄ − xᵢ)/(n − 1), so that the acceleration has a closed form, and
    large samples need no n² numbers.
    """
    from scipy.special import ndtr, ndtri

    stream = np.random.default_rng(seed)
    rows = max(1, AT_ONCE // x.size)
    counts = [min(rows, RESAMPLES - start) for start in range(0, RESAMPLES, rows)]
    means = np.concatenate([x[stream.integers(0, x.size, (count, x.size))].mean(1) for count in counts])
    alpha = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    if corrected:
        d = x - x.mean()
        with np.errstate(divide="ignore", invalid="ignore"):  # an undefined acceleration is told by NaN
            acceleration = (d**3).sum() / (6 * (d**2).sum() ** 1.5)
            bias = ndtri(((means < x.mean()).mean() + (means <= x.mean()).mean()) / 2)
            shifted = bias + ndtri(alpha)
            alpha = ndtr(bias + shifted / (1 - acceleration * shifted))
    low, high = np.percentile(means, 100 * alpha) if np.isfinite(alpha).all() else (np.nan, np.nan)
    return float(low), float(high)
