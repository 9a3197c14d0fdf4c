"""A⁺, in closed form or by conjugate gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators.linear import LinearOperator
from recon.solvers.linear.cg import CGInfo, cg
from recon.solvers.sampling.linear_solves import sound


def pseudo_inverse(operator: LinearOperator, y: Tensor, rtol: float, max_iter: int) -> tuple[Tensor, CGInfo]:
    """A⁺y per item, and how well it was solved for: zeros for the closed form.

    In closed form where the operator has ``pinv``, else by conjugate gradients on AᴴA x = Aᴴy from zero, which tend to
    the least-squares solution of least norm. Stopping regularises: what small singular values have to add is left out,
    the more the larger ``rtol`` and the smaller ``max_iter``.
    """
    real = y.real.dtype if y.is_complex() else y.dtype
    zero = torch.zeros(len(y), dtype=real, device=y.device)
    if "pinv" in operator.capabilities:
        return operator.pinv(y), CGInfo(zero, zero)
    x, info = cg(operator.normal, operator.adjoint(y), len(operator.domain_shape), rtol=rtol, max_iter=max_iter)
    return sound(x, info), CGInfo(info.iterations.to(real), info.residual)
