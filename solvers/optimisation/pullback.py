"""A data term as a functional of the image, with a prox in closed form."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recon.operators.diagonal import Diagonal
from recon.operators.functionals import Functional, SquaredL2
from recon.operators.identity import Identity
from recon.operators.linear import CapabilityError, LinearOperator
from recon.operators.tensors import per_item


class Pullback(Functional):
    """f∘A for a data term f, with

        prox_{τ f∘A}(x) = (AᴴA + I/(wτ))⁻¹ (Aᴴy + x/(wτ))

    for f(z) = (w/2)‖z − y‖² and an A that declares ``solve_normal``, and prox_{τf} for A = I.

    Errors: CapabilityError where the prox has no closed form.
    """

    capabilities = frozenset({"prox"})

    def __init__(self, functional: Functional, operator: LinearOperator) -> None:
        super().__init__(operator.domain_shape)
        if not has_closed_prox(functional, operator):
            raise CapabilityError(
                f"the prox of {functional.name} behind {operator.name} has no closed form: it takes Gaussian noise of "
                "one level per item and an operator with solve_normal, or the identity."
            )
        self.functional, self.operator = functional, operator
        self.domain_field = operator.domain_field
        self.convex = functional.convex
        if "grad" in functional.capabilities:
            self.capabilities = self.capabilities | {"grad"}

    def apply(self, x: Tensor) -> Tensor:
        return self.functional(self.operator(x))

    def grad(self, x: Tensor) -> Tensor:
        return self.operator.adjoint(self.functional.grad(self.operator(x)))

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        f, A = self.functional, self.operator
        if isinstance(A, Identity):
            return f.prox(x, tau)
        assert isinstance(f, SquaredL2)
        ratio = 1 / (f.weight * tau)
        b = per_item(ratio, x, self.ndim) * x
        if f.data is not None:
            b = b + A.adjoint(f.constant("data", x))
        return A.solve_normal(b, ratio)

    def strong_convexity(self) -> float | Tensor:
        A = self.operator
        least = 1.0 if isinstance(A, Identity) else float(A.svd().s.min()) if "svd" in A.capabilities else 0.0
        return least**2 * self.functional.strong_convexity()

    def lipschitz(self) -> float | Tensor | None:
        constant = self.functional.lipschitz()
        return None if constant is None else self.operator.norm_bound() ** 2 * constant

    def select(self, items: Tensor) -> Pullback:
        return Pullback(self.functional.select(items), self.operator)

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        data = torch.tensor([1.0, -2.0, 0.5])
        yield cls(SquaredL2((3,), data, weight=3.0), Diagonal(torch.tensor([1.0, 0.0, 0.5])))
        yield cls(SquaredL2((3,), data), Identity((3,)))


def has_closed_prox(functional: Functional, operator: LinearOperator) -> bool:
    """Whether :class:`Pullback` has a prox."""
    if isinstance(operator, Identity):
        return "prox" in functional.capabilities
    return quadratic_weight(functional) is not None and "solve_normal" in operator.capabilities


def quadratic_weight(functional: Functional) -> float | Tensor | None:
    """w where f(z) = (w/2)‖z − y‖² with w a number or one per item, else None."""
    if not isinstance(functional, SquaredL2):
        return None
    weight = functional.weight
    whole = functional.elements is None and (not isinstance(weight, Tensor) or weight.ndim <= 1)
    return weight if whole else None
