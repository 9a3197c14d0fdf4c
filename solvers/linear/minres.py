"""The minimal residual method, item by item."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from recon.operators.tensors import all_done, item_dot
from recon.solvers.linear.cg import CGInfo


def minres(
    operator: Callable[[Tensor], Tensor],
    b: Tensor,
    ndim: int,
    x0: Tensor | None = None,
    rtol: float = 1e-6,
    max_iter: int = 100,
    preconditioner: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, CGInfo]:
    """Solve M x = b for a self-adjoint M, definite or not, by the x of least ‖b − Mx‖ in each Krylov space.

    Every item has its own step lengths and stops by itself once ‖b − Mx‖ ≤ rtol·‖b − Mx0‖ (rtol·‖b‖ for x0 = 0), at
    the level of rounding, or after ``max_iter`` iterations; what was reached is in the second return value, as the
    recursion carries it. If M is singular and b in its range the limit is a solution, else the residual does not
    vanish.

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
    preconditioner
        A self-adjoint positive definite P near |M|⁻¹ up to a factor; norms of residuals are then √⟨r, Pr⟩.

    Sources: Paige and Saunders, SIAM J. Numer. Anal. 12 (1975) 617; Elman, Silvester and Wathen, Finite Elements and
    Fast Iterative Solvers (2014), algorithm 4.1.
    """
    wide = (..., *(None,) * ndim)

    def apply(v: Tensor) -> Tensor:
        return v if preconditioner is None else preconditioner(v)

    x = torch.zeros_like(b) if x0 is None else x0
    v, v_old = b if x0 is None else b - operator(x0), torch.zeros_like(b)
    z = apply(v)
    size, gamma = item_dot(b, apply(b), ndim).clamp(min=0).sqrt(), item_dot(v, z, ndim).clamp(min=0).sqrt()
    target = torch.maximum(rtol * gamma, 16 * torch.finfo(gamma.dtype).eps * size)
    eta, gamma_old = gamma, torch.ones_like(gamma)
    w, w_old = torch.zeros_like(b), torch.zeros_like(b)
    cos, cos_old = torch.ones_like(gamma), torch.ones_like(gamma)
    sin, sin_old = torch.zeros_like(gamma), torch.zeros_like(gamma)
    iterations = torch.zeros(gamma.shape, dtype=torch.long, device=b.device)
    running = torch.ones(gamma.shape, dtype=torch.bool, device=b.device)
    for k in range(max_iter):
        running = running & (eta.abs() > target) & (gamma > 0)
        if all_done(running, k):
            break
        unit = torch.where(running, gamma, 1)
        z = z / unit[wide]
        q = operator(z)
        delta = item_dot(q, z, ndim)
        v_next = q - (delta / unit)[wide] * v - (unit / gamma_old)[wide] * v_old
        z_next = apply(v_next)
        gamma_next = item_dot(v_next, z_next, ndim).clamp(min=0).sqrt()
        a0 = cos * delta - cos_old * sin * unit
        a1 = (a0.square() + gamma_next.square()).sqrt()
        running = running & (a1 > 0)  # no direction is left: this item stops for good
        a1 = torch.where(running, a1, 1)
        a2, a3 = sin * delta + cos_old * cos * unit, sin_old * unit
        cos_next, sin_next = a0 / a1, gamma_next / a1
        w_next = (z - a3[wide] * w_old - a2[wide] * w) / a1[wide]
        x = torch.where(running[wide], x + (cos_next * eta)[wide] * w_next, x)
        eta = torch.where(running, -sin_next * eta, eta)
        v_old, v, z, w_old, w = v, v_next, z_next, w, w_next
        gamma_old, gamma = unit, gamma_next
        cos_old, cos, sin_old, sin = cos, cos_next, sin, sin_next
        iterations = iterations + running
    residual = eta.abs() / torch.where(size > 0, size, 1)
    return x, CGInfo(iterations, residual.detach())
