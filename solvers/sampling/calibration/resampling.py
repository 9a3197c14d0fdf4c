"""Bands around means of independent items."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

RESAMPLES = 2000


def band(values: Tensor, seed: int, confidence: float = 0.95) -> tuple[Tensor, Tensor]:
    """Pointwise bootstrap band of the mean over the first dimension, by percentiles: (m,) and (m,) of (n, m).

    NaN for a single item.
    """
    n, m = values.shape
    if n < 2:
        empty = torch.full((m,), torch.nan, dtype=torch.float64)
        return empty, empty
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), RESAMPLES) / n
    means = torch.from_numpy(weights) @ values.double().cpu()
    ends = torch.tensor([(1 - confidence) / 2, (1 + confidence) / 2], dtype=torch.float64)
    low, high = means.quantile(ends, 0)
    return low, high


def uniform(seed: int, count: int) -> Tensor:
    """Numbers between 0 and 1, one for each item."""
    return torch.from_numpy(np.random.default_rng([seed, 1]).random(count))
