"""The derivative of an operator at a point."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from recon.operators.linear import LinearOperator
from recon.operators.operator import Operator, Shape


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
