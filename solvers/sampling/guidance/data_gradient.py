"""How the data residual changes with the state."""

from __future__ import annotations

from math import hypot
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.tensors import item_norm, per_item
from recon.priors.learned.diffusion import DiffusionPrior, Pullback
from recon.solvers.problem import Problem
from recon.solvers.sampling.integrators.integrator import Level
from recon.solvers.sampling.scatter import scatter
from recon.solvers.sampling.tangent import tangent


class DataGradient(NamedTuple):
    """∇‖W (y − A(x̂₀))‖ as a displacement of the next state: ``factor`` times ``direction``; and the norm per item."""

    direction: Tensor
    factor: Tensor
    norm: Tensor


def data_gradient(
    problem: Problem, prior: DiffusionPrior, x0: Tensor, pullback: Pullback, level: Level, times: float = 1.0
) -> DataGradient:
    """The gradient in the prior's variance-preserving coordinates x_i, taken as a displacement of x_{i−1}.

    W is the identity for white noise. Else WᴴW = v̄ Σ⁻¹, Σ the covariance of the noise and v̄ the mean of its diagonal,
    so that norms stay in the units of the data. For counts Σ is that around the data themselves, constant for the
    gradient: the weights 1/2y_j of the paper on DPS, up to a factor.

    Parameters
    ----------
    x0, pullback
        D(u, σ) and w ↦ Jᵀw, as ``prior.linearise`` gives them.
    level
        Of the step: σ and s.
    times
        What the displacement is multiplied by.
    """
    ndim = len(problem.operator.range_shape)
    assert problem.noise is not None
    A, data = tangent(problem.operator, x0), problem.noise.most_likely(problem.data)
    r, around = data - A.value, scatter(problem, data)
    weighted, norm = r, item_norm(r, ndim)
    if around.white is None:
        mean: Tensor = per_item(around.variance.to(norm), r, ndim)  # type: ignore[assignment]
        weighted, norm = mean * around.inverse(r), item_norm(mean.sqrt() * around.whiten(r), ndim)
    half = pullback(A.adjoint(weighted))  # −∇_u ½‖W r‖²
    scale, least = prior.scale, torch.finfo(norm.dtype).tiny ** 0.5  # what is below is taken for 0
    per_u = level.each(lambda sigma, s: -times * hypot(1, scale * sigma) * hypot(1, scale * s) / scale**2)
    per_u = per_u.to(norm) if isinstance(per_u, Tensor) else per_u
    return DataGradient(half, per_u / norm.clamp(min=least), norm)
