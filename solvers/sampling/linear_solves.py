"""Systems with the covariance that data have under white uncertainty of the image."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators.linear import LinearOperator
from recon.operators.operator import Operator
from recon.operators.tensors import per_item
from recon.solvers.linear.cg import CGInfo, cg
from recon.solvers.sampling.scatter import Scatter
from recon.solvers.sampling.tangent import Tangent


def pull(
    operator: Operator,
    at: Tangent,
    sigma_y: Scatter,
    r: Tensor,
    rho: float | Tensor,
    rtol: float = 1e-4,
    max_iter: int = 50,
) -> tuple[Tensor, CGInfo]:
    """Aᴴ (Σ + ρ A Aᴴ)⁻¹ r per item, by which c + ρ · pull(y − A c) = argmin_x ‖y − A x‖²_{Σ⁻¹} + ‖x − c‖²/ρ.

    In closed form where the operator has ``solve_normal`` and the noise is white: ρ⁻¹ (AᴴA + (σ_y²/ρ) I)⁻¹ Aᴴ r, in
    double precision unless the operator is ``elementwise``, since σ_y²/ρ may be too small for what rounding leaves in
    its kernel; else by conjugate gradients in the space of data.

    Parameters
    ----------
    operator, at
        A, and its tangent (:func:`recon.solvers.sampling.tangent.tangent`), which stands for A where it is nonlinear.
    r
        ``(batch, *range_shape)``.
    rho
        ρ > 0, one number or one per item.
    rtol, max_iter
        Where conjugate gradients stop; what they reached is the second value, zeros for the closed form.
    """
    real = r.real.dtype if r.is_complex() else r.dtype
    white = sigma_y.white
    if white is not None and isinstance(operator, LinearOperator) and "solve_normal" in operator.capabilities:
        precise = real if operator.elementwise else torch.float64
        b = operator.adjoint(r.to(precise.to_complex() if r.is_complex() else precise))
        rho = rho.to(r.device, precise) if isinstance(rho, Tensor) else rho
        x = operator.solve_normal(b, white.to(precise) / rho) / per_item(rho, b, b.ndim - 1)
        zero = white.new_zeros(len(r))
        return x.to(r.dtype if x.is_complex() == r.is_complex() else real), CGInfo(zero, zero)
    rank, rho = r.ndim - 1, rho.to(r.device, real) if isinstance(rho, Tensor) else rho

    def system(v: Tensor) -> Tensor:
        image: Tensor = per_item(rho, v, rank) * at.forward(at.adjoint(v))
        return sigma_y.times(v) + image

    v, info = cg(system, r, rank, rtol=rtol, max_iter=max_iter)
    v = sound(v, info)
    return at.adjoint(v), CGInfo(info.iterations.to(real), info.residual)


def sound(v: Tensor, info: CGInfo) -> Tensor:
    """A solution, NaN where numbers overflowed on the way to it: that must not pass for one."""
    marks = torch.where(torch.isfinite(info.residual), 1.0, torch.nan).to(info.residual)
    out: Tensor = v * per_item(marks, v, v.ndim - 1)
    return out
