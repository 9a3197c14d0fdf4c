"""How far total variation lets an image stray from its mean."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, sin, sqrt

from recon.operators.operator import Shape


def least_difference(shape: Shape, spacing: Sequence[float]) -> float:
    """The least nonzero singular value of forward differences with free edges: min 2 sin(π/2n_a)/h_a over the axes.

    Eigenvalues of DᴴD are Σ_a (2 sin(πk_a/2n_a)/h_a)², 0 ≤ k_a < n_a; periodic differences, which have one more each
    way, have no smaller ones. 1 where no axis has two pixels, where D = 0.
    """
    return min((2 * sin(pi / (2 * n)) / h for n, h in zip(shape, spacing, strict=True) if n > 1), default=1.0)


def tv_embedding(shape: Shape, spacing: Sequence[float], isotropic: bool) -> float:
    """A constant c with ‖x − mean(x)‖₂ ≤ c·Σ|Dx| for every image of ``shape``, with either boundary.

    In one and two dimensions by the coarea formula and the edge-isoperimetric inequality of the grid,
    cut(E) ≥ min(2√|E|, shorter side) for |E| at most half (Bollobás and Leader, Combinatorica 11 (1991) 299; 1 in one
    dimension). Since ‖1_E − mean‖₂² = |E|(1 − |E|/N), ‖x − mean‖₂ ≤ max(½, ½√(long/short))·Σ|Dx| for real x and unit
    spacing, √2 more where Σ|Dx| counts isotropic lengths. In other dimensions, and where that is less, by
    ‖x − mean‖₂ ≤ ‖Dx‖₂/s and ‖Dx‖₂ ≤ Σ|Dx|, with s of :func:`least_difference`.

    It holds alike for complex x and for several channels or lines that share a group: with Mᵢ the differences of the
    i-th, (Σᵢ‖xᵢ − mean‖²)^½ ≤ c (Σᵢ(Σ|Mᵢ|)²)^½ ≤ c Σ (Σᵢ|Mᵢ|²)^½, Minkowski's inequality.
    """
    sides = [n for n in shape if n > 1] or [1]
    constants = [1 / least_difference(shape, spacing)]
    if len(sides) <= 2:
        long, short = (max(sides), min(sides)) if len(sides) == 2 else (sides[0], 1)
        factor = sqrt(2) if isotropic and len(sides) == 2 else 1.0
        widest = max(h for n, h in zip(shape, spacing, strict=True) if n > 1 or len(sides) == 1)
        constants.append(factor * widest * max(0.5, 0.5 * sqrt(long / short)))
    return min(constants)
