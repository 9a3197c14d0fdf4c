"""Small problems with Gaussian priors, on which samplers are tried."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recon.operators.diagonal import Diagonal
from recon.operators.linear import LinearOperator
from recon.operators.noise import GaussianNoise, PoissonNoise
from recon.operators.operator import Operator
from recon.priors.learned.gaussian import GaussianPrior
from recon.priors.learned.latent_prior import LatentPrior
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


def noisy_problems() -> Iterator[Problem]:
    """Positive images, two items each: noise of one σ per measurement, and counts."""
    generator = torch.Generator().manual_seed(1)
    prior = GaussianPrior(3.0, std=0.4, shape=(2, 3))
    A = Diagonal(torch.tensor([[1.0, 0.5, 0.0], [2.0, 1.0, 1.0]], dtype=torch.float64))
    clean = A(prior.sample(2, generator))
    uneven = GaussianNoise(torch.linspace(0.1, 0.6, 6, dtype=torch.float64).reshape(2, 3))
    for noise in (uneven, PoissonNoise(0.1, background=0.2)):
        yield Problem(A, noise.sample(clean, generator), noise, prior)


def bent_problem() -> Problem:
    """A nonlinear operator, x ↦ (x + x²/4) masked: two items."""
    generator = torch.Generator().manual_seed(2)
    prior = GaussianPrior(1.0, std=0.3, shape=(2, 3))
    noise, A = GaussianNoise(0.1), BentMask()
    return Problem(A, noise.sample(A(prior.sample(2, generator)), generator), noise, prior)


class BentMask(Operator):
    """x ↦ m (x + x²/4) on images (2, 3), for trials of nonlinear guidance."""

    domain_field = "real"
    range_field = "real"

    def __init__(self) -> None:
        super().__init__((2, 3), (2, 3))

    def apply(self, x: Tensor) -> Tensor:
        mask = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]).to(x)
        return mask * (x + x.square() / 4)


def latent_problems() -> Iterator[Problem]:
    """Four latents of images (2, 3) behind a mask, two items each: with a linear autoencoder, and with a bent one."""
    generator = torch.Generator().manual_seed(3)
    basis = torch.randn(6, 4, generator=generator, dtype=torch.float64) / 2
    latents = GaussianPrior(0.2, std=0.8, shape=(4,))
    A, noise = Diagonal(torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 1.0]], dtype=torch.float64)), GaussianNoise(0.1)
    for bend in (0.0, 0.3):
        prior = LatentPrior(latents, _Decode(basis, bend), _Encode(basis))
        clean = A(prior.decode(latents.sample(2, generator)))
        yield Problem(A, noise.sample(clean, generator), noise, prior).lifted


class _Decode:
    """z ↦ W z + b tanh(W z)."""

    def __init__(self, basis: Tensor, bend: float) -> None:
        self.basis, self.bend = basis, bend

    def __call__(self, z: Tensor) -> Tensor:
        x: Tensor = (z @ self.basis.to(z).mT).reshape(-1, 2, 3)
        return x + self.bend * x.tanh()


class _Encode:
    """x ↦ W⁺ x."""

    def __init__(self, basis: Tensor) -> None:
        self.inverse = torch.linalg.pinv(basis)

    def __call__(self, x: Tensor) -> Tensor:
        z: Tensor = x.reshape(len(x), 6) @ self.inverse.to(x).mT
        return z
