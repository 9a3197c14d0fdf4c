"""Draws of an image that sees the data, near another one."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.tensors import item_sum
from recon.solvers.problem import Problem
from recon.solvers.sampling.integrators.integrator import Noise, wide
from recon.solvers.sampling.linear_solves import pull
from recon.solvers.sampling.scatter import Scatter, residual, scatter
from recon.solvers.sampling.tangent import Tangent, tangent

BOLDNESS = 0.5
"""Each proposal is this much as bold as the one before."""


class Draw(NamedTuple):
    """z, and per item the share of proposals that were accepted and the largest relative residual of its solves."""

    z: Tensor
    accepted: Tensor
    residual: Tensor


def linear_draw(problem: Problem, x: Tensor, rho: Tensor, noise: Noise, rtol: float, max_iter: int) -> Draw:
    """z ~ N(y; Az, Σ) N(z; x, ρ²I) for linear A: the data and x are perturbed, and the least-squares problem solved.

    Source: Papandreou and Yuille, NeurIPS 2010; Orieux, Féron and Giovannelli, IEEE Signal Process. Lett. 19 (2012)
    251.
    """
    at = tangent(problem.operator, x)
    z, left = _perturbed(problem, at, scatter(problem, problem.data), x, rho, noise, 0, rtol, max_iter)
    return Draw(z, torch.ones_like(left), left)


def nonlinear_draw(
    problem: Problem, x: Tensor, z: Tensor, rho: Tensor, noise: Noise, proposals: int, rtol: float, max_iter: int
) -> Draw:
    """Metropolis-Hastings steps for z ~ p(y | z) N(z; x, ρ²I), from a z of before.

    With A and the noise's covariance Σ linearised at x, q(z) ∝ N(y; A(x) + J(z − x), Σ) N(z; x, ρ²I) is Gaussian and
    can be drawn from. Proposals m + (1 − β²)^½ (z − m) + β (q-draw − m), m its mean, are reversible with respect to q,
    so that z′ is accepted with probability min(1, w(z′)/w(z)), w = p(y | ·)/N(y; A(x) + J(· − x), Σ): exact whatever A.

    Source: Metropolis-Hastings with proposals reversible under a Gaussian reference, Cotter, Roberts, Stuart and White,
    Statist. Sci. 28 (2013) 424.
    """
    n = x.ndim - 1
    at = tangent(problem.operator, x)
    Sigma = scatter(problem, at.value)
    r = residual(problem, at.value)
    lift, info = pull(problem.operator, at, Sigma, r, rho.square(), rtol, max_iter)
    mean = x + wide(rho.square(), x) * lift

    def log_weight(v: Tensor) -> Tensor:
        white = Sigma.whiten(r - at.forward(v - x))
        fit = problem.likelihood(problem.operator(v))
        value: Tensor = item_sum(white.abs().square(), white.ndim - 1) / 2 - fit
        return value

    weight, accepted, worst = log_weight(z), torch.zeros_like(info.residual), info.residual
    for j in range(proposals):
        draw, left = _perturbed(problem, at, Sigma, x, rho, noise, 3 * j, rtol, max_iter)
        beta = BOLDNESS**j
        proposal = mean + sqrt(1 - beta**2) * (z - mean) + beta * (draw - mean)
        new = log_weight(proposal)
        lot = torch.special.ndtr(noise(3 * j + 2, x.new_zeros(len(x), 1, dtype=x.real.dtype))[:, 0])
        yes = (lot.log() < new - weight) | torch.isnan(new)  # an accident must not pass for a rejection
        z = torch.where(yes.reshape(-1, *(1,) * n), proposal, z)
        weight = torch.where(yes, new, weight)
        accepted, worst = accepted + yes.to(accepted) / proposals, torch.maximum(worst, left)
    return Draw(z, accepted, worst)


def _perturbed(
    problem: Problem,
    at: Tangent,
    Sigma: Scatter,
    x: Tensor,
    rho: Tensor,
    noise: Noise,
    first: int,
    rtol: float,
    max_iter: int,
) -> tuple[Tensor, Tensor]:
    """x + ρn + ρ²Jᴴ(Σ + ρ²JJᴴ)⁻¹(y + Σ^½ n′ − A(x) − Jρn), and the relative residual of the solve."""
    shift = wide(rho, x) * noise(first)
    blur = Sigma.root(noise(first + 1, problem.data))
    r = residual(problem, at.value) + blur - at.forward(shift)
    lift, info = pull(problem.operator, at, Sigma, r, rho.square(), rtol, max_iter)
    return x + shift + wide(rho.square(), x) * lift, info.residual
