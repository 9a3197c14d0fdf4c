"""Plug-and-play with flows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import ClassVar

import torch
from torch import Tensor

from recon.operators.tensors import checked_count
from recon.solvers.problem import Problem
from recon.solvers.sampling.curvature import data_curvature, require_curvature
from recon.solvers.sampling.integrators.integrator import wide
from recon.solvers.sampling.sampler import Sampler, SamplerState
from recon.solvers.sampling.schedule import noise_levels
from recon.solvers.sampling.small_problems import gaussian_problems, noisy_problems
from recon.solvers.solver import BiasClass

MOST = 1000


@dataclass(frozen=True, kw_only=True)
class PnPFlow(Sampler):
    """A step down the data residual, noise, and a denoiser, at times t = 0, 1/N, …, 1 − 1/N of straight paths:

        x̃ = x − γ_t ∇(−log p(y | ·))(x),   γ_t = ``rate`` · (1 − t)^α/L,
        x⁺ = mean over ``averages`` of D(x̃ + σ_t ε, σ_t),   σ_t = (1 − t)/t in network values,

    the interpolation t x̃ + (1 − t) ε of the paper in these coordinates, where D is the posterior mean x + (1 − t)
    v(x, t) of a flow with velocity v; any diffusion prior will do. L = ‖A‖²/λ_min(Σ_y): the authors' code has 1/σ_y²
    for it, which is the same where ‖A‖ = 1. At t = 0 the highest level of the prior stands for infinite noise.

    A point estimate: for t near 1 the data hardly move x any more, and images end as denoised ones. Under a Gaussian
    prior every step is affine, x ↦ m + K_t (x̃ + σ_t ε − m) with K_t = C (C + σ_t²I)⁻¹.

    Parameters
    ----------
    steps
        N.
    alpha
        α ≥ 0: the authors take 0.01 to 1, depending on the task.
    rate
        γ_0 L, at most 2.
    averages
        Draws of ε in each step, one call of the prior each.
    lipschitz
        L, where it is better known; needed for nonlinear operators and noise that is not Gaussian.
    noise_schedule
        Other levels than those of evenly spaced times.

    Source: Martin, Gagneux, Hagemann and Steidl, PnP-Flow: plug-and-play image restoration with flow matching, ICLR
    2025, Algorithm 3 and their code.
    """

    names = ("pnp_flow",)
    kind: ClassVar[BiasClass] = "point estimate"

    steps: int = 100
    alpha: float = 1.0
    rate: float = 1.0
    averages: int = 5
    lipschitz: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.alpha < inf or not 0 < self.rate <= 2:
            raise ValueError(f"PnPFlow expects alpha >= 0 and 0 < rate <= 2, got {self.alpha!r} and {self.rate!r}.")
        if self.lipschitz is not None and not 0 < self.lipschitz < inf:
            raise ValueError(f"PnPFlow expects lipschitz > 0, got {self.lipschitz!r}.")
        if checked_count(self.averages, "PnPFlow", "averages") > MOST:
            raise ValueError(f"PnPFlow expects averages <= {MOST}, got {self.averages!r}.")

    def require(self, problem: Problem) -> None:
        super().require(problem)
        require_curvature(problem, self.lipschitz, self.name)

    def sigmas(self, problem: Problem) -> Tensor:
        if self.noise_schedule is not None:
            return super().sigmas(problem)
        prior = self.prior(problem)
        top = noise_levels(prior, None, 2)[0]
        t = torch.arange(1, self.steps, dtype=torch.float64) / self.steps
        levels = ((1 - t) / t / prior.scale).clamp(prior.sigma_range[0], float(top))
        return torch.cat([top[None], levels, levels.new_zeros(1)])

    def init(self, problem: Problem, initial: Tensor | None = None) -> SamplerState:
        state = super().init(problem, initial)
        if initial is None:
            initial = self.prior(problem)(state.u, self.sigmas(problem)[:1].expand(len(state.u)))
        return state._replace(u=initial, estimate=initial)

    def step(self, problem: Problem, state: SamplerState) -> SamplerState:
        prior, x, sigma = self.prior(problem), state.u, self.level(problem, state).sigma
        noise = self.noise(problem, state)
        remaining = prior.scale * sigma / (1 + prior.scale * sigma)  # 1 − t
        slope = problem.operator.vjp(x, problem.likelihood.grad(problem.operator(x)))
        gamma = self.rate * wide(remaining**self.alpha, x) / wide(data_curvature(problem, self.lipschitz), x)
        moved = x - gamma * slope
        total = torch.zeros_like(x)
        for k in range(self.averages):
            total = total + prior(moved + wide(sigma, x) * noise(k), sigma)
        x = total / self.averages
        return self.advance(state, x, x)

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        for problem in gaussian_problems():
            yield cls(steps=20, averages=2, seed=1), problem
        uneven, counts = noisy_problems()
        yield cls(steps=20, averages=1), uneven
        yield cls(steps=20, averages=1, alpha=0.5, lipschitz=20.0), counts
