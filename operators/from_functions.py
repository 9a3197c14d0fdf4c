"""Operators made of two functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from torch import Tensor

from recon.operators.linear import LinearOperator
from recon.operators.operator import Field


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
        differentiable: bool = False,
    ) -> None:
        super().__init__(domain_shape, range_shape)
        self.forward_function, self.adjoint_function = forward, adjoint
        self.domain_field, self.range_field = domain_field, range_field
        self._given_norm, self.differentiable = norm, differentiable

    def __call__(self, x: Tensor) -> Tensor:
        if not self.differentiable:
            return super().__call__(x)
        self.check(x, self.domain_shape, self.domain_field)
        return self.forward_function(x)

    def adjoint(self, y: Tensor) -> Tensor:
        if not self.differentiable:
            return super().adjoint(y)
        self.check(y, self.range_shape, self.range_field)
        return self.adjoint_function(y)

    def apply(self, x: Tensor) -> Tensor:
        return self.forward_function(x)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self.adjoint_function(y)

    def known_norm(self) -> float | None:
        return self._given_norm

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls(_double, _double, (3,), (3,), "any", "any", 2.0)
        yield cls(_double, _double, (3,), (3,), "any", "any", 2.0, True)


def _double(x: Tensor) -> Tensor:
    return 2 * x
