"""Total variation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from recon.operators.functionals import L1, GroupL1
from recon.operators.operator import Shape
from recon.operators.tensors import learnable
from recon.priors.handcrafted.differences import Differences, check_weights, difference_term
from recon.priors.handcrafted.line_tv import LineTV
from recon.priors.prior import Prior, Term, VariationalPrior

if TYPE_CHECKING:
    from recon.priors.proximal import Prox


class TotalVariation(VariationalPrior):
    """R(x) = λ Σᵢ wᵢ (Σ_a |a_a (D_a x)ᵢ|²)^½ (isotropic) or λ Σᵢ wᵢ Σ_a a_a |(D_a x)ᵢ| (anisotropic).

    D are forward differences with zero at the far edge; complex images use the modulus of complex
    differences.

    Parameters
    ----------
    lam
        λ > 0, per unit of Σ|Dx|.
    isotropic
        Which of the two forms.
    weights
        w ≥ 0 per pixel, broadcast against one image, which may require gradients; None for 1 everywhere.
    axes
        Image axes to differentiate; all by default.
    boundary
        ``"neumann"`` or ``"circular"``.
    spacing
        Distance of pixels, one number or one per axis: differences become slopes.
    axis_weights
        a > 0, one factor per axis, such as a smaller one for time in (time, rows, columns); None for 1.

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
        spacing: float | Sequence[float] = 1.0,
        axis_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__(lam)
        self.differences = Differences(self.name, axes, boundary, spacing, axis_weights)
        self.isotropic = isotropic
        self.weights = None if weights is None else learnable(weights, self.name, "weights")

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        D = self.differences.gradient(shape)
        weights = torch.ones(()) if self.weights is None else self.weights
        check_weights(weights, shape, self.name)
        functional = (GroupL1 if self.isotropic else L1)(D.range_shape, weights)
        return (difference_term(functional, D, float(weights.detach().min()), self.isotropic),)

    def prox(
        self,
        x: Tensor,
        tau: float | Tensor = 1.0,
        *,
        shape: Shape | None = None,
        tol: float = 1e-6,
        max_iter: int = 1000,
        start: Prox | None = None,
    ) -> Prox:
        """As :meth:`VariationalPrior.prox`; exact along one axis of real images with free edges, as :class:`LineTV`."""
        lines = None if x.is_complex() else self._lines(tuple(x.shape) if shape is None else shape)
        if lines is None:
            return super().prox(x, tau, shape=shape, tol=tol, max_iter=max_iter, start=start)
        return lines.prox(x, tau, shape=shape)

    def _lines(self, shape: Shape) -> LineTV | None:
        """The same prior in terms of lines, where it has only one axis to differentiate."""
        D = self.differences.gradient(shape)
        pairs = [(a, h) for a, h in zip(D.axes, D.spacing, strict=True) if shape[a] > 1]
        if len(pairs) != 1 or D.boundary != "neumann":
            return None
        (axis, h), weights = pairs[0], torch.ones(()) if self.weights is None else self.weights
        return LineTV(1.0, axis, weights / h).with_lam(self.lam)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.5)
        yield cls(0.5, isotropic=False, boundary="circular")
        yield cls(weights=torch.linspace(0.5, 2.0, 6))
        yield cls(axes=(-1,), spacing=0.5)
        yield cls(0.5, spacing=(1.0, 2.0), axis_weights=(0.3, 1.0))
