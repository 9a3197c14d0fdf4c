"""Closed-form conditioning of a Gaussian on linear data with white Gaussian noise."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from recon.operators.covariance import LARGEST
from recon.operators.linear import LinearOperator

if TYPE_CHECKING:
    from recon.priors.learned.gaussian import GaussianPrior


def condition(
    prior: GaussianPrior, operator: LinearOperator, data: Tensor, sigma: float
) -> tuple[GaussianPrior, Tensor]:
    """p(x | y) and log p(y) (without its factor of 2π) for y = A x + σ n, x ~ N(m, C), one item of data."""
    from recon.priors.learned.gaussian import GaussianPrior

    if not isinstance(operator, LinearOperator):
        raise TypeError(f"a closed-form posterior needs a linear operator; {operator.name} is nonlinear.")
    if tuple(data.shape) != operator.range_shape:
        raise ValueError(f"posterior expects one item of data, {operator.range_shape}, got {tuple(data.shape)}.")
    if not sigma > 0:
        raise ValueError(f"posterior expects sigma > 0, got {sigma}.")
    shape, d = operator.domain_shape, prod(operator.domain_shape)
    if prior.shape not in (None, shape):
        raise ValueError(f"the prior is for images of shape {prior.shape}, {operator.name} takes {shape}.")
    if prior.shape is None:
        prior = GaussianPrior(prior.mean, std=prior.covariance.eigenvalues.sqrt(), shape=shape)
    if d > LARGEST:
        raise ValueError(f"a closed-form posterior is formed for at most {LARGEST} pixels, got {d}.")

    whole = operator.domain_field == "complex" or (
        operator.domain_field == "any" and data.is_complex() and operator.range_field == "any"
    )
    if prior.field == "complex" and not whole:
        raise TypeError(f"the prior is for complex images, {operator.name} with these data reconstructs real ones.")
    dtype = torch.complex128 if whole else torch.float64
    basis = torch.eye(d, dtype=dtype).reshape(d, *shape)
    A = operator(basis).reshape(d, -1).mT
    y = data.to(device="cpu", dtype=torch.complex128 if data.is_complex() else torch.float64).reshape(-1)
    C, m = prior.covariance.dense().to(dtype), prior.mean.to(dtype).reshape(-1)
    if A.is_complex() and not whole:  # a real image measured in complex numbers: two real measurements each
        A, y = torch.cat([A.real, A.imag]), torch.cat([y.real, y.imag])
    CA = C @ A.mH
    S = A @ CA + sigma**2 * torch.eye(len(y), dtype=dtype)
    factor = torch.linalg.cholesky(S)
    r = y.to(dtype) - A @ m
    gain = torch.cholesky_solve(CA.mH, factor).mH
    covariance = C - gain @ CA.mH
    posterior = GaussianPrior(
        (m + gain @ r).reshape(shape), covariance=(covariance + covariance.mH) / 2, shape=shape, sigma=prior.sigma
    )
    white = torch.linalg.solve_triangular(factor, r[:, None], upper=False)
    parts = 2 if whole else 1
    evidence = -0.5 * white.abs().square().sum() - parts * factor.diagonal().real.log().sum()
    return posterior, evidence
