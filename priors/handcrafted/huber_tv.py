"""Total variation that is quadratic for small differences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor

from recon.operators.functionals import HuberGroup
from recon.operators.operator import Shape
from recon.operators.tensors import learnable
from recon.priors.handcrafted.differences import Differences, check_weights, difference_term
from recon.priors.prior import Prior, Term, VariationalPrior


class HuberTV(VariationalPrior):
    """R(x) = λ Σᵢ wᵢ h(|(Dx)ᵢ|), h(t) = t²/2δ for t ≤ δ and t − δ/2 beyond: total variation without staircases.

    Differentiable, so that gradient methods take it too.

    Parameters
    ----------
    lam
        λ > 0.
    delta
        δ > 0, the slope from which on edges count by their height, in image values per unit of ``spacing``.
    weights, axes, boundary, spacing, axis_weights
        As of :class:`TotalVariation`.

    Source: Chambolle and Pock, J. Math. Imaging Vis. 40 (2011) 120, section 6.3.
    """

    names = ("huber_tv", "huber_total_variation")

    def __init__(
        self,
        lam: float = 1.0,
        delta: float = 0.01,
        *,
        weights: Tensor | None = None,
        axes: Sequence[int] | None = None,
        boundary: Literal["neumann", "circular"] = "neumann",
        spacing: float | Sequence[float] = 1.0,
        axis_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__(lam)
        self.differences = Differences(self.name, axes, boundary, spacing, axis_weights)
        self.weights = None if weights is None else learnable(weights, self.name, "weights")
        HuberGroup((1, 1), delta)  # refuses a bad delta where it is given
        self.delta = float(delta)

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        D = self.differences.gradient(shape)
        weights = torch.ones(()) if self.weights is None else self.weights
        check_weights(weights, shape, self.name)
        return (difference_term(HuberGroup(D.range_shape, self.delta, weights), D, None),)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.5, 0.3)
        yield cls(delta=0.1, weights=torch.linspace(0.5, 2.0, 6), boundary="circular")
