"""Hyperparameter optimisation with approximate gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from recon.solvers.learning.lower import Lower, norm
from recon.solvers.learning.maid import ETA, GROW, LEAST, SHRINK, Descent

DECAY = 0.8
"""Ratio of the accuracies of one step and the one before: their sum is finite."""


def hoag(
    lower: Lower,
    arrange: Callable[[list[Tensor]], Any],
    theta: list[Tensor],
    epsilon: float,
    rate: float,
    tol: float,
    steps: int,
) -> Descent:
    """Descend from ``theta``; see :func:`recon.solvers.learn`."""
    least = LEAST * max(norm([lower.truth]), 1e-300)
    at = lower.solve(arrange(theta), epsilon, None)
    rows: list[dict[str, float]] = []
    while True:
        z = lower.gradient(at, epsilon)
        size = norm(z)
        rows.append(
            {"loss": at.loss, "gradient": size, "epsilon": epsilon, "step": rate, "iterations": float(lower.iterations)}
        )
        if (size <= tol and epsilon <= tol) or len(rows) > steps:
            return Descent(theta, rows, size <= tol)
        epsilon = max(DECAY * epsilon, least)
        moved = [t - rate * g for t, g in zip(theta, z, strict=True)]
        new = lower.solve(arrange(moved), epsilon, at.image)
        if new.lower <= at.upper - ETA * rate * size**2:
            theta, at, rate = moved, new, GROW * rate
        else:
            rate *= SHRINK
            at = lower.solve(arrange(theta), epsilon, at.image)
