"""The one number of conformal risk control."""

from __future__ import annotations

from math import floor

from torch import Tensor


def least_factor(needed: Tensor, alpha: float) -> float:
    """λ̂ = inf{λ ≥ 0 : n/(n + 1) R̂(λ) + B/(n + 1) ≤ α} where R̂ is the share of ``needed`` above λ, and B = 1.

    Parameters
    ----------
    needed
        (n, m): the least λ with which each of m parts of each of n independent items is held.
    alpha
        α, between 0 and 1.

    Errors: ValueError where n < 1/α − 1: then no λ will do.

    Source: Angelopoulos, Bates, Fisch, Lei and Schuster, Conformal risk control, ICLR 2024, equation 4.
    """
    check_alpha(alpha)
    n, m = needed.shape
    outside = floor(m * (alpha * (n + 1) - 1) + 1e-9)
    if outside < 0:
        raise ValueError(f"alpha = {alpha:g} needs at least {floor(1 / alpha - 1e-9)} items with known truth, got {n}.")
    if bool(needed.isnan().any()):
        raise ValueError("every item needs at least two complete samples and a finite truth, got NaN.")
    return float(needed.reshape(-1).sort().values[n * m - outside - 1])


def check_alpha(alpha: float) -> None:
    """Refuse what is no risk."""
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is a risk between 0 and 1, got {alpha!r}.")


def guaranteed(alpha: float, count: int) -> tuple[float, float]:
    """[α − 2B/(n + 1), α], the interval of the mean risk on new items, with B = 1."""
    return max(alpha - 2 / (count + 1), 0.0), alpha
