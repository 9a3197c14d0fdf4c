"""What a cell's record and its file hold of its result."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from recon.reports.panels import Array
from recon.run.posterior import coverage_curve
from recon.run.solve import Solved

SHOWN = 4
"""Samples of a cell that are kept for its pictures."""


def arrays_of(solved: Solved) -> dict[str, Array]:
    """Image, samples' standard deviation, a few samples, and history, as a cell's file holds them."""
    item = solved.case.item
    arrays: dict[str, Array] = {"image": _single(item.restored(solved.image))}
    drawn = solved.drawn
    if drawn is not None and drawn.std is not None:
        arrays["std"] = _single(item.restored(drawn.std))
        arrays["samples"] = _single(item.restored(drawn.kept[:SHOWN]))
    for name, values in solved.history.items():
        squares = name == "mse"
        arrays[f"history/{name}"] = (item.restored(item.restored(values)) if squares else values).numpy()
    return arrays


def of_samples(solved: Solved) -> dict[str, Any] | None:
    """What a sampler's record says of its samples, with the coverage of every level where the truth is known."""
    drawn, item = solved.drawn, solved.case.item
    if drawn is None:
        return None
    curve = None
    if item.truth is not None and item.truth.shape == drawn.samples.shape[1:]:
        curve = coverage_curve(drawn.kept, item.truth)
    nominal = None if curve is None else {"levels": curve.levels.tolist(), "shares": curve.coverage.tolist()}
    return {**drawn.record(), "coverage": nominal}


def _single(image: torch.Tensor) -> Array:
    array: Array = image.detach().resolve_conj().numpy()
    return array.astype(np.complex64 if np.iscomplexobj(array) else np.float32)
