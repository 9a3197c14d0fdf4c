"""Nonuniform Fourier sums that are differentiable in what is transformed and in the points, to any order."""

from __future__ import annotations

from math import pi
from typing import Any

import torch
from torch import Tensor

from recon.operators.mri.kernels.nufft import LazyPlans
from recon.operators.operator import Shape


def nonuniform_sum(x: Tensor, points: Tensor, shape: Shape, plans: LazyPlans, adjoint: bool) -> Tensor:
    """The forward sum of images ``(items, *shape)``, or the adjoint sum of samples ``(items, M)``.

    ``points`` is ``(ndim, shots, samples)`` with the values for which the plans are.

    With A(k) the forward sum and n the position of a pixel from the centre, ∂A/∂k_d x = A(−2πi n_d x): the derivative
    with respect to the points of ⟨y, A x⟩ is the sum over items of Re(ȳ · A(−2πi n_d x)).
    """
    out: Tensor = _Sum.apply(x, points, shape, plans, adjoint)
    return out


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(x: Tensor, points: Tensor, shape: Shape, plans: LazyPlans, adjoint: bool) -> Tensor:
        sums = plans.at(points)
        return sums.adjoint(x) if adjoint else sums.forward(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Shape, LazyPlans, bool], output: Tensor) -> None:
        x, points, ctx.shape, ctx.plans, ctx.adjoint = inputs
        ctx.save_for_backward(x, points)
        ctx.save_for_forward(x, points)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        x, points = ctx.saved_tensors
        grad_x = grad_points = None
        if ctx.needs_input_grad[0]:
            grad_x = _Sum.apply(grad, points, ctx.shape, ctx.plans, not ctx.adjoint)
        if ctx.needs_input_grad[1]:
            image, data = (grad, x) if ctx.adjoint else (x, grad)
            change = nonuniform_sum(_moments(image, ctx.shape), points, ctx.shape, ctx.plans, False)
            change = change.reshape(len(ctx.shape), *data.shape)
            grad_points = (data.conj() * change).real.sum(1).reshape(points.shape).to(points)
        return grad_x, grad_points, None, None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor | None, moved: Tensor | None, *_: None) -> Tensor:
        x, points = ctx.saved_tensors
        shape, plans, adjoint = ctx.shape, ctx.plans, ctx.adjoint
        total: Tensor | None = None
        if tangent is not None:
            total = nonuniform_sum(tangent, points, shape, plans, adjoint)
        if moved is not None:
            moved = moved.flatten(1).to(x.real.dtype)
            if adjoint:
                shifted = (moved[:, None] * x).reshape(-1, x.shape[-1])
                parts = nonuniform_sum(shifted, points, shape, plans, True).reshape(len(shape), len(x), *shape)
                change = (_positions(x, shape)[:, None].conj() * parts).sum(0)
            else:
                parts = nonuniform_sum(_moments(x, shape), points, shape, plans, False)
                change = (moved[:, None] * parts.reshape(len(shape), len(x), -1)).sum(0)
            total = change if total is None else total + change
        assert total is not None
        return total


def _moments(x: Tensor, shape: Shape) -> Tensor:
    """−2πi n_d x for every axis d, ``(ndim · items, *shape)``."""
    return (_positions(x, shape)[:, None] * x).reshape(-1, *shape)


def _positions(like: Tensor, shape: Shape) -> Tensor:
    """−2πi (n_d − N_d//2), ``(ndim, *shape)``."""
    axes = [torch.arange(n, dtype=torch.float64, device=like.device) - n // 2 for n in shape]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    return (-2j * pi * grid).to(like.dtype)
