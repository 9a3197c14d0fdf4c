"""Evaluating linear operators so that each one's adjoint is its derivative."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from recon.operators.operator import Shape

if TYPE_CHECKING:
    from recon.operators.linear import LinearOperator


def evaluate(x: Tensor, op: LinearOperator, adjoint: bool) -> Tensor:
    """The operator or its adjoint; where nothing is differentiated, without the cost of a node in the graph."""
    plain = not torch.is_grad_enabled() and forward_ad._current_level < 0
    if plain and not torch._C._are_functorch_transforms_active():
        return _Apply.forward(x, op, adjoint)
    return _Apply.apply(x, op, adjoint)  # type: ignore[no-any-return]


class _Apply(torch.autograd.Function):
    """Runs an operator or its adjoint; each is the other's derivative, to any order."""

    @staticmethod
    def forward(x: Tensor, op: LinearOperator, adjoint: bool) -> Tensor:
        shape_in, shape_out = op.domain_shape, op.range_shape
        if adjoint:
            shape_in, shape_out = shape_out, shape_in
        batch: Shape = tuple(x.shape[: x.ndim - len(shape_in)])
        half = x.dtype in (torch.float16, torch.bfloat16, torch.complex32) and (x.is_complex() or not op.takes_half(x))
        work = x.to(torch.complex64 if x.is_complex() else torch.float32) if half else x
        if work.numel() == 0:  # an empty batch: run one zero item to learn the output's dtype
            work = work.new_zeros(shape_in)
        out = op.apply_adjoint(work) if adjoint else op.apply(work)
        if x.numel() == 0:
            out = out.new_zeros((*batch, *shape_out))
        elif tuple(out.shape) != (*batch, *shape_out):
            method = "apply_adjoint" if adjoint else "apply"
            raise ValueError(
                f"{op.name}.{method} returned shape {tuple(out.shape)} for an input of shape {tuple(x.shape)}; "
                f"expected {(*batch, *shape_out)}."
            )
        if half:
            out = out.to(torch.complex32 if out.is_complex() else x.dtype if not x.is_complex() else torch.float16)
        return out.clone() if out is x else out

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, LinearOperator, bool], output: Tensor) -> None:
        x, ctx.op, ctx.adjoint = inputs
        ctx.real_input, ctx.real_output = not x.is_complex(), not output.is_complex()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        out = _Apply.apply(grad, ctx.op, not ctx.adjoint)
        return (out.real if ctx.real_input and out.is_complex() else out), None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        return _Apply.apply(tangent, ctx.op, ctx.adjoint)  # type: ignore[no-any-return]

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor, op: LinearOperator, adjoint: bool) -> tuple[Tensor, int]:
        return _Apply.apply(x.movedim(in_dims[0], 0), op, adjoint), 0
