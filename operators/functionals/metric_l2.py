"""Half the squared distance in a metric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import sqrt
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.operators.diagonal import Diagonal
from recon.operators.functionals.functional import Functional
from recon.operators.linear import LinearOperator
from recon.operators.tensors import item_norm, item_sum, per_item


class MetricL2(Functional):
    """f(z) = ½‖V(z − y)‖², with W = VᴴV: Gaussian noise of covariance W⁻¹, or the norm of a Sobolev space.

    * gradient W(z − y), with the Lipschitz constant ‖V‖²;
    * prox (W + I/τ)⁻¹(Wy + x/τ), where V declares ``solve_normal``;
    * f*(p) = ½⟨p, W⁻¹p⟩ + Re⟨p, y⟩, where V declares ``normal_pinv`` and singular values, none of them zero.

    Parameters
    ----------
    operator
        V, on items.
    data
        y, ``(*batch, *V.domain_shape)``; zero if omitted.
    """

    per_item_attributes: ClassVar[Mapping[str, Literal["item", "scalar"]]] = {"data": "item"}

    def __init__(self, operator: LinearOperator, data: Tensor | None = None) -> None:
        if not isinstance(operator, LinearOperator):
            raise TypeError(f"MetricL2 expects a linear operator, got {type(operator).__name__}.")
        super().__init__(operator.domain_shape)
        self.operator = operator
        self.domain_field = operator.domain_field
        if data is not None:
            self.check(data, self.domain_shape, self.domain_field)
            if data.is_complex():
                self.domain_field = "complex"
        self.data = data
        values = operator.svd().s if "svd" in operator.capabilities else None
        self.least = 0.0 if values is None else float(values.min())
        self.middle = operator.norm_bound() if values is None else sqrt(float(values.double().square().mean()))
        capabilities = {"grad"}
        if "solve_normal" in operator.capabilities:
            capabilities.add("prox")
        if "normal_pinv" in operator.capabilities and self.least > 0:
            capabilities.add("conjugate")
        self.capabilities = frozenset(capabilities)

    def _residual(self, x: Tensor) -> Tensor:
        return x if self.data is None else x - self.constant("data", x)

    def apply(self, x: Tensor) -> Tensor:
        image = self.operator(self._residual(x))
        return 0.5 * item_sum(image.abs().square(), image.ndim - x.ndim + self.ndim)

    def grad(self, x: Tensor) -> Tensor:
        return self.operator.normal(self._residual(x))

    def hessian(self, x: Tensor, v: Tensor) -> Tensor:
        return self.operator.normal(v)

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        if "prox" not in self.capabilities:
            raise self._lacks("proximal map, which takes an operator with solve_normal")
        step = per_item(tau, x, self.ndim)
        if isinstance(step, Tensor) and step.ndim >= max(self.ndim, 1):
            shape = tuple(step.shape)
            if any(n != 1 for n in shape[-self.ndim :]):
                raise ValueError(f"MetricL2 has a closed-form prox for one step per item only, got shape {shape}.")
        residual = self._residual(x)
        moved = self.operator.solve_normal(residual / step, _per_batch(1 / tau, x, self.ndim))
        return moved if self.data is None else moved + self.constant("data", x)

    def conjugate(self, y: Tensor) -> Tensor:
        if "conjugate" not in self.capabilities:
            raise self._lacks("convex conjugate, which takes an injective operator with normal_pinv and svd")
        value = 0.5 * self.inner(y, self.operator.normal_pinv(y))
        return value if self.data is None else value + self.inner(y, self.constant("data", y))

    def lipschitz(self) -> float | Tensor:
        return self.operator.norm_bound() ** 2

    def strong_convexity(self) -> float | Tensor:
        return self.least**2

    def dual_scale(self) -> float | Tensor:
        return max(self.middle, 1e-30)

    def level_radius(self, level: Tensor) -> Tensor:
        """‖y‖ + √(2 level)/s for the least singular value s of V; infinite where that is zero or not known."""
        if not self.least > 0:
            return torch.full_like(level, torch.inf)
        radius = (2 * level).sqrt() / self.least
        return radius if self.data is None else radius + item_norm(self.constant("data", level), self.ndim)

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        from recon.operators.bessel_potential import BesselPotential
        from recon.operators.gradient import Gradient

        yield cls(Diagonal(torch.tensor([1.0, 2.0, -0.5])), torch.tensor([1.0, -2.0, 0.5]))
        yield cls(BesselPotential((2, 4), -0.5), torch.tensor([[[1.0, 0.0, 2.0, 1.0], [0.0, 2.0, -1.0, 1.0]]] * 2))
        yield cls(Gradient((3, 4)))


def _per_batch(value: float | Tensor, x: Tensor, ndim: int) -> float | Tensor:
    """A step given per item with the dimensions of an element, as one number per item."""
    if not isinstance(value, Tensor) or value.ndim < x.ndim or not ndim:
        return value
    batch = tuple(x.shape[: x.ndim - ndim])
    return value.reshape(value.shape[: x.ndim - ndim]).expand(batch)
