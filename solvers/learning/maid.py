"""The method of adaptive inexact descent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor

from recon.solvers.learning.lower import Lower, norm

ETA = 1e-4
"""Share of the decrease that the gradient promises which a step must bring."""

SHRINK, GROW = 0.5, 1.25
"""Factors of the step length after a failed and after an accepted trial."""

TIGHTEN, LOOSEN = 0.1, 1.25
"""Factors of the accuracy after a failed line search and after an accepted step."""

TRIALS = 4
"""Step lengths tried at the first accuracy; each tightening allows one more."""

LEAST = 1e-13
"""Accuracy, relative to the size of the truth, below which rounding decides."""


class Descent(NamedTuple):
    """Where a descent in θ ended: the parameters, a record per step, and whether the gradient is small enough."""

    theta: list[Tensor]
    rows: list[dict[str, float]]
    met: bool


def maid(
    lower: Lower,
    arrange: Callable[[list[Tensor]], Any],
    theta: list[Tensor],
    epsilon: float,
    rate: float,
    tol: float,
    steps: int,
) -> Descent:
    """Descend from ``theta``; see :func:`recon.solvers.learn`."""
    delta, trials = epsilon, TRIALS
    at = lower.solve(arrange(theta), epsilon, None)
    rows: list[dict[str, float]] = []
    least = LEAST * max(norm([lower.truth]), 1e-300)
    trusted = False
    while True:
        z = lower.gradient(at, delta)
        size = norm(z)
        row = {"loss": at.loss, "gradient": size, "epsilon": epsilon, "step": rate}
        if size <= tol and trusted:
            return Descent(theta, [*rows, {**row, "iterations": float(lower.iterations)}], True)
        accepted = None
        if size > tol:
            alpha = rate
            for _ in range(trials):
                moved = [t - alpha * g for t, g in zip(theta, z, strict=True)]
                new = lower.solve(arrange(moved), epsilon, at.image)
                if new.upper <= at.lower - ETA * alpha * size**2:
                    accepted = moved, new, alpha
                    break
                alpha *= SHRINK
        if accepted is None:  # no decrease can be told from errors, or the gradient is small: look more closely
            trusted = size <= tol
            if epsilon * TIGHTEN < least:
                return Descent(theta, [*rows, {**row, "iterations": float(lower.iterations)}], size <= tol)
            epsilon, delta, trials = epsilon * TIGHTEN, delta * TIGHTEN, trials + 1
            at = lower.solve(arrange(theta), epsilon, at.image)
            continue
        rows.append({**row, "iterations": float(lower.iterations)})
        theta, at, alpha = accepted
        trusted = False
        if len(rows) >= steps:
            final = {"loss": at.loss, "gradient": norm(lower.gradient(at, delta)), "epsilon": epsilon, "step": alpha}
            return Descent(theta, [*rows, {**final, "iterations": float(lower.iterations)}], final["gradient"] <= tol)
        rate = alpha * GROW
        epsilon, delta = epsilon * LOOSEN, delta * LOOSEN
