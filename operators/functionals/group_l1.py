"""Sum of Euclidean norms of groups (ℓ2,1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.functionals.l1 import clip_magnitude, least_weight, mean_weight
from recon.operators.tensors import item_sum, learnable, per_item


class GroupL1(Functional):
    """f(x) = Σᵢ wᵢ (Σ_c |x_{c,i}|²)^½, the groups running over the first item dimension (or the first few).

    With the gradient's ``(ndim, *shape)`` components this is isotropic total variation. The prox
    shrinks each group's norm by τwᵢ; f* is the indicator of all group norms ≤ wᵢ.

    Parameters
    ----------
    domain_shape
        ``(components, *shape)``.
    weights
        w ≥ 0, broadcast against ``shape``; with more dimensions in front, those of the batch.
    group_dims
        How many leading dimensions of an item one group runs over.
    """

    per_item_attributes: ClassVar[Mapping[str, Literal["item", "scalar"]]] = {"weights": "item"}
    capabilities = frozenset({"prox", "conjugate", "majorant"})
    monotone = True

    def __init__(self, domain_shape: Sequence[int], weights: Tensor | float = 1.0, group_dims: int = 1) -> None:
        super().__init__(domain_shape)
        if not 1 <= group_dims < self.ndim:
            raise ValueError(
                f"GroupL1 expects items (components, *shape) with {group_dims} dimensions of components, got shape "
                f"{self.domain_shape}."
            )
        self.group_dims = group_dims
        numbers = learnable(weights, "GroupL1", "weights")
        self.weights = numbers if numbers.is_floating_point() else numbers.to(torch.get_default_dtype())
        if bool((self.weights < 0).any()):
            raise ValueError("GroupL1 expects nonnegative weights.")
        front = self.weights.ndim - (self.ndim - group_dims)
        if front > 0:
            batch, rest = self.weights.shape[:front], self.weights.shape[front:]
            self.weights = self.weights.reshape(*batch, *(1,) * group_dims, *rest)

    def _magnitude(self, x: Tensor) -> Tensor:
        # Squares and a root: a norm along one leading dimension is many times slower in torch. The least number that
        # is not subnormal stands for 0, where the root has no derivative.
        first = x.ndim - self.ndim
        members = x.flatten(first, first + self.group_dims - 1).unbind(first)
        parts = [part for z in members for part in (z.real, z.imag)] if x.is_complex() else list(members)
        square = parts[0].square()
        for part in parts[1:]:
            square = torch.addcmul(square, part, part)
        length = square.clamp(min=torch.finfo(square.dtype).tiny).sqrt()
        return length.reshape(*x.shape[:first], *(1,) * self.group_dims, *length.shape[first:])

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
        if isinstance(step, Tensor) and step.ndim >= self.ndim:
            groups = step.shape[step.ndim - self.ndim : step.ndim - self.ndim + self.group_dims]
            if any(n != 1 for n in groups):
                raise ValueError(
                    "GroupL1 has a closed-form prox for one step per group only, a tensor of shape (..., 1, *shape); "
                    f"got {tuple(step.shape)}."
                )

    def dual_point(self, y: Tensor) -> Tensor:
        return clip_magnitude(y, self.constant("weights", y), self._magnitude(y))

    def dual_shrink(self, y: Tensor) -> Tensor:
        share = (self.constant("weights", y) / self._magnitude(y)).clamp(max=1)
        return share.flatten(y.ndim - self.ndim).amin(-1)

    def majorant(self, x: Tensor, smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        size = self._magnitude(x) if smoothing == 0 else (self._magnitude(x).square() + smoothing**2).sqrt()
        weights = self.constant("weights", x)
        return torch.where(weights > 0, weights / size, 0), torch.zeros_like(x)

    def conjugate(self, y: Tensor) -> Tensor:
        w = self.constant("weights", y)
        excess = (self._magnitude(y) - w).flatten(y.ndim - self.ndim).amax(-1)
        slack = 8 * torch.finfo(w.dtype).eps * w.max()
        return torch.where(excess <= slack, 0.0, torch.inf).to(w.dtype)  # NaN is outside

    def dual_scale(self) -> float | Tensor:
        return mean_weight(self.weights, self.ndim)

    def level_radius(self, level: Tensor) -> Tensor:
        least = least_weight(self.weights, self.ndim).to(level)
        return torch.where(least > 0, level / torch.where(least > 0, least, 1), torch.inf)

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((2, 3, 4))
        yield cls((3, 4), weights=torch.tensor([0.5, 0.0, 2.0, 1.0]))
        yield cls((2, 2, 3), weights=torch.tensor([0.5, 0.3, 2.0]), group_dims=2)
        yield cls((2, 3), weights=torch.tensor([[0.5, 0.3, 2.0], [1.0, 2.0, 3.0]]))
