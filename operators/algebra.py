"""Operators made of operators: composition, sum, scaling, adjoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from recon.operators.diagonal import Diagonal
from recon.operators.gradient import Gradient
from recon.operators.identity import Identity
from recon.operators.linear import LinearOperator
from recon.operators.operator import Field, Operator


def compose(outer: Operator, inner: Operator) -> Operator:
    """outer ∘ inner; linear when both are."""
    if not isinstance(inner, Operator):
        raise TypeError(
            f"{outer.name} @ {type(inner).__name__}: expected an operator; apply operators to tensors as A(x)."
        )
    if outer.domain_shape != inner.range_shape:
        raise ValueError(
            f"{outer.name} @ {inner.name}: {outer.name} takes {outer.domain_shape}, "
            f"{inner.name} gives {inner.range_shape}."
        )
    if isinstance(outer, LinearOperator) and isinstance(inner, LinearOperator):
        return Composition(outer, inner)
    return NonlinearComposition(outer, inner)


def join_fields(a: Field, b: Field, where: str) -> Field:
    """The field of two operators that share a space; ValueError where one is real and the other complex."""
    if "any" in (a, b):
        return a if b == "any" else b
    if a != b:
        raise ValueError(f"{where} joins a {a} operator with a {b} one.")
    return a


class NonlinearComposition(Operator):
    """x ↦ outer(inner(x)), with derivatives by the chain rule from those of the two."""

    def __init__(self, outer: Operator, inner: Operator) -> None:
        super().__init__(inner.domain_shape, outer.range_shape)
        self.outer, self.inner = outer, inner
        self.domain_field, self.range_field = _composed_fields(outer, inner)
        self.values_only = outer.values_only or inner.values_only

    def apply(self, x: Tensor) -> Tensor:
        return self.outer(self.inner(x))

    def jvp(self, x: Tensor, v: Tensor) -> Tensor:
        move = self.inner.jvp(x, v)
        return self.outer(move) if isinstance(self.outer, LinearOperator) else self.outer.jvp(self.inner(x), move)

    def vjp(self, x: Tensor, w: Tensor) -> Tensor:
        outer = self.outer
        back = outer.adjoint(w) if isinstance(outer, LinearOperator) else outer.vjp(self.inner(x), w)
        field = self.inner.range_field
        if back.is_complex() and (field == "real" or (field == "any" and not x.is_complex())):
            back = back.real
        return self.inner.vjp(x, back)

    def gauss_newton(self, x: Tensor, middle: Callable[[Tensor], Tensor] | None = None) -> Callable[[Tensor], Tensor]:
        z = x if isinstance(self.outer, LinearOperator) else self.inner(x)
        return self.inner.gauss_newton(x, self.outer.gauss_newton(z, middle))

    @classmethod
    def examples(cls) -> Iterator[Operator]:
        from recon.operators.functionals.squared_l2 import SquaredL2

        yield cls(SquaredL2((4,)), Diagonal(torch.tensor([1.0, 2.0, -1.0, 0.5])))


def _composed_fields(outer: Operator, inner: Operator) -> tuple[Field, Field]:
    join_fields(inner.range_field, outer.domain_field, f"{outer.name} @ {inner.name}")
    domain = inner.domain_field if inner.domain_field != "any" or inner.range_field != "any" else outer.domain_field
    range_ = outer.range_field if outer.range_field != "any" or outer.domain_field != "any" else inner.range_field
    return domain, range_


class Composition(LinearOperator):
    """x ↦ A(Bx) for linear A (``outer``) and B (``inner``); the adjoint is BᴴAᴴ."""

    def __init__(self, outer: LinearOperator, inner: LinearOperator) -> None:
        super().__init__(inner.domain_shape, outer.range_shape)
        self.outer, self.inner = outer, inner
        self.domain_field, self.range_field = _composed_fields(outer, inner)

    def apply(self, x: Tensor) -> Tensor:
        return self.outer(self.inner(x))

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self.inner.adjoint(self.outer.adjoint(y))

    def normal(self, x: Tensor) -> Tensor:
        return self.inner.adjoint(self.outer.normal(self.inner(x)))

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls(Diagonal(torch.tensor([1.0, 2.0, 3.0])), Scaled(Identity((3,)), 2.0))


class Sum(LinearOperator):
    """x ↦ Ax + Bx."""

    def __init__(self, first: LinearOperator, second: LinearOperator) -> None:
        if not isinstance(second, LinearOperator):
            raise TypeError(f"{first.name} + {type(second).__name__}: expected a linear operator.")
        if (first.domain_shape, first.range_shape) != (second.domain_shape, second.range_shape):
            raise ValueError(f"{first!r} + {second!r}: shapes differ.")
        super().__init__(first.domain_shape, first.range_shape)
        self.first, self.second = first, second
        where = f"{first.name} + {second.name}"
        self.domain_field = join_fields(first.domain_field, second.domain_field, where)
        self.range_field = join_fields(first.range_field, second.range_field, where)

    def apply(self, x: Tensor) -> Tensor:
        return self.first(x) + self.second(x)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self.first.adjoint(y) + self.second.adjoint(y)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls(Diagonal(torch.tensor([1.0, 2.0, 3.0])), Identity((3,)))


class Scaled(LinearOperator):
    """x ↦ cAx; the adjoint is c̄Aᴴ. A complex c needs complex input."""

    def __init__(self, operator: LinearOperator, factor: complex) -> None:
        if not isinstance(factor, (int, float, complex)):
            raise TypeError(f"{operator.name} can be multiplied by a number, got {type(factor).__name__}.")
        super().__init__(operator.domain_shape, operator.range_shape)
        self.operator, self.factor = operator, factor
        self.domain_field, self.range_field = operator.domain_field, operator.range_field
        if isinstance(factor, complex):
            self.domain_field = join_fields("complex", self.domain_field, f"{factor} * {operator.name}")
            self.range_field = join_fields("complex", self.range_field, f"{factor} * {operator.name}")

    def apply(self, x: Tensor) -> Tensor:
        return self.factor * self.operator(x)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self.factor.conjugate() * self.operator.adjoint(y)

    def known_norm(self) -> float | None:
        norm = self.operator.known_norm()
        return None if norm is None else abs(self.factor) * norm

    def norm(self, rtol: float = 1e-2, like: Tensor | None = None) -> float:
        return abs(self.factor) * self.operator.norm(rtol, like)

    @property
    def capabilities(self) -> frozenset[str]:
        return self.operator.capabilities & {"solve_normal", "pinv"} if self.factor != 0 else frozenset()

    def solve_normal(self, b: Tensor, rho: float | Tensor) -> Tensor:
        if "solve_normal" not in self.capabilities:
            return super().solve_normal(b, rho)
        square = abs(self.factor) ** 2
        return self.operator.solve_normal(b, rho / square) / square

    def pinv(self, y: Tensor) -> Tensor:
        if "pinv" not in self.capabilities:
            return super().pinv(y)
        return self.operator.pinv(y) / self.factor

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls(Diagonal(torch.tensor([1.0, 2.0, 3.0])), -0.5)
        yield cls(Diagonal(torch.tensor([1.0, 2.0, 3.0])), 1 + 2j)


class Adjoint(LinearOperator):
    """y ↦ Aᴴy; its adjoint is A."""

    def __init__(self, operator: LinearOperator) -> None:
        super().__init__(operator.range_shape, operator.domain_shape)
        self.operator = operator
        self.domain_field, self.range_field = operator.range_field, operator.domain_field

    def apply(self, x: Tensor) -> Tensor:
        return self.operator.adjoint(x)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self.operator(y)

    def known_norm(self) -> float | None:
        return self.operator.known_norm()

    def norm(self, rtol: float = 1e-2, like: Tensor | None = None) -> float:
        return self.operator.norm(rtol, like)

    @property
    def H(self) -> LinearOperator:
        return self.operator

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls(Gradient((2, 3)))
