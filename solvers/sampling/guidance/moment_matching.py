"""The posterior mean under noise and data, from the first two moments of the denoiser."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from recon.operators.tensors import per_item
from recon.priors.learned.diffusion import DiffusionPrior
from recon.solvers.linear.cg import CGInfo, cg
from recon.solvers.problem import Problem
from recon.solvers.sampling.linear_solves import sound
from recon.solvers.sampling.scatter import residual, scatter
from recon.solvers.sampling.tangent import tangent


class MatchedMean(NamedTuple):
    """The estimate of E[x₀ | u, y] and how well its linear system was solved, per item."""

    mean: Tensor
    cg: CGInfo


def matched_mean(
    problem: Problem, prior: DiffusionPrior, u: Tensor, sigma: Tensor, rtol: float, max_iter: int, conjugacy: float
) -> MatchedMean:
    """E[x₀ | u, y] where p(x₀ | u) is replaced by the Gaussian of its mean and covariance:

        x̂₀ + V Aᴴ (Σ_y + A V Aᴴ)⁻¹ (y − A x̂₀),   x̂₀ = D(u, σ),  V = σ² Jᵀ,  J = ∂D/∂u (σ²J is Cov[x₀ | u]).

    Exact where p(x₀ | u) is Gaussian and A is linear; a nonlinear A is replaced by its tangent at x̂₀. The system is
    solved by conjugate gradients per item, with one adjoint derivative of the denoiser an iteration. J is symmetric and
    positive for exact denoisers only: networks break both, and an item stops at the iterate before either shows.

    Parameters
    ----------
    u, sigma
        States ``(batch, *shape)`` and their noise levels, one per item.
    rtol, max_iter, conjugacy
        Where conjugate gradients stop: relative residual, iterations, loss of conjugacy; see :func:`recon.solvers.cg`.

    Source: Rozet, Andry, Lanusse and Louppe, Learning diffusion priors from observations by expectation maximization,
    NeurIPS 2024, equations 13 to 17 and Algorithm 3.
    """
    rank = len(problem.operator.range_shape)
    x0, pullback = prior.linearise(u, sigma)
    real = x0.real.dtype if x0.is_complex() else x0.dtype
    level = per_item(sigma.square().to(x0.device, real), x0, len(problem.shape))
    A = tangent(problem.operator, x0)
    noise = scatter(problem, A.value)

    def V(w: Tensor) -> Tensor:
        out: Tensor = level * pullback(w)
        return out

    def system(v: Tensor) -> Tensor:
        return noise.times(v) + A.forward(V(A.adjoint(v)))

    v, info = cg(system, residual(problem, A.value), rank, rtol=rtol, max_iter=max_iter, conjugacy=conjugacy)
    v = sound(v, info)
    return MatchedMean(x0 + V(A.adjoint(v)), CGInfo(info.iterations.to(real), info.residual))
