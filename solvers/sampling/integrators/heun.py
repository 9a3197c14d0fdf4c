"""Heun's rule for the flow, with or without churn."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt

from torch import Tensor

from recon.solvers.sampling.integrators.integrator import (
    Estimate,
    Integrator,
    Level,
    Move,
    Noise,
    noisy,
    plus,
    toward,
)


@dataclass(frozen=True)
class Heun(Integrator):
    """The flow du/dσ = (u − x̂₀(u, σ))/σ by Heun's rule of second order, two estimates a step, the last step Euler's:

        d = (u − x̂₀(u, σ))/σ,   ũ = u + (s − σ) d,   d′ = (ũ − x̂₀(ũ, s))/s,   u′ = u + (s − σ)(d + d′)/2.

    With churn, noise takes the state up to σ̂ = σ (1 + γ) before the step: u + S_noise (σ̂² − σ²)^½ z.

    Parameters
    ----------
    churn
        γ ≥ 0 for σ within ``[churn_least, churn_most]``, at most √2 − 1; the authors' γ is S_churn/steps. σ̂ is at
        most the first level of the schedule: the prior may not hold above it.
    churn_least, churn_most
        S_tmin and S_tmax, in units of the images.
    noise_scale
        S_noise.

    Source: Karras, Aittala, Aila and Laine, NeurIPS 2022, Algorithms 1 and 2.
    """

    names = ("heun", "edm")

    churn: float = 0.0
    churn_least: float = 0.0
    churn_most: float = inf
    noise_scale: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.churn <= sqrt(2) - 1 + 1e-12:
            raise ValueError(f"Heun expects 0 <= churn <= sqrt(2) - 1, got {self.churn!r}.")
        if not 0 <= self.churn_least <= self.churn_most or not 0 < self.noise_scale < inf:
            raise ValueError(
                f"Heun expects 0 <= churn_least <= churn_most and noise_scale > 0, got {self.churn_least}, "
                f"{self.churn_most} and {self.noise_scale}."
            )

    @property
    def calls(self) -> int:
        return 2

    def step(self, estimate: Estimate, u: Tensor, level: Level, noise: Noise, memory: tuple[Tensor, ...]) -> Move:
        if self.churn > 0:
            u, level = self._churned(u, level, noise)
        x0 = estimate(u, level)
        euler = toward(x0, level.each(lambda sigma, s: s / sigma), u)
        if level.ends:
            return Move(euler, x0)
        # where the schedule ends for some items only, their second estimate is at σ again and counts for nothing
        following = level.moved(
            lambda sigma, s: s or sigma, lambda sigma, s: (s or sigma) * s / sigma, lambda sigma, s: sigma
        )
        second = estimate(euler, following)
        # u + (s − σ)(d + d′)/2, where ũ = u + (s − σ) d is half of it already
        middle = toward(u, level.each(lambda sigma, s: 0.5 if s else 1.0), euler)
        half = level.each(lambda sigma, s: (s - sigma) / (2 * s) if s else 0.0)
        return Move(plus(middle, half, euler - second), x0)

    def _churned(self, u: Tensor, level: Level, noise: Noise) -> tuple[Tensor, Level]:
        def raised(sigma: float, s: float) -> float:
            churned = self.churn_least <= sigma <= self.churn_most
            return min(sigma * (1 + self.churn), max(level.most, sigma)) if churned else sigma

        added = level.each(lambda sigma, s: self.noise_scale * sqrt(max(raised(sigma, s) ** 2 - sigma**2, 0.0)))
        return noisy(u, added, noise), level.moved(raised, lambda sigma, s: s)
