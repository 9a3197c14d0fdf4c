"""Conjugate gradients, item by item."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.tensors import all_done, item_dot


class CGInfo(NamedTuple):
    """Per item: iterations done, and ‖b − Mx‖/‖b‖ as the recursion carries it."""

    iterations: Tensor
    residual: Tensor


def cg(
    operator: Callable[[Tensor], Tensor],
    b: Tensor,
    ndim: int,
    x0: Tensor | None = None,
    rtol: float = 1e-6,
    max_iter: int = 100,
    conjugacy: float = inf,
    preconditioner: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, CGInfo]:
    """Solve M x = b for a self-adjoint positive semidefinite M by conjugate gradients.

    Every item has its own step lengths and stops by itself once ‖b − Mx‖ ≤ rtol·‖b − Mx0‖ (rtol·‖b‖ for x0 = 0), at
    the level of rounding, or after ``max_iter`` iterations; what was reached is in the second return value, never
    assumed.

    Parameters
    ----------
    operator
        M on tensors ``(*batch, *shape)``, acting on items independently.
    b
        Right-hand sides, ``(*batch, *shape)``, real or complex.
    ndim
        Number of dimensions of one item.
    x0
        Starting point, zero by default.
    conjugacy
        Guard for an M that may not be self-adjoint: an item stops before a direction p_k for which
        |⟨p_{k−1}, M p_k⟩| > conjugacy·(⟨p_{k−1}, M p_{k−1}⟩⟨p_k, M p_k⟩)^½; for a self-adjoint M the left side is zero.
    preconditioner
        A self-adjoint positive definite P near M⁻¹ up to a factor, on the same tensors, such as :func:`chebyshev`
        makes; stopping still goes by the residual itself.

    Source: Hestenes and Stiefel, J. Res. Natl. Bur. Stand. 49 (1952) 409.
    """
    wide = (..., *(None,) * ndim)
    x = torch.zeros_like(b) if x0 is None else x0
    r = b if x0 is None else b - operator(x0)
    size, square = item_dot(b, b, ndim), item_dot(r, r, ndim)
    target = torch.maximum(rtol**2 * square, (16 * torch.finfo(square.dtype).eps) ** 2 * size)
    p = r if preconditioner is None else preconditioner(r)
    rho = square if preconditioner is None else item_dot(r, p, ndim)
    last, last_curvature = torch.zeros_like(b), torch.ones_like(rho)
    iterations = torch.zeros(rho.shape, dtype=torch.long, device=b.device)
    running = torch.ones(rho.shape, dtype=torch.bool, device=b.device)
    for k in range(max_iter):
        running = running & (square > target) & (rho > 0)
        if all_done(running, k):
            break
        q = operator(p)
        curvature = item_dot(p, q, ndim)
        running = running & (curvature > 0)  # M is not positive along p: this item stops for good
        if conjugacy < inf:
            limit = conjugacy * (last_curvature * curvature.clamp(min=0)).sqrt()
            running = running & (item_dot(last, q, ndim).abs() <= limit)
        alpha = torch.where(running, rho / torch.where(running, curvature, 1), 0)
        x = x + alpha[wide] * p
        r = r - alpha[wide] * q
        square = torch.where(running, item_dot(r, r, ndim), square)
        z = r if preconditioner is None else preconditioner(r)
        rho_next = square if preconditioner is None else torch.where(running, item_dot(r, z, ndim), rho)
        beta = torch.where(running, rho_next / torch.where(rho > 0, rho, 1), 0)
        last, last_curvature = p, torch.where(running, curvature, 1)
        p = z + beta[wide] * p
        rho = rho_next
        iterations = iterations + running
    residual = (square / torch.where(size > 0, size, 1)).sqrt()
    return x, CGInfo(iterations, residual.detach())
