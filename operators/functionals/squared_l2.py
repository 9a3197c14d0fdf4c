"""Half the squared Euclidean distance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.tensors import fixed, item_norm, item_sum, per_item


class SquaredL2(Functional):
    """f(z) = ½ Σ w |z − y|², with f* (p) = Σ |p|²/(2w) + Re⟨p, y⟩.

    Parameters
    ----------
    domain_shape
        Shape of one item.
    data
        y, ``(*batch, *domain_shape)``; zero if omitted.
    weight
        w > 0: a number or one value per item (shape ``batch``), for Gaussian noise 1/σ².
    """

    per_item_attributes: ClassVar[Mapping[str, Literal["item", "scalar"]]] = {"data": "item", "weight": "scalar"}
    capabilities = frozenset({"grad", "prox", "conjugate"})

    def __init__(self, domain_shape: Sequence[int], data: Tensor | None = None, weight: float | Tensor = 1.0) -> None:
        super().__init__(domain_shape)
        if data is not None:
            self.check(data, self.domain_shape)
            if data.is_complex():
                self.domain_field = "complex"
        self.data = data
        smallest = float(fixed(weight, "SquaredL2", "weight").min()) if isinstance(weight, Tensor) else float(weight)
        if not 0 < smallest < float("inf"):
            raise ValueError(f"SquaredL2 expects a positive, finite weight, got {smallest}.")
        if isinstance(weight, Tensor) and data is not None:  # precision and device follow the data
            weight = weight.to(data.real if data.is_complex() else data)
        self.weight = weight

    def _weight(self, like: Tensor) -> Tensor | float:
        if not isinstance(self.weight, Tensor):
            return self.weight
        weight = self.constant("weight", like)
        return per_item(weight, like, self.ndim)

    def _data(self, like: Tensor) -> Tensor | float:
        return 0.0 if self.data is None else self.constant("data", like)

    def apply(self, x: Tensor) -> Tensor:
        residual = x - self._data(x)
        return 0.5 * item_sum(self._weight(x) * residual.abs().square(), self.ndim)

    def grad(self, x: Tensor) -> Tensor:
        return self._weight(x) * (x - self._data(x))

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        strength = per_item(tau, x, self.ndim) * self._weight(x)
        return (x + strength * self._data(x)) / (1 + strength)

    def conjugate(self, y: Tensor) -> Tensor:
        quadratic = 0.5 * item_sum(y.abs().square() / self._weight(y), self.ndim)
        return quadratic if self.data is None else quadratic + self.inner(y, self.constant("data", y))

    def lipschitz(self) -> float | Tensor:
        return self.weight

    def dual_scale(self) -> float | Tensor:
        return self.weight**0.5

    def __mul__(self, factor: float) -> Functional:
        if not 0 < factor < float("inf"):
            raise ValueError(f"SquaredL2 can be multiplied by a positive number, got {factor!r}.")
        return SquaredL2(self.domain_shape, self.data, factor * self.weight)

    __rmul__ = __mul__

    def level_radius(self, level: Tensor) -> Tensor:
        weight = self.constant("weight", level) if isinstance(self.weight, Tensor) else self.weight
        radius = (2 * level / weight).sqrt()
        return radius if self.data is None else radius + item_norm(self.constant("data", level), self.ndim)

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((3, 4))
        yield cls((3,), data=torch.tensor([1.0, -2.0, 0.5]), weight=3.0)
