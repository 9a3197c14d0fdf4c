"""A nonlinear ODL operator as an operator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from recon.operators.bridges.odl_space import OdlSpace
from recon.operators.operator import Operator


class OdlOperator(Operator):
    """x ↦ A(x) for an operator A of ODL, differentiated by its ``derivative``; made by :func:`from_odl`.

    First derivatives, in both modes; ODL has no second ones. Items of a batch go through ODL one by one, in the
    precision of its spaces.
    """

    def __init__(self, operator: Any) -> None:
        self.operator = operator
        self.domain, self.range = OdlSpace(operator.domain), OdlSpace(operator.range)
        super().__init__(self.domain.shape, self.range.shape)
        self.domain_field, self.range_field = self.domain.field, self.range.field
        self.domain_weights, self.range_weights = self.domain.weights(), self.range.weights()

    def apply(self, x: Tensor) -> Tensor:
        out: Tensor = _Evaluate.apply(x, self)
        return out

    def jvp(self, x: Tensor, v: Tensor) -> Tensor:
        self.check(x, self.domain_shape, self.domain_field)
        self.check(v, self.domain_shape, self.domain_field)
        out: Tensor = _Derivative.apply(x, v, self, False)
        return out

    def vjp(self, x: Tensor, w: Tensor) -> Tensor:
        self.check(x, self.domain_shape, self.domain_field)
        self.check(w, self.range_shape, self.range_field)
        out: Tensor = _Derivative.apply(x, w, self, True)
        return out

    def values(self, x: Tensor) -> Tensor:
        """A(x), item by item."""
        batch = self.batch_shape(x)
        items = [self.range.tensor(self.operator(self.domain.element(t)), x) for t in x.reshape(-1, *self.domain_shape)]
        return (
            torch.stack(items).reshape((*batch, *self.range_shape))
            if items
            else x.new_zeros((*batch, *self.range_shape))
        )

    def derivatives(self, x: Tensor, v: Tensor, adjoint: bool) -> Tensor:
        """DA(x)v or DA(x)ᴴv, item by item."""
        source, target = (self.range, self.domain) if adjoint else (self.domain, self.range)
        batch = self.batch_shape(x)
        v = v / self.constant("range_weights", v) if adjoint else v
        items = []
        for point, direction in zip(x.reshape(-1, *self.domain_shape), v.reshape(-1, *source.shape), strict=True):
            derivative = self.operator.derivative(self.domain.element(point))
            derivative = derivative.adjoint if adjoint else derivative
            items.append(target.tensor(derivative(source.element(direction)), x))
        out = torch.stack(items).reshape((*batch, *target.shape)) if items else x.new_zeros((*batch, *target.shape))
        return out * self.constant("domain_weights", out) if adjoint else out

    @property
    def name(self) -> str:
        return type(self.operator).__name__

    @classmethod
    def examples(cls) -> Iterator[Operator]:
        import odl

        from recon.operators.bridges.from_odl import from_odl

        yield from_odl(odl.PowerOperator(odl.uniform_discr(0, 2, 5), 3))


class _Evaluate(torch.autograd.Function):
    """A(x)."""

    @staticmethod
    def forward(x: Tensor, op: OdlOperator) -> Tensor:
        return op.values(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, OdlOperator], output: Tensor) -> None:
        x, ctx.op = inputs
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _Derivative.apply(*ctx.saved_tensors, grad, ctx.op, True), None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        out: Tensor = _Derivative.apply(*ctx.saved_tensors, tangent, ctx.op, False)
        return out

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor, op: OdlOperator) -> tuple[Tensor, int]:
        return _Evaluate.apply(x.movedim(in_dims[0], 0), op), 0


class _Derivative(torch.autograd.Function):
    """DA(x)v, or DA(x)ᴴv; each is the other's derivative with respect to v, and there is none with respect to x."""

    @staticmethod
    def forward(x: Tensor, v: Tensor, op: OdlOperator, adjoint: bool) -> Tensor:
        return op.derivatives(x, v, adjoint)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, OdlOperator, bool], output: Tensor) -> None:
        x, _, ctx.op, ctx.adjoint = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor, None, None]:
        if ctx.needs_input_grad[0]:
            raise RuntimeError(f"ODL's {ctx.op.name} has first derivatives only; it cannot be differentiated twice.")
        out: Tensor = _Derivative.apply(*ctx.saved_tensors, grad, ctx.op, not ctx.adjoint)
        return None, out, None, None

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor, v: Tensor, op: OdlOperator, adjoint: bool) -> tuple[Tensor, int]:
        x = x.expand(info.batch_size, *x.shape) if in_dims[0] is None else x.movedim(in_dims[0], 0)
        v = v.expand(info.batch_size, *v.shape) if in_dims[1] is None else v.movedim(in_dims[1], 0)
        return _Derivative.apply(x, v, op, adjoint), 0
