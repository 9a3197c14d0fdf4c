"""Quadrature weights of projection angles."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

import numpy as np
import torch
from torch import Tensor

SAME = 1e-6  # radians within which two views count as one direction
WEDGE = 10.0  # a gap of so many median gaps is a missing wedge


def angular_weights(angles: Sequence[float]) -> Tensor:
    """Weights w with Σₐ wₐ g(θₐ) ≈ ∫₀^π g(θ) dθ for any g of period π, float64 ``(angles,)``.

    Angles are taken modulo π, since a view and its opposite see the same lines. Each direction stands
    for the half-way intervals to its two neighbours (the trapezoidal rule on a circle), shared equally
    among the views of that direction; so uniform angles over π or 2π get π/n each, and every set of
    angles in any order sums to π. A gap wider than ten times the median gap is taken as a missing wedge,
    which no view can stand for, and counts as one median gap.
    """
    turned = np.mod(np.asarray(angles, dtype=np.float64), pi)
    order = np.argsort(turned, kind="stable")
    ascending = turned[order]
    new = np.diff(ascending, prepend=ascending[-1] - pi) > SAME
    if not new.any():
        return torch.full((len(turned),), pi / len(turned), dtype=torch.float64)
    direction = np.cumsum(new.astype(np.int64)) - 1  # -1: closes the circle, the same direction as the last
    direction[direction < 0] = direction.max()
    count = direction.max() + 1
    place = ascending[new]
    gaps = np.diff(place, append=place[0] + pi)
    median = np.median(gaps)
    gaps = np.where(gaps > WEDGE * median, median, gaps)
    cell = (gaps + np.roll(gaps, 1)) / 2
    weights = np.empty(len(turned))
    weights[order] = (cell / np.bincount(direction, minlength=count))[direction]
    return torch.from_numpy(weights)
