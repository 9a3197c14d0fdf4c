"""Number of entries that are not zero."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.functionals.l1 import mean_weight
from recon.operators.functionals.magnitudes import check_groups, nonnegative_weights, presence, squares
from recon.operators.tensors import item_sum, per_item


class L0(Functional):
    """f(x) = Σ wᵢ over the entries xᵢ ≠ 0, or over the groups that are not zero; not convex.

    The prox keeps |xᵢ|² > 2τwᵢ and sets the others to zero (hard threshold), a group for Σ_c |x_{c,i}|²/τ > 2wᵢ.

    Parameters
    ----------
    domain_shape
        Shape of one item; ``(components, *shape)`` with ``groups``.
    weights
        w ≥ 0, broadcast against ``domain_shape``, or against ``shape`` with ``groups``.
    groups
        Whether entries are counted in groups over the first item dimension.

    Source: Blumensath and Davies, J. Fourier Anal. Appl. 14 (2008) 629.
    """

    capabilities = frozenset({"prox"})
    convex = False
    monotone = True

    def __init__(self, domain_shape: Sequence[int], weights: Tensor | float = 1.0, groups: bool = False) -> None:
        super().__init__(domain_shape)
        check_groups(self.domain_shape, groups, "L0")
        self.groups, self.separable = bool(groups), not groups
        self.weights = nonnegative_weights(weights, self.domain_shape[1 if groups else 0 :], "L0")

    def apply(self, x: Tensor) -> Tensor:
        present = presence(x, self.ndim, self.groups)
        return item_sum((self.constant("weights", x) * present).expand_as(present), self.ndim)

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        gain = squares(x) / per_item(tau, x, self.ndim)
        if self.groups:
            gain = gain.sum(x.ndim - self.ndim, keepdim=True)
        return torch.where(gain <= 2 * self.constant("weights", x), 0, x)  # NaN stays

    def dual_scale(self) -> float | Tensor:
        return mean_weight(self.weights, self.ndim)

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((3, 4))
        yield cls((4,), weights=torch.tensor([0.5, 0.0, 2.0, 1.0]))
        yield cls((2, 3), groups=True)
