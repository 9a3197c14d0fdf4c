"""Small problems with Gaussian priors, on which samplers are tried."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from recon.operators.diagonal import Diagonal
from recon.operators.linear import LinearOperator
from recon.operators.noise import GaussianNoise
from recon.priors.learned.gaussian import GaussianPrior
from recon.solvers.problem import Problem


def gaussian_problems() -> Iterator[Problem]:
    """A masked real image and a complex one behind complex gains, two items each."""
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(6, 6, generator=generator, dtype=torch.float64)
    prior = GaussianPrior(0.3, covariance=root @ root.T / 6, shape=(2, 3))
    gains = torch.tensor([[1.0, 0.0, 0.5], [2.0, 1.0, 0.0]], dtype=torch.float64)
    phases = torch.exp(1j * torch.arange(6, dtype=torch.float64)).reshape(2, 3)
    operators: tuple[LinearOperator, ...] = (Diagonal(gains), Diagonal(gains * phases))
    for operator in operators:
        dtype = torch.complex128 if operator.domain_field == "complex" else torch.float64
        x = torch.randn(2, 2, 3, generator=generator, dtype=dtype)
        noise = GaussianNoise(0.2)
        yield Problem(operator, noise.sample(operator(x), generator), noise, prior)
