"""Sum of Euclidean norms of groups (ℓ2,1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.functionals.l1 import clip_magnitude
from recon.operators.tensors import fixed, item_sum, per_item


class GroupL1(Functional):
    """f(x) = Σᵢ wᵢ (Σ_c |x_{c,i}|²)^½, the groups running over the first item dimension.

    With the gradient's ``(ndim, *shape)`` components this is isotropic total variation. The prox
    shrinks each group's norm by τwᵢ; f* is the indicator of all group norms ≤ wᵢ.

    Parameters
    ----------
    domain_shape
        ``(components, *shape)``.
    weights
        w ≥ 0, broadcast against ``shape``.
    """

    capabilities = frozenset({"prox", "conjugate"})

    def __init__(self, domain_shape: Sequence[int], weights: Tensor | float = 1.0) -> None:
        super().__init__(domain_shape)
        if self.ndim < 2:
            raise ValueError(f"GroupL1 expects items (components, *shape), got shape {self.domain_shape}.")
        self.weights = fixed(weights, "GroupL1", "weights").to(torch.get_default_dtype())
        if bool((self.weights < 0).any()):
            raise ValueError("GroupL1 expects nonnegative weights.")

    def _magnitude(self, x: Tensor) -> Tensor:
        return torch.linalg.vector_norm(x, dim=x.ndim - self.ndim, keepdim=True)

    def apply(self, x: Tensor) -> Tensor:
        return item_sum(self.constant("weights", x) * self._magnitude(x), self.ndim)

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        magnitude = self._magnitude(x)
        kept = torch.relu(magnitude - per_item(tau, x, self.ndim) * self.constant("weights", x))
        return x * (kept / torch.where(magnitude == 0, 1, magnitude))

    def prox_conjugate(self, y: Tensor, sigma: float | Tensor) -> Tensor:
        return self.dual_point(y)

    def dual_point(self, y: Tensor) -> Tensor:
        return clip_magnitude(y, self.constant("weights", y), self._magnitude(y))

    def conjugate(self, y: Tensor) -> Tensor:
        w = self.constant("weights", y)
        excess = (self._magnitude(y) - w).flatten(y.ndim - self.ndim).amax(-1)
        slack = 8 * torch.finfo(w.dtype).eps * w.max()
        return torch.where(excess > slack, torch.inf, 0.0).to(w.dtype)

    def level_radius(self, level: Tensor) -> Tensor:
        smallest = float(self.weights.min())
        return level / smallest if smallest > 0 else super().level_radius(level)

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((2, 3, 4))
        yield cls((3, 4), weights=torch.tensor([0.5, 0.0, 2.0, 1.0]))
