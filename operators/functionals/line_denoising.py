"""The exact prox of total variation along lines, with its derivatives."""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import Tensor


def denoise_lines(y: Tensor, bound: Tensor) -> Tensor:
    """argmin_x ½‖x − y‖² + Σ_k b_k|x_{k+1} − x_k| along the last dimension of y, real, with b ≥ 0 of one entry less.

    Computed on the CPU in double precision, wherever y is. The derivative follows from the segments on which x is
    constant: there dx is the mean of dy − Dᵀ(s db), s the signs of the differences of x; both directions of automatic
    differentiation use it, to any order.

    Sources: Johnson, J. Comput. Graph. Stat. 22 (2013) 246, for the algorithm; Davies and Kovac, Ann. Stat. 29 (2001)
    1, for the taut string it is equal to.
    """
    out: Tensor = _Denoise.apply(y, bound)
    return out


class _Denoise(torch.autograd.Function):
    """x(y, b), and its derivative through segments."""

    @staticmethod
    def forward(y: Tensor, bound: Tensor) -> Tensor:
        from recon.operators.functionals.kernels.line_tv import denoise_lines as kernel

        n, count = y.shape[-1], prod(y.shape[:-1])
        lines = y.detach().to("cpu", torch.float64).reshape(count, n).contiguous()
        bounds = bound.detach().to("cpu", torch.float64).expand(*y.shape[:-1], max(n - 1, 0))
        out = torch.empty_like(lines)
        kernel(lines.numpy(), bounds.reshape(count, max(n - 1, 0)).contiguous().numpy(), out.numpy())
        return out.reshape(y.shape).to(y)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(output)
        ctx.save_for_forward(output)
        ctx.bound_shape = inputs[1].shape

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        (x,) = ctx.saved_tensors
        mean = segment_means(grad, x)
        slope = -torch.sign(x.diff(dim=-1)) * mean.diff(dim=-1)
        return mean, slope.sum_to_size(ctx.bound_shape)

    @staticmethod
    def jvp(ctx: Any, dy: Tensor | None, db: Tensor | None) -> Tensor:
        (x,) = ctx.saved_tensors
        total = torch.zeros_like(x) if dy is None else dy
        if db is not None:
            pull = torch.sign(x.diff(dim=-1)) * db
            total = total + torch.nn.functional.pad(pull, (0, 1)) - torch.nn.functional.pad(pull, (1, 0))
        return segment_means(total, x)


def segment_means(v: Tensor, x: Tensor) -> Tensor:
    """The mean of v over each segment of the last dimension on which x is constant."""
    starts = torch.ones_like(x, dtype=torch.long)
    starts[..., 1:] = x.diff(dim=-1) != 0
    index = starts.reshape(-1).cumsum(0) - 1  # segments of all lines in one row
    flat = v.reshape(-1)
    count = flat.numel()
    zeros = torch.zeros(count, dtype=v.dtype, device=v.device)
    totals = zeros.index_add(0, index, flat)
    sizes = zeros.index_add(0, index, torch.ones_like(flat))
    return (totals / sizes.clamp(min=1))[index].reshape(v.shape)
