"""Indicator of a ball around the data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.tensors import item_norm, per_item, positive_weight


class L2Ball(Functional):
    """f(z) = 0 where ‖z − y‖₂ ≤ ε, else ∞: the constraint that the misfit be no larger than ε.

    * prox: y + (x − y) min(1, ε/‖x − y‖);
    * f*(p) = ε‖p‖ + Re⟨p, y⟩.

    Points up to 64 units of rounding outside count as inside, so that a projection is.

    Parameters
    ----------
    domain_shape
        Shape of one item.
    data
        y, ``(*batch, *domain_shape)``; zero if omitted.
    epsilon
        ε > 0: a number or one per item (shape ``batch``).
    """

    per_item_attributes: ClassVar[Mapping[str, Literal["item", "scalar"]]] = {"data": "item", "epsilon": "scalar"}
    capabilities = frozenset({"prox", "conjugate"})
    constraint = True

    def __init__(self, domain_shape: Sequence[int], data: Tensor | None = None, epsilon: float | Tensor = 1.0) -> None:
        super().__init__(domain_shape)
        if data is not None:
            self.check(data, self.domain_shape)
            if data.is_complex():
                self.domain_field = "complex"
        self.data = data
        self.epsilon = positive_weight(epsilon, "L2Ball expects epsilon > 0")

    def _data(self, like: Tensor) -> Tensor | float:
        return 0.0 if self.data is None else self.constant("data", like)

    def _epsilon(self, like: Tensor) -> Tensor | float:
        return self.constant("epsilon", like) if isinstance(self.epsilon, Tensor) else self.epsilon

    def apply(self, x: Tensor) -> Tensor:
        size = item_norm(x - self._data(x), self.ndim)
        scale = size if self.data is None else size + item_norm(self.constant("data", x), self.ndim)
        epsilon = self._epsilon(x)
        inside = size <= epsilon + 64 * torch.finfo(x.dtype).eps * (epsilon + scale)  # NaN is outside
        return torch.where(inside, 0.0, torch.inf).to(size.dtype)

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        step = per_item(tau, x, self.ndim)
        if isinstance(step, Tensor) and step.ndim >= self.ndim and any(n != 1 for n in step.shape[-self.ndim :]):
            raise ValueError(
                f"L2Ball has a closed-form prox for one step per item only, got a tensor of shape {tuple(step.shape)}."
            )
        residual = x - self._data(x)
        size = item_norm(residual, self.ndim).clamp(min=torch.finfo(x.dtype).tiny)
        return self._data(x) + per_item((self._epsilon(x) / size).clamp(max=1), x, self.ndim) * residual

    def conjugate(self, y: Tensor) -> Tensor:
        size = self._epsilon(y) * item_norm(y, self.ndim)
        return size if self.data is None else size + self.inner(y, self.constant("data", y))

    def level_radius(self, level: Tensor) -> Tensor:
        """‖y‖ + ε."""
        radius = self._epsilon(level) * torch.ones_like(level)
        return radius if self.data is None else radius + item_norm(self.constant("data", level), self.ndim)

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((3, 4), epsilon=0.5)
        yield cls((3,), torch.tensor([1.0, -2.0, 0.5]), 1.5)
        yield cls((2,), torch.tensor([[1.0, -2.0], [0.5, 2j]]), torch.tensor([2.0, 0.5]))
