"""A functional times a positive number."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.tensors import is_number


class ScaledFunctional(Functional):
    """c·f with c > 0: gradient c∇f, prox_{τcf}, conjugate c f*(y/c)."""

    def __init__(self, functional: Functional, factor: float) -> None:
        if not (is_number(factor) and factor > 0 and factor < float("inf")):
            raise ValueError(f"{functional.name} can be multiplied by a positive number, got {factor!r}.")
        super().__init__(functional.domain_shape)
        self.functional, self.factor = functional, float(factor)
        self.domain_field = functional.domain_field
        self.capabilities = functional.capabilities

    def apply(self, x: Tensor) -> Tensor:
        return self.factor * self.functional(x)

    def grad(self, x: Tensor) -> Tensor:
        return self.factor * self.functional.grad(x)

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        return self.functional.prox(x, self.factor * tau)

    def prox_conjugate(self, y: Tensor, sigma: float | Tensor) -> Tensor:
        return self.factor * self.functional.prox_conjugate(y / self.factor, sigma / self.factor)

    def conjugate(self, y: Tensor) -> Tensor:
        return self.factor * self.functional.conjugate(y / self.factor)

    def dual_point(self, y: Tensor) -> Tensor:
        return self.factor * self.functional.dual_point(y / self.factor)

    def dual_shrink(self, y: Tensor) -> Tensor:
        return self.functional.dual_shrink(y / self.factor)

    def lipschitz(self) -> float | Tensor | None:
        constant = self.functional.lipschitz()
        return None if constant is None else self.factor * constant

    def dual_scale(self) -> float | Tensor:
        return self.factor * self.functional.dual_scale()

    def level_radius(self, level: Tensor) -> Tensor:
        return self.functional.level_radius(level / self.factor)

    def lower_bound(self, r: Tensor, radius: Tensor) -> Tensor:
        return self.factor * self.functional.lower_bound(r / self.factor, radius)

    def select(self, items: Tensor) -> ScaledFunctional:
        return ScaledFunctional(self.functional.select(items), self.factor)

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        from recon.operators.functionals.box import BoxIndicator
        from recon.operators.functionals.l1 import L1

        yield cls(BoxIndicator((3, 4), 0.0, 1.0), 2.5)
        yield cls(L1((3, 4)), 0.3)
