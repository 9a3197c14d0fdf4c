"""Soft thresholds of singular values, with derivatives that stay finite where singular values meet or vanish."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def singular_values(matrices: Tensor) -> Tensor:
    """Singular values of ``(..., m, n)``, ``(..., min(m, n))``; NaN for matrices that are not finite."""
    sound, finite = _sound(matrices)
    s: Tensor = torch.linalg.svdvals(sound)
    return torch.where(finite.squeeze(-1), s, torch.nan)


def shrink_singular_values(matrices: Tensor, threshold: Tensor | float) -> Tensor:
    """U max(S − t, 0) Vᴴ for matrices U S Vᴴ of shape ``(..., m, n)``; t is a number or has shape ``(...)``.

    Differentiable in both, forward and backward once. NaN for matrices that are not finite.
    """
    sound, finite = _sound(matrices)
    real = sound.real if sound.is_complex() else sound
    t = torch.as_tensor(threshold, dtype=real.dtype, device=real.device).expand(matrices.shape[:-2])
    shrunk, *_ = _Shrink.apply(sound, t)
    return torch.where(finite, shrunk, torch.nan)


def _sound(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Zeros in place of matrices that are not finite, for which LAPACK raises, and which are."""
    finite = torch.isfinite(matrices).all(-1, keepdim=True).all(-2, keepdim=True)
    return torch.where(finite, matrices, 0), finite


class _Shrink(torch.autograd.Function):
    """Its derivative is self-adjoint: that of a singular value function with g(s) = max(s − t, 0).

    Source: Lewis and Sendov, Set-Valued Anal. 13 (2005) 243, for the formula, here with divided differences of g
    written so that they do not cancel.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        U, s, Vh = torch.linalg.svd(x, full_matrices=False)
        return (U * torch.relu(s - t[..., None])[..., None, :]) @ Vh, U, s, Vh

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: tuple[Tensor, ...]) -> None:
        _, U, s, Vh = output
        ctx.mark_non_differentiable(U, s, Vh)
        ctx.save_for_backward(inputs[1], U, s, Vh)
        ctx.save_for_forward(inputs[1], U, s, Vh)

    @staticmethod
    def backward(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor, Tensor]:
        t, U, s, Vh = ctx.saved_tensors
        kept = (s > t[..., None]).to(s.dtype)
        return _derivative(grad, t, U, s, Vh), -(kept * _diagonal(U, grad, Vh)).sum(-1)

    @staticmethod
    def jvp(ctx: Any, dx: Tensor | None, dt: Tensor | None) -> tuple[Tensor, None, None, None]:
        t, U, s, Vh = ctx.saved_tensors
        change = torch.zeros_like(U @ Vh) if dx is None else _derivative(dx, t, U, s, Vh)
        if dt is not None:
            kept = (s > t[..., None]).to(s.dtype) * dt[..., None]
            change = change - (U * kept[..., None, :]) @ Vh
        return change, None, None, None


def _diagonal(U: Tensor, G: Tensor, Vh: Tensor) -> Tensor:
    """Re diag(Uᴴ G V)."""
    product = U.conj() * (G @ Vh.mH)
    return (product.real if product.is_complex() else product).sum(-2)


def _derivative(G: Tensor, t: Tensor, U: Tensor, s: Tensor, Vh: Tensor) -> Tensor:
    """The derivative of the soft threshold at U diag(s) Vᴴ, along G."""
    threshold = t[..., None, None]
    a, b = s[..., :, None], s[..., None, :]
    large, small = torch.maximum(a, b), torch.minimum(a, b)
    crossing = (large > threshold) & (small <= threshold)
    quotient = (large - threshold) / torch.where(crossing, large - small, 1)
    difference = torch.where(small > threshold, 1, torch.where(crossing, quotient, 0))
    total = a + b
    sums = (torch.relu(a - threshold) + torch.relu(b - threshold)) / torch.where(total > 0, total, 1)
    share = torch.relu(s - t[..., None]) / torch.where(s > 0, s, 1)

    GV, UG = G @ Vh.mH, U.mH @ G
    P = U.mH @ GV
    even, odd = (P + P.mH) / 2, (P - P.mH) / 2
    inner = difference * even + sums * odd
    left = (GV - U @ P) * share[..., None, :]
    right = share[..., :, None] * (UG - P @ Vh)
    return (U @ inner + left) @ Vh + U @ right
