"""Line search with one trial per call, per item and without waiting for the device."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from recon.solvers.optimisation.smooth import rounding

SUFFICIENT = 1e-4
"""c₁: the share of the predicted decrease that is enough."""


class Bracket(NamedTuple):
    """The next trial step t, and low < t < high per item between which one is acceptable."""

    t: Tensor
    low: Tensor
    high: Tensor

    @classmethod
    def start(cls, t: Tensor) -> Bracket:
        """Nothing known but a first trial."""
        return cls(t, torch.zeros_like(t), torch.full_like(t, torch.inf))


def judge(
    bracket: Bracket, before: Tensor, slope: Tensor, value: Tensor, new_slope: Tensor, curvature: float, strong: bool
) -> tuple[Tensor, Bracket]:
    """Which items accept x + t d, and the bracket of those that do not.

    A trial is accepted where φ(t) ≤ φ(0) + c₁tφ'(0) and φ'(t) ≥ c₂φ'(0) (Wolfe), or |φ'(t)| ≤ c₂|φ'(0)| where
    ``strong``. Within rounding of φ(0) the first is replaced by φ'(t) ≤ (2c₁ − 1)φ'(0). Values that are NaN are
    accepted, so that the loop sees them. Otherwise the bracket shrinks: to the minimiser of the parabola through φ(0),
    φ'(0) and φ(t), to the root of the line through the slopes, or to the middle.

    Sources: Lewis and Overton, Math. Program. 141 (2013) 135, for the bracketing; Hager and Zhang, SIAM J. Optim. 16
    (2005) 170, for the approximate condition.
    """
    t, low, high = bracket
    decrease = value <= before + SUFFICIENT * t * slope
    close = (value <= before + rounding(before)) & (new_slope <= (2 * SUFFICIENT - 1) * slope)
    enough = decrease | close
    short = new_slope < curvature * slope
    far = strong & (new_slope > -curvature * slope)
    broken = torch.isnan(value) | (torch.isfinite(value) & torch.isnan(new_slope))
    accepted = (enough & ~short & ~far) | broken

    high = torch.where(enough & ~far, high, t)
    low = torch.where(enough & short, t, low)
    sag = value - before - t * slope
    parabola = -slope * t.square() / (2 * torch.where(sag > 0, sag, 1))
    parabola = torch.where(torch.isfinite(sag) & (sag > 0), parabola, t / 2)
    bend = new_slope - slope
    secant = -slope * t / torch.where(bend > 0, bend, 1)
    secant = torch.where(bend > 0, secant, torch.inf)
    middle = torch.where(torch.isinf(high), 2 * t, (low + high) / 2)
    inward = torch.where(enough, secant, parabola)
    outward = torch.where(torch.isinf(high), torch.minimum(torch.maximum(secant, 1.5 * t), 10 * t), middle)
    width = torch.where(torch.isinf(high), 0, high - low)
    guarded = torch.minimum(torch.maximum(inward, low + 0.1 * width), high - 0.1 * width)
    following = torch.where(enough & short, outward, guarded)
    return accepted, Bracket(following, low, high)
