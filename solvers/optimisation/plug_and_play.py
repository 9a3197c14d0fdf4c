"""What the plug-and-play loops share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from recon.operators.diagonal import Diagonal
from recon.operators.linear import CapabilityError
from recon.operators.noise import GaussianNoise
from recon.priors.learned.denoiser import Denoiser
from recon.priors.learned.denoiser_prior import DenoiserPrior
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver


def denoiser_of(problem: Problem, solver: str) -> Denoiser:
    """The prior of a problem as a denoiser; refuses others by name."""
    if not isinstance(problem.prior, Denoiser):
        given = "none" if problem.prior is None else problem.prior.name
        raise CapabilityError(f"{solver} needs a denoiser as prior, for example DenoiserPrior(denoiser), got {given}.")
    return problem.prior


@dataclass(frozen=True, kw_only=True)
class PlugAndPlay(Solver):
    """Base of the plug-and-play loops: proximal methods whose prox is a denoiser D(·, σ_d).

    Fixed points solve no optimisation problem in general, and exist and attract only under conditions on D
    (nonexpansiveness of D or of 2D − I, depending on the loop), which no denoiser network satisfies by itself. A loop
    that grows is reported as diverged.

    Parameters
    ----------
    sigma
        Denoiser strength σ_d, in the units of the image; None for the prior's own.
    """

    measures = frozenset({"change", "data_residual"})

    sigma: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sigma is not None and not 0 < self.sigma < float("inf"):
            raise ValueError(f"{self.name} expects sigma > 0, got {self.sigma!r}.")

    def strength(self, problem: Problem) -> float:
        """σ_d."""
        return self.sigma if self.sigma is not None else denoiser_of(problem, self.name).sigma

    def measure(self, problem: Problem, state: Any) -> dict[str, Tensor]:
        """‖A x − y‖/‖y‖ per item."""
        residual = problem.operator(self.image(state)) - problem.data
        size = problem.data.flatten(1).norm(dim=1)
        return {"data_residual": residual.flatten(1).norm(dim=1) / torch.where(size > 0, size, 1)}


def small_problem() -> Problem:
    """A diagonal operator, two items of 5 × 6, and a linear denoiser."""
    generator = torch.Generator().manual_seed(5)
    weights = torch.linspace(0.4, 1.1, 30, dtype=torch.float64).reshape(5, 6)
    data = torch.rand((2, 5, 6), generator=generator, dtype=torch.float64)
    return Problem(Diagonal(weights), data, GaussianNoise(0.2), DenoiserPrior(shrink, sigma=0.3))


def shrink(x: Tensor, sigma: float | Tensor) -> Tensor:
    """The denoiser of N(0, I): x/(1 + σ²)."""
    if isinstance(sigma, Tensor) and sigma.ndim:
        sigma = sigma.reshape(*sigma.shape, *(1,) * (x.ndim - sigma.ndim))
    return x / (1 + sigma**2)
