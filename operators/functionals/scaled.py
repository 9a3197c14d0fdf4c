"""A functional times positive numbers."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.tensors import per_item, positive_weight


class ScaledFunctional(Functional):
    """c·f with c > 0: gradient c∇f, prox_{τcf}, conjugate c f*(y/c).

    c is a number, or a tensor of one number or one per item (shape ``batch``), which may require gradients.
    """

    per_item_attributes: ClassVar[Mapping[str, Literal["item", "scalar"]]] = {"factor": "scalar"}

    def __init__(self, functional: Functional, factor: float | Tensor) -> None:
        super().__init__(functional.domain_shape)
        self.functional = functional
        self.factor = positive_weight(factor, f"{functional.name} can be multiplied by a positive number")
        self.domain_field = functional.domain_field
        self.capabilities = functional.capabilities
        self.convex, self.separable = functional.convex, functional.separable
        self.monotone, self.constraint = functional.monotone, functional.constraint

    @property
    def name(self) -> str:
        return self.functional.name

    def _factor(self, like: Tensor) -> float | Tensor:
        """c, one value per item of ``like``."""
        return self.constant("factor", like) if isinstance(self.factor, Tensor) else self.factor

    def _wide(self, like: Tensor) -> float | Tensor:
        """c, shaped to broadcast against ``like``."""
        return per_item(self._factor(like), like, self.ndim)

    def _steps(self, factor: float | Tensor, x: Tensor, tau: float | Tensor) -> float | Tensor:
        """``factor``·τ for items such as x; per element where τ is."""
        if not isinstance(factor, Tensor) or not isinstance(tau, Tensor):
            return factor * tau
        return factor * tau if tau.ndim == factor.ndim else per_item(factor, x, self.ndim) * per_item(tau, x, self.ndim)

    def apply(self, x: Tensor) -> Tensor:
        return self._factor(x) * self.functional(x)

    def grad(self, x: Tensor) -> Tensor:
        return self._wide(x) * self.functional.grad(x)

    def hessian(self, x: Tensor, v: Tensor) -> Tensor:
        return self._wide(v) * self.functional.hessian(x, v)

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        return self.functional.prox(x, self._steps(self._factor(x), x, tau))

    def prox_conjugate(self, y: Tensor, sigma: float | Tensor) -> Tensor:
        c = self._wide(y)
        return c * self.functional.prox_conjugate(y / c, self._steps(1 / self._factor(y), y, sigma))

    def conjugate(self, y: Tensor) -> Tensor:
        return self._factor(y) * self.functional.conjugate(y / self._wide(y))

    def dual_point(self, y: Tensor) -> Tensor:
        c = self._wide(y)
        return c * self.functional.dual_point(y / c)

    def dual_shrink(self, y: Tensor) -> Tensor:
        return self.functional.dual_shrink(y / self._wide(y))

    def majorant(self, x: Tensor, smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        weight, centre = self.functional.majorant(x, smoothing)
        return self._wide(x) * weight, centre

    def smooth_split(self) -> tuple[Functional, Functional]:
        smooth, convex = self.functional.smooth_split()
        return self.factor * smooth, self.factor * convex

    def on_nonnegative(self) -> Functional | None:
        inner = self.functional.on_nonnegative()
        return None if inner is None else ScaledFunctional(inner, self.factor)

    def strong_convexity(self) -> float | Tensor:
        return self.factor * self.functional.strong_convexity()

    def lipschitz(self) -> float | Tensor | None:
        constant = self.functional.lipschitz()
        return None if constant is None else self.factor * constant

    def curvature(self) -> float | Tensor | None:
        constant = self.functional.curvature()
        return None if constant is None else self.factor * constant

    def dual_scale(self) -> float | Tensor:
        return self.factor * self.functional.dual_scale()

    def level_radius(self, level: Tensor) -> Tensor:
        return self.functional.level_radius(level / self._factor(level))

    def dual_support(self, like: Tensor) -> Tensor | None:
        return self.functional.dual_support(like)

    def support_radius(self, level: Tensor) -> Tensor:
        return self.functional.support_radius(level / self._factor(level))

    def subgradient(self, x: Tensor, v: Tensor) -> Tensor:
        c = self._wide(v)
        return c * self.functional.subgradient(x, v / c)

    def lower_bound(self, r: Tensor, radius: Tensor) -> Tensor:
        return self._factor(r) * self.functional.lower_bound(r / self._wide(r), radius)

    @property
    def holds_items(self) -> bool:
        return super().holds_items or self.functional.holds_items

    def select(self, items: Tensor) -> ScaledFunctional:
        inner, chosen = self.functional.select(items), super().select(items)
        if inner is self.functional:
            return chosen
        chosen = copy.copy(chosen)
        chosen.functional = inner
        return chosen

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        from recon.operators.functionals.box import BoxIndicator
        from recon.operators.functionals.l1 import L1

        yield cls(BoxIndicator((3, 4), 0.0, 1.0), 2.5)
        yield cls(L1((3, 4)), 0.3)
        yield cls(L1((3, 4)), torch.tensor(0.7))
