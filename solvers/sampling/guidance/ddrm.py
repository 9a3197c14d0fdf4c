"""Denoising diffusion restoration models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from recon.solvers.problem import Problem
from recon.solvers.sampling.guidance.coordinates import width
from recon.solvers.sampling.guidance.spectral import needs_svd, spectral, spectral_step
from recon.solvers.sampling.integrators.integrator import wide
from recon.solvers.sampling.sampler import Sampler, SamplerState
from recon.solvers.sampling.schedule import noise_levels
from recon.solvers.sampling.small_problems import gaussian_problems
from recon.solvers.solver import BiasClass


@dataclass(frozen=True, kw_only=True)
class DDRM(Sampler):
    """Diffusion per singular value: with A = U diag(s_i) Vᴴ, x̄ = Vᴴx, ȳ_i = (Uᴴy)_i/s_i, c_i = σ_y/s_i and white noise
    z, a step from σ to the next level s is

        s_i = 0:   x̄′ = x̄₀ + s ((1 − η²)^½ (x̄ − x̄₀)/σ + η z),
        s ≥ c_i:   x̄′ = (1 − η_b) x̄₀ + η_b ȳ + (s² − η_b² c_i²)^½ z,
        s < c_i:   x̄′ = x̄₀ + s ((1 − η²)^½ (ȳ − x̄₀)/c_i + η z),

    where x₀ = D(u, σ). It starts at ȳ + (σ² − c_i²)^½ z where c_i ≤ σ, the highest level, and at the prior's start
    elsewhere. No derivative of the denoiser is taken.

    Heuristic, with a spread that depends on the number of steps: below c_i every step pulls anew towards ȳ, so that
    more steps with η < 1 give less spread, down to none, and η = 1 gives too much. No constant η is right. For
    x₀ ~ N(μ, 0.2²), σ_y = 0.1 and A = I, where .0894 is right, 100 levels evenly spaced from 1 to 0 give .0471 with the
    published η = 0.85 and .119 with η = 1.
    With ``eta=None`` a step adds the noise of the diffusion itself, and below c_i starts from x̄ in the place of ȳ: not
    published, but exact where the prior makes the x̄_i independent, with an error that falls as 1/steps (.0882 in the
    example at 1000 levels of :class:`KarrasSchedule`).

    The operator must be linear with a singular value decomposition, the noise white.

    Parameters
    ----------
    eta
        η in [0, 1], or None, see above.
    eta_b
        η_b in [0, 1].

    Source: Kawar, Elad, Ermon and Song, Denoising diffusion restoration models, NeurIPS 2022, equations 7 and 8.
    """

    names = ("ddrm",)
    kind: ClassVar[BiasClass] = "heuristic"
    white: ClassVar[bool] = True

    eta: float | None = 0.85
    eta_b: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.eta is not None and not 0 <= self.eta <= 1:
            raise ValueError(f"DDRM expects 0 <= eta <= 1 or none, got {self.eta!r}.")
        if not 0 <= self.eta_b <= 1:
            raise ValueError(f"DDRM expects 0 <= eta_b <= 1, got {self.eta_b!r}.")

    def require(self, problem: Problem) -> None:
        super().require(problem)
        needs_svd(problem.operator, self.name)

    def init(self, problem: Problem, initial: Tensor | None = None) -> SamplerState:
        state, prior = super().init(problem, initial), self.prior(problem)
        sigma = noise_levels(prior, self.noise_schedule, self.steps)[:1].expand(len(state.u))
        if initial is None:
            z = (prior.scale * state.u + prior.shift) / wide(width(prior, sigma), state.u)
        else:
            z = (state.u - initial) / wide(sigma, state.u)
        data = spectral(problem)
        z = data.V.adjoint(z)
        top = wide(sigma, z)
        wanted = data.y + (top.square() - data.c.square()).clamp(min=0).sqrt() * z
        seen = data.seen & (data.c <= top)
        return state._replace(u=state.u + data.V(torch.where(seen, wanted - data.V.adjoint(state.u), 0)))

    def step(self, problem: Problem, state: SamplerState) -> SamplerState:
        level = self.level(problem, state)
        x0 = self.prior(problem)(state.u, level.at)
        z = self.noise(problem, state)(0)
        u = spectral_step(spectral(problem), state.u, x0, level, z, self.eta, self.eta_b)
        return self.advance(state, u, x0)

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        for problem in gaussian_problems():
            yield cls(steps=30, seed=1), problem
        yield cls(steps=30, eta=None, eta_b=0.9), next(gaussian_problems())
