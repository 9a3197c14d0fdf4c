"""Rates of relaxation as pure numbers."""

from __future__ import annotations

from torch import Tensor

LEAST = 0.01
"""Least rate, in units of the typical one, that maps tell from none."""


def relaxation_time(p: Tensor, typical: float) -> Tensor:
    """T = τ/(1 + p) in s, 100 τ where the rate is smaller or negative."""
    return typical / (1 + p).clamp(min=LEAST)


def relaxation_unknown(time: Tensor, typical: float) -> Tensor:
    """p = τ/T − 1; ValueError unless all T are positive."""
    if not bool((time > 0).all()):
        raise ValueError(f"relaxation times are positive, got {float(time.min()):g} s.")
    return typical / time - 1
