"""Operators made of operators: composition, sum, scaling, stacking, diagonal, identity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod

import torch
from torch import Tensor

from recon.operators.linear import SVD, LinearOperator
from recon.operators.operator import Field, Operator, Shape
from recon.operators.tensors import fixed, per_item


def compose(outer: Operator, inner: Operator) -> Operator:
    """outer ∘ inner; linear when both are."""
    if not isinstance(inner, Operator):
        raise TypeError(
            f"{outer.name} @ {type(inner).__name__}: expected an operator; apply operators to tensors as A(x)."
        )
    if outer.domain_shape != inner.range_shape:
        raise ValueError(
            f"{outer.name} @ {inner.name}: {outer.name} takes {outer.domain_shape}, {inner.name} gives {inner.range_shape}."
        )
    if isinstance(outer, LinearOperator) and isinstance(inner, LinearOperator):
        return Composition(outer, inner)
    return NonlinearComposition(outer, inner)


def _join(a: Field, b: Field, where: str) -> Field:
    if "any" in (a, b):
        return a if b == "any" else b
    if a != b:
        raise ValueError(f"{where} joins a {a} operator with a {b} one.")
    return a


class NonlinearComposition(Operator):
    """x ↦ outer(inner(x))."""

    def __init__(self, outer: Operator, inner: Operator) -> None:
        super().__init__(inner.domain_shape, outer.range_shape)
        self.outer, self.inner = outer, inner
        self.domain_field, self.range_field = _composed_fields(outer, inner)

    def apply(self, x: Tensor) -> Tensor:
        return self.outer(self.inner(x))

    @classmethod
    def examples(cls) -> Iterator[Operator]:
        from recon.operators.functionals.squared_l2 import SquaredL2

        yield cls(SquaredL2((4,)), Diagonal(torch.tensor([1.0, 2.0, -1.0, 0.5])))


def _composed_fields(outer: Operator, inner: Operator) -> tuple[Field, Field]:
    _join(inner.range_field, outer.domain_field, f"{outer.name} @ {inner.name}")
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
        self.domain_field = _join(first.domain_field, second.domain_field, where)
        self.range_field = _join(first.range_field, second.range_field, where)

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
            self.domain_field = _join("complex", self.domain_field, f"{factor} * {operator.name}")
            self.range_field = _join("complex", self.range_field, f"{factor} * {operator.name}")

    def apply(self, x: Tensor) -> Tensor:
        return self.factor * self.operator(x)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self.factor.conjugate() * self.operator.adjoint(y)

    def known_norm(self) -> float | None:
        norm = self.operator.known_norm()
        return None if norm is None else abs(self.factor) * norm

    def norm(self, rtol: float = 1e-2, device: torch.device | str | None = None) -> float:
        return abs(self.factor) * self.operator.norm(rtol, device)

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

    def norm(self, rtol: float = 1e-2, device: torch.device | str | None = None) -> float:
        return self.operator.norm(rtol, device)

    @property
    def H(self) -> LinearOperator:
        return self.operator

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls(Stack(Identity((2,)), Diagonal(torch.tensor([1.0, 3.0]))))


class Stack(LinearOperator):
    """x ↦ (A₁x, A₂x, …), each flattened and concatenated; the adjoint sums Aᵢᴴyᵢ.

    The range is one vector of length Σ mᵢ; :meth:`split` gives the parts back in their own shapes and
    :meth:`join` is its inverse.
    """

    def __init__(self, *operators: LinearOperator) -> None:
        if not operators:
            raise ValueError("Stack expects at least one operator.")
        domains = {op.domain_shape for op in operators}
        if len(domains) != 1:
            raise ValueError(f"Stack expects operators on one domain, got {sorted(domains)}.")
        super().__init__(operators[0].domain_shape, (sum(prod(op.range_shape) for op in operators),))
        self.operators = operators
        for op in operators:
            self.domain_field = _join(self.domain_field, op.domain_field, "Stack")
            self.range_field = _join(self.range_field, op.range_field, "Stack")

    def split(self, y: Tensor) -> tuple[Tensor, ...]:
        """The parts of a stacked ``(*batch, Σmᵢ)``, each ``(*batch, *range_shapeᵢ)``."""
        parts = torch.split(y, [prod(op.range_shape) for op in self.operators], dim=-1)
        return tuple(p.reshape(*p.shape[:-1], *op.range_shape) for p, op in zip(parts, self.operators, strict=True))

    def join(self, parts: Sequence[Tensor]) -> Tensor:
        """Flatten and concatenate parts laid out as by :meth:`split`."""
        flat = [
            p.reshape(*p.shape[: p.ndim - len(op.range_shape)], prod(op.range_shape))
            for p, op in zip(parts, self.operators, strict=True)
        ]
        return torch.cat(flat, dim=-1)

    def apply(self, x: Tensor) -> Tensor:
        return self.join([op(x) for op in self.operators])

    def apply_adjoint(self, y: Tensor) -> Tensor:
        parts = self.split(y)
        total = self.operators[0].adjoint(parts[0])
        for op, part in zip(self.operators[1:], parts[1:], strict=True):
            total = total + op.adjoint(part)
        return total

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls(Identity((2, 3)), Diagonal(torch.arange(6.0).reshape(2, 3)))


class Diagonal(LinearOperator):
    """x ↦ d ⊙ x with a fixed tensor d; the adjoint multiplies by d̄. ‖A‖ = max|d|."""

    def __init__(self, diagonal: Tensor) -> None:
        self.diagonal = fixed(diagonal, "Diagonal", "diagonal")
        super().__init__(self.diagonal.shape, self.diagonal.shape)
        if self.diagonal.is_complex():
            self.domain_field = self.range_field = "complex"

    def apply(self, x: Tensor) -> Tensor:
        return self.constant("diagonal", x) * x

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self.constant("diagonal", y).conj() * y

    def known_norm(self) -> float | None:
        return float(self.diagonal.abs().max())

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"solve_normal", "pinv", "svd"})

    def solve_normal(self, b: Tensor, rho: float | Tensor) -> Tensor:
        return b / (self.constant("diagonal", b).abs().square() + per_item(rho, b, len(self.domain_shape)))

    def pinv(self, y: Tensor) -> Tensor:
        d = self.constant("diagonal", y)
        return torch.where(d == 0, 0, y / torch.where(d == 0, 1, d))

    def svd(self) -> SVD:
        phase = torch.where(self.diagonal == 0, 1, self.diagonal.sgn())
        return SVD(Diagonal(phase), self.diagonal.abs(), Identity(self.domain_shape))

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls(torch.tensor([[1.0, 0.0], [-2.0, 0.5]]))
        yield cls(torch.tensor([1j, 1 + 1j, 0, -2.0]))


class Identity(LinearOperator):
    """x ↦ x on tensors of one shape; unitary."""

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__(shape, shape)

    def apply(self, x: Tensor) -> Tensor:
        return x

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return y

    def known_norm(self) -> float | None:
        return 1.0

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"solve_normal", "pinv", "svd"})

    def solve_normal(self, b: Tensor, rho: float | Tensor) -> Tensor:
        return b / (1 + per_item(rho, b, len(self.domain_shape)))

    def pinv(self, y: Tensor) -> Tensor:
        return y

    def svd(self) -> SVD:
        return SVD(self, torch.ones(self.domain_shape), self)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls((2, 3))


class FromFunctions(LinearOperator):
    """The operator of :meth:`LinearOperator.from_functions`."""

    def __init__(
        self,
        forward: Callable[[Tensor], Tensor],
        adjoint: Callable[[Tensor], Tensor],
        domain_shape: Sequence[int],
        range_shape: Sequence[int],
        domain_field: Field,
        range_field: Field,
        norm: float | None,
    ) -> None:
        super().__init__(domain_shape, range_shape)
        self.forward_function, self.adjoint_function = forward, adjoint
        self.domain_field, self.range_field = domain_field, range_field
        self._given_norm = norm

    def apply(self, x: Tensor) -> Tensor:
        return self.forward_function(x)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self.adjoint_function(y)

    def known_norm(self) -> float | None:
        return self._given_norm

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls(_double, _double, (3,), (3,), "any", "any", 2.0)


class Derivative(LinearOperator):
    """v ↦ DA(x)[v] at a fixed item x; the adjoint is the vjp."""

    def __init__(self, operator: Operator, x: Tensor) -> None:
        operator.check(x, operator.domain_shape, operator.domain_field)
        if x.shape != operator.domain_shape:
            raise ValueError(f"Derivative expects one item of shape {operator.domain_shape}, got {tuple(x.shape)}.")
        super().__init__(operator.domain_shape, operator.range_shape)
        self.operator, self.x = operator, x.detach().clone()
        self.domain_field = "complex" if x.is_complex() else "real"
        self.range_field = operator.range_field if operator.range_field != "any" else self.domain_field

    def _run(self, function: Callable[[Tensor, Tensor], Tensor], v: Tensor, shape: Shape) -> Tensor:
        x = self.constant("x", v)
        batch = v.shape[: v.ndim - len(shape)]
        return function(x.repeat(*batch, *(1,) * x.ndim), v)

    def apply(self, x: Tensor) -> Tensor:
        return self._run(self.operator.jvp, x, self.domain_shape)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self._run(self.operator.vjp, y, self.range_shape)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        from recon.operators.functionals.squared_l2 import SquaredL2

        yield cls(SquaredL2((3,)), torch.tensor([1.0, -2.0, 0.5]))


def _double(x: Tensor) -> Tensor:
    return 2 * x
