"""Total variation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt
from typing import Literal

import torch
from torch import Tensor

from recon.operators.functionals import L1, GroupL1
from recon.operators.gradient import Gradient
from recon.operators.operator import Shape
from recon.operators.tensors import fixed
from recon.priors.prior import Prior, Term, VariationalPrior


class TotalVariation(VariationalPrior):
    """R(x) = λ Σᵢ wᵢ (Σ_a |(D_a x)ᵢ|²)^½ (isotropic) or λ Σᵢ wᵢ Σ_a |(D_a x)ᵢ| (anisotropic).

    D are forward differences with zero at the far edge; complex images use the modulus of complex
    differences.

    Parameters
    ----------
    lam
        λ > 0, per unit of Σ|Dx|.
    isotropic
        Which of the two forms.
    weights
        w ≥ 0 per pixel, broadcast against one image; None for 1 everywhere.
    axes
        Image axes to differentiate; all by default.
    boundary
        ``"neumann"`` or ``"circular"``.

    Source: Rudin, Osher and Fatemi, Physica D 60 (1992) 259.
    """

    names = ("total_variation", "tv")

    def __init__(
        self,
        lam: float = 1.0,
        *,
        isotropic: bool = True,
        weights: Tensor | None = None,
        axes: Sequence[int] | None = None,
        boundary: Literal["neumann", "circular"] = "neumann",
    ) -> None:
        super().__init__(lam)
        if boundary not in ("neumann", "circular"):
            raise ValueError(f"TotalVariation expects boundary 'neumann' or 'circular', got {boundary!r}.")
        self.isotropic, self.boundary = isotropic, boundary
        self.axes = None if axes is None else tuple(axes)
        self.weights = None if weights is None else fixed(weights, "TotalVariation", "weights")

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        D = Gradient(shape, self.axes, self.boundary)
        weights = torch.ones(()) if self.weights is None else self.weights
        if weights.ndim > len(shape) or any(
            w not in (1, n) for w, n in zip(reversed(weights.shape), reversed(shape), strict=False)
        ):
            raise ValueError(f"TotalVariation got weights of shape {tuple(weights.shape)} for images of shape {shape}.")
        functional = (GroupL1 if self.isotropic else L1)(D.range_shape, weights)
        everywhere = len(D.axes) == len(shape) and float(weights.min()) > 0
        embedding = _embedding(tuple(shape), self.isotropic) / float(weights.min()) if everywhere else None
        return (Term(functional, D, kernel_constants=everywhere, embedding=embedding),)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.5)
        yield cls(0.5, isotropic=False, boundary="circular")
        yield cls(weights=torch.linspace(0.5, 2.0, 6))


def _embedding(shape: Shape, isotropic: bool) -> float:
    """A constant c with ‖x − mean(x)‖₂ ≤ c·TV(x) for every image of ``shape``, with either boundary.

    In one and two dimensions by the coarea formula and the edge-isoperimetric inequality of the grid,
    cut(E) ≥ min(2√|E|, shorter side) for |E| at most half (Bollobás and Leader, Combinatorica 11 (1991)
    299), which give ‖x − mean‖₂ ≤ max(½, ½√(long/short))·Σ|Dx| for real x; √2 more where Σ|Dx| counts
    isotropic lengths, and √2 more for complex x. In other dimensions by the spectral gap:
    ‖x − mean‖₂ ≤ ‖Dx‖₂/s and ‖Dx‖₂ ≤ TV(x), s = 2 sin(π/2n) for the longest side n.
    """
    long, short = max(shape), min(shape)
    isotropic_factor = sqrt(2) if isotropic else 1.0
    if len(shape) == 2:
        return sqrt(2) * isotropic_factor * max(0.5, 0.5 * sqrt(long / short))
    gap = 2 * float(torch.sin(torch.tensor(torch.pi / (2 * long), dtype=torch.float64)))
    return 1 / gap
