"""The reverse process of DDPM."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from recon.solvers.sampling.integrators.integrator import (
    Estimate,
    Integrator,
    Level,
    Move,
    Noise,
    ancestral_spread,
    noisy,
    toward,
)


@dataclass(frozen=True)
class Ancestral(Integrator):
    """u′ ~ p(u′ | u, x₀) where u = u′ + (σ² − s²)^½ z″, with the estimate in the place of x₀:

        u′ = x̂₀ + (s/σ)² (u − x̂₀) + s (1 − (s/σ)²)^½ z.

    In variance-preserving coordinates u/(1 + σ²)^½ this is the step of DDPM with the variance β̃. Where the estimate is
    E[x₀ | u] of a Gaussian prior, the error of the last distribution falls as 1/steps.

    Source: Ho, Jain and Abbeel, NeurIPS 2020, equations 6 and 7.
    """

    names = ("ancestral", "ddpm")

    @property
    def conditional(self) -> bool:
        return True

    def step(self, estimate: Estimate, u: Tensor, level: Level, noise: Noise, memory: tuple[Tensor, ...]) -> Move:
        x0 = estimate(u, level)
        kept = level.each(lambda sigma, s: (s / sigma) ** 2)
        return Move(noisy(toward(x0, kept, u), level.each(ancestral_spread), noise), x0)
