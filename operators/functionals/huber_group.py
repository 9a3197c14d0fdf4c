"""Sum of Huber functions of the Euclidean norms of groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.functionals.l1 import clip_magnitude, least_weight, mean_weight
from recon.operators.tensors import is_number, item_sum, learnable, per_item


class HuberGroup(Functional):
    """f(x) = Σᵢ wᵢ h(‖x_{·,i}‖), h(t) = t²/2δ for t ≤ δ and t − δ/2 beyond; groups run over the first item dimension.

    Differentiable, with ∇f = w x/max(‖x‖, δ) per group and the Lipschitz constant max w/δ; the prox scales each group
    by 1 − τw/max(‖x‖, δ + τw); f*(y) = Σᵢ δ‖yᵢ‖²/2wᵢ where all ‖yᵢ‖ ≤ wᵢ, else ∞.

    Parameters
    ----------
    domain_shape
        ``(components, *shape)``.
    delta
        δ > 0, the norm at which the square goes over into the line.
    weights
        w ≥ 0, broadcast against ``shape``.

    Source: Huber, Ann. Math. Stat. 35 (1964) 73.
    """

    capabilities = frozenset({"grad", "prox", "conjugate", "majorant"})

    def __init__(self, domain_shape: Sequence[int], delta: float = 1.0, weights: Tensor | float = 1.0) -> None:
        super().__init__(domain_shape)
        if self.ndim < 2:
            raise ValueError(f"HuberGroup expects items (components, *shape), got shape {self.domain_shape}.")
        if not (is_number(delta) and 0 < delta < float("inf")):
            raise ValueError(f"HuberGroup expects delta > 0, got {delta!r}.")
        self.delta = float(delta)
        numbers = learnable(weights, "HuberGroup", "weights")
        self.weights = numbers if numbers.is_floating_point() else numbers.to(torch.get_default_dtype())
        if bool((self.weights < 0).any()):
            raise ValueError("HuberGroup expects nonnegative weights.")

    def _square(self, x: Tensor) -> Tensor:
        square = torch.view_as_real(x).square().sum(-1) if x.is_complex() else x.square()
        return square.sum(x.ndim - self.ndim, keepdim=True)

    def _magnitude(self, x: Tensor) -> Tensor:
        square = self._square(x)
        return square.clamp(min=torch.finfo(square.dtype).tiny).sqrt()  # the root has no derivative at 0

    def apply(self, x: Tensor) -> Tensor:
        square, size = self._square(x), self._magnitude(x)
        h = torch.where(size <= self.delta, square / (2 * self.delta), size - self.delta / 2)
        return item_sum(self.constant("weights", x) * h, self.ndim)

    def grad(self, x: Tensor) -> Tensor:
        return self.constant("weights", x) / self._magnitude(x).clamp(min=self.delta) * x

    def lipschitz(self) -> float | Tensor:
        return float(self.weights.detach().max()) / self.delta

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        step = per_item(tau, x, self.ndim)
        if isinstance(step, Tensor) and step.ndim >= self.ndim and step.shape[-self.ndim] != 1:
            raise ValueError(
                "HuberGroup has a closed-form prox for one step per group only, a tensor of shape (..., 1, *shape); "
                f"got {tuple(step.shape)}."
            )
        width = step * self.constant("weights", x)
        return x * (1 - width / torch.maximum(self._magnitude(x), self.delta + width))

    def conjugate(self, y: Tensor) -> Tensor:
        w = self.constant("weights", y)
        slack = 8 * torch.finfo(w.dtype).eps * w.max()
        inside = ((self._magnitude(y) - w).flatten(y.ndim - self.ndim) <= slack).all(-1)
        energy = self._square(y) / torch.where(w > 0, w, 1)
        return torch.where(inside, 0.5 * self.delta * item_sum(energy, self.ndim), torch.inf)

    def dual_point(self, y: Tensor) -> Tensor:
        return clip_magnitude(y, self.constant("weights", y), self._magnitude(y))

    def dual_shrink(self, y: Tensor) -> Tensor:
        share = (self.constant("weights", y) / self._magnitude(y)).clamp(max=1)
        return share.flatten(y.ndim - self.ndim).amin(-1)

    def majorant(self, x: Tensor, smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        size = torch.sqrt(self._square(x) + smoothing**2)
        return self.constant("weights", x) / size.clamp(min=self.delta), torch.zeros_like(x)

    def dual_scale(self) -> float | Tensor:
        return mean_weight(self.weights, self.ndim)

    def level_radius(self, level: Tensor) -> Tensor:
        """Σᵢ ‖xᵢ‖ ≤ f(x)/min w + nδ/2 for n groups, since h(t) ≥ t − δ/2."""
        least = least_weight(self.weights, self.ndim).to(level)
        bound = level / torch.where(least > 0, least, 1) + prod(self.domain_shape[1:]) * self.delta / 2
        return torch.where(least > 0, bound, torch.inf)

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((2, 3, 4), 0.3)
        yield cls((3, 4), 0.5, torch.tensor([0.5, 0.7, 2.0, 1.0]))
