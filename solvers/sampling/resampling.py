"""Weighted particles turned into equally weighted ones."""

from __future__ import annotations

from math import log

import torch
from torch import Tensor


def systematic(log_weights: Tensor, lot: Tensor) -> Tensor:
    """Indices of particles ``(batch, J)``, each drawn in proportion to its weight: systematic resampling.

    Parameters
    ----------
    log_weights
        Logarithms of weights ``(batch, J)``, up to a constant per item.
    lot
        One uniform number per item, ``(batch, 1)``.

    Source: Kitagawa, J. Comput. Graph. Statist. 5 (1996) 1.
    """
    count = log_weights.shape[1]
    sums = torch.softmax(log_weights.double(), 1).cumsum(1)
    positions = (torch.arange(count, device=lot.device) + lot.double()) / count
    return torch.searchsorted(sums.contiguous(), positions.contiguous()).clamp(max=count - 1)


def taken(values: Tensor, parents: Tensor) -> Tensor:
    """Those of values ``(batch, J, ...)`` that ``parents`` name."""
    index = parents.reshape(*parents.shape, *(1,) * (values.ndim - 2)).expand(values.shape)
    return values.gather(1, index)


def logmeanexp(log_weights: Tensor) -> Tensor:
    """log of the mean weight per item, ``(batch,)``."""
    return torch.logsumexp(log_weights, 1) - log(max(log_weights.shape[1], 1))
