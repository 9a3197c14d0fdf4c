"""Diffusion posterior sampling with structured noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

from recon.operators.diagonal import Diagonal
from recon.operators.linear import CapabilityError
from recon.priors.learned.gaussian import GaussianPrior
from recon.priors.learned.joint import JointPrior
from recon.priors.learned.structured_noise import StructuredNoise
from recon.solvers.problem import Problem
from recon.solvers.sampling.guidance.dps import DPS
from recon.solvers.sampling.guidance.guided import Guess
from recon.solvers.sampling.integrators.integrator import Level, Noise
from recon.solvers.sampling.sampler import Sampler


@dataclass(frozen=True, kw_only=True)
class JointDPS(DPS):
    """:class:`DPS` on image and structured noise, with a step for each: heuristic, no posterior is claimed.

    With x̂₀ and n̂₀ the denoised states, after each step

        x ← x − ζ ∇_x ‖y − A x̂₀ − n̂₀‖,   n ← n − κ ∇_n ‖y − A x̂₀ − n̂₀‖.

    With κ = ζ it is what DPS does for :class:`recon.priors.StructuredNoise`; :class:`MMPS` on the pair has no steps to
    choose and is exact for Gaussians. The authors use ζ = 12.7 and κ = 16.7 for faces behind digits, with data in
    network values (see :class:`DPS` for what that makes of them here). Their code sums the norm over the batch and
    takes the derivative of the sum of x̂₀ in the place of Jᵀr; here the norm is an item's, and the gradient is the
    gradient.

    Parameters
    ----------
    kappa
        κ ≥ 0.

    Source: Stevens, van Gorp, Meral, Shin, Yu, Robert and van Sloun, Removing structured noise using diffusion models,
    TMLR 2025.
    """

    names = ("joint_dps",)

    kappa: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.kappa < inf:
            raise ValueError(f"JointDPS expects kappa >= 0, got {self.kappa!r}.")
        if not self.zeta > 0:
            raise ValueError(f"JointDPS expects zeta > 0, got {self.zeta!r}.")

    def require(self, problem: Problem) -> None:
        super().require(problem)
        if not isinstance(problem.prior, JointPrior):
            raise CapabilityError("JointDPS is made for StructuredNoise, whose prior it steps in; use DPS.")

    def guide(self, problem: Problem, u: Tensor, level: Level, noise: Noise) -> Guess:
        guess, prior = super().guide(problem, u, level, noise), problem.prior
        assert isinstance(prior, JointPrior)
        assert guess.push is not None
        image, rest = guess.push.split(prior.sizes, dim=-1)
        return guess._replace(push=torch.cat([image, self.kappa / self.zeta * rest], dim=-1))

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        yield cls(steps=30, zeta=0.2, kappa=0.3, seed=1), structured_problem().lifted


def structured_problem() -> Problem:
    """Gaussian images and Gaussian noise behind gains, two items."""
    generator = torch.Generator().manual_seed(3)
    root = torch.randn(6, 6, generator=generator, dtype=torch.float64)
    noise = StructuredNoise(GaussianPrior(-0.2, covariance=root @ root.T / 6, shape=(2, 3)), 0.1)
    prior = GaussianPrior(torch.linspace(0, 1, 6, dtype=torch.float64).reshape(2, 3), std=0.8)
    A = Diagonal(torch.tensor([[1.0, 0.5, 0.0], [2.0, 1.0, 1.0]], dtype=torch.float64))
    return Problem(A, noise.sample(A(prior.sample(2, generator)), generator), noise, prior)
