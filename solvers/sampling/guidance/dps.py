"""Diffusion posterior sampling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import ClassVar, Literal

from torch import Tensor

from recon.solvers.problem import Problem
from recon.solvers.sampling.guidance.data_gradient import data_gradient
from recon.solvers.sampling.guidance.guided import Guess, Guided
from recon.solvers.sampling.integrators.integrator import Level, Noise
from recon.solvers.sampling.sampler import Sampler
from recon.solvers.sampling.small_problems import bent_problem, gaussian_problems, noisy_problems
from recon.solvers.solver import BiasClass


@dataclass(frozen=True, kw_only=True)
class DPS(Guided):
    """Ancestral sampling, each step followed by a step down the data residual. Heuristic: no posterior is claimed.

    In the prior's variance-preserving coordinates x_i, with x̂₀ = D the denoised state and x′ the DDPM step to i − 1:

        form "norm":     x_{i−1} = x′ − ζ ∇_{x_i} ‖y − A(x̂₀(x_i))‖,
        form "squared":  x_{i−1} = x′ − (ζ/‖y − A(x̂₀)‖) ∇_{x_i} ‖y − A(x̂₀(x_i))‖².

    The paper states the second (Algorithm 1 with ζ_i = ζ′/‖y − A(x̂₀)‖), its code runs the first; the second is the
    first with twice the ζ. Norms are per item. A may be nonlinear: its gradient comes from ``operator.vjp``. White
    Gaussian noise enters the algorithm through ζ alone, σ_y only scales the measured misfit; other noise weights the
    norm, see :func:`data_gradient`: for counts the paper's Λ = diag(1/2y), up to a factor. Norms are in units of the
    data. Published ones are of data of images in network values: for an A without units take ``prior.scale`` times a
    published ζ, twice as much for images in [0, 1] and a network for [−1, 1].

    Parameters
    ----------
    zeta
        ζ ≥ 0; 0 gives samples of the prior.
    form
        See above.

    Source: Chung, Kim, Mccann, Klasky and Ye, Diffusion posterior sampling for general noisy inverse problems,
    ICLR 2023.
    """

    names = ("dps",)
    kind: ClassVar[BiasClass] = "heuristic"

    zeta: float = 1.0
    form: Literal["norm", "squared"] = "norm"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form not in ("norm", "squared"):
            raise ValueError(f"DPS expects form 'norm' or 'squared', got {self.form!r}.")
        if not 0 <= self.zeta < inf:
            raise ValueError(f"DPS expects zeta >= 0, got {self.zeta!r}.")

    def guide(self, problem: Problem, u: Tensor, level: Level, noise: Noise) -> Guess:
        prior = self.prior(problem)
        x0, pullback = prior.linearise(u, level.at, once=True)
        step = self.zeta * (1 if self.form == "norm" else 2)
        found = data_gradient(problem, prior, x0, pullback, level, -step)
        return Guess(x0, found.direction, found.factor)

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        for problem in gaussian_problems():
            yield cls(steps=30, zeta=0.3, seed=1), problem
        yield cls(steps=30, zeta=0.1, form="squared"), next(gaussian_problems())
        uneven, counts = noisy_problems()
        yield cls(steps=30, zeta=0.1), uneven
        between = counts.data + 0.25  # weights have a kink at one count
        yield cls(steps=30, zeta=0.1), Problem(counts.operator, between, counts.noise, counts.prior)
        yield cls(steps=30, zeta=0.1), bent_problem()
