"""Bounds on the curvature of likelihoods, on which step sizes rest."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators.beer_lambert_noise import BeerLambertNoise
from recon.operators.linear import CapabilityError, LinearOperator
from recon.operators.noise import PoissonNoise
from recon.operators.tensors import item_norm, per_item
from recon.solvers.norms import step_norm
from recon.solvers.problem import Problem
from recon.solvers.sampling.scatter import IndependentScatter, Scatter, scatter

ITERATIONS, MARGIN = 50, 1.1
"""Power iterations for the least eigenvalue of the noise's covariance, and the factor of safety after them."""


def require_curvature(problem: Problem, lipschitz: float | None, owner: str) -> None:
    """Refuse likelihoods without a gradient, and those of unknown curvature where it is not given."""
    if "grad" not in problem.likelihood.capabilities:
        raise CapabilityError(f"{owner} needs a likelihood with a gradient, got {problem.likelihood.name}.")
    if lipschitz is None and not (gaussian(problem) and isinstance(problem.operator, LinearOperator)):
        raise CapabilityError(
            f"{owner} knows the curvature of Gaussian noise behind linear operators only; give lipschitz=..., "
            "the largest curvature of -log p(y | x)."
        )


def data_curvature(problem: Problem, lipschitz: float | None = None) -> Tensor:
    """‖A‖²/λ_min(Σ_y), or what is given instead, per item."""
    real = problem.data.real if problem.data.is_complex() else problem.data
    if lipschitz is not None:
        return torch.full((len(real),), lipschitz, dtype=real.dtype, device=real.device)
    weakest = least(scatter(problem, problem.data), problem.data)
    return step_norm(problem.linear, problem.zeros()) ** 2 / weakest


def gaussian(problem: Problem) -> bool:
    """Whether the covariance of the noise does not depend on the image."""
    return not isinstance(problem.noise, PoissonNoise | BeerLambertNoise)


def least(noise: Scatter, data: Tensor) -> Tensor:
    """The least eigenvalue of Σ_y per item: exact where measurements are independent, else by power iteration."""
    if isinstance(noise, IndependentScatter):
        return noise.variances if noise.white is not None else noise.variances.flatten(1).amin(1).expand(len(data))
    size = data.new_ones(len(data), dtype=data.real.dtype if data.is_complex() else data.dtype)
    v = torch.cos(torch.arange(1, data[:1].numel() + 1, dtype=torch.float64).sqrt() * 7)
    v = v.reshape(1, *data.shape[1:]).to(data).expand_as(data)
    for _ in range(ITERATIONS):
        v = noise.inverse(v)
        size = item_norm(v, v.ndim - 1)
        v = v / per_item(size, v, v.ndim - 1)
    return 1 / (MARGIN * size)
