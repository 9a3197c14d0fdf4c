"""What a batch's result says of the rows that are one item."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recon.solvers import Result


def records(result: Result, rows: slice) -> dict[str, Any]:
    """Reason, iterations and history of an item: over its rows and samples the gravest, the most and the mean."""
    count = result.iterations.shape[-1]
    chosen = list(range(count))[rows]
    runs = result.iterations.reshape(-1, count)
    reasons = [result.reasons[sample * count + i] for sample in range(len(runs)) for i in chosen]
    gravest = Result(result.image, tuple(reasons), result.iterations, {}).reason
    most = int(runs[:, chosen].max())
    history: dict[str, Tensor] = {}
    kept = result.history["iteration"] <= most
    for key, value in result.history.items():
        if value.ndim > 1:
            value = _carried(value.reshape(len(value), -1, count)[:, :, chosen].flatten(1)).nanmean(1)
        history[key] = value[kept]
    return {"reason": gravest, "iterations": most, "history": history}


def _carried(values: Tensor) -> Tensor:
    """The columns with their last number in the place of every NaN after it."""
    steps = torch.arange(len(values))[:, None].expand(values.shape)
    last = torch.where(values.isnan(), 0, steps).cummax(0).values
    return values.gather(0, last)
