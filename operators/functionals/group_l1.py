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
        # Squares and a root: a norm along one leading dimension is many times slower in torch. The least number that
        # is not subnormal stands for 0, where the root has no derivative.
        first = x.ndim - self.ndim
        square = torch.view_as_real(x).square().sum(-1) if x.is_complex() else x.square()
        return square.sum(first, keepdim=True).clamp(min=torch.finfo(square.dtype).tiny).sqrt()

    def apply(self, x: Tensor) -> Tensor:
        return item_sum(self.constant("weights", x) * self._magnitude(x), self.ndim)

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        magnitude, step = self._magnitude(x), per_item(tau, x, self.ndim)
        self._check_step(step)
        return x * torch.relu(1 - step * self.constant("weights", x) / magnitude)

    def prox_conjugate(self, y: Tensor, sigma: float | Tensor) -> Tensor:
        self._check_step(per_item(sigma, y, self.ndim))
        return self.dual_point(y)

    def _check_step(self, step: Tensor | float) -> None:
        if isinstance(step, Tensor) and step.ndim >= self.ndim and step.shape[-self.ndim] != 1:
            raise ValueError(
                "GroupL1 has a closed-form prox for one step per group only, a tensor of shape (..., 1, *shape); "
                f"got {tuple(step.shape)}."
            )

    def dual_point(self, y: Tensor) -> Tensor:
        return clip_magnitude(y, self.constant("weights", y), self._magnitude(y))

    def dual_shrink(self, y: Tensor) -> Tensor:
        share = (self.constant("weights", y) / self._magnitude(y)).clamp(max=1)
        return share.flatten(y.ndim - self.ndim).amin(-1)

    def conjugate(self, y: Tensor) -> Tensor:
        w = self.constant("weights", y)
        excess = (self._magnitude(y) - w).flatten(y.ndim - self.ndim).amax(-1)
        slack = 8 * torch.finfo(w.dtype).eps * w.max()
        return torch.where(excess <= slack, 0.0, torch.inf).to(w.dtype)  # NaN is outside

    def dual_scale(self) -> float:
        return max(float(self.weights.mean()), 1e-30)

    def level_radius(self, level: Tensor) -> Tensor:
        smallest = float(self.weights.min())
        return level / smallest if smallest > 0 else super().level_radius(level)

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((2, 3, 4))
        yield cls((3, 4), weights=torch.tensor([0.5, 0.0, 2.0, 1.0]))
