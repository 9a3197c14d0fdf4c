"""Heun's rule for the flow, with or without churn."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt

import torch
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
        sigma = level.sigma
        if self.churn > 0:
            churned = (sigma >= self.churn_least) & (sigma <= self.churn_most)
            most = max(level.most, float(sigma.max()))
            raised = torch.where(churned, (sigma * (1 + self.churn)).clamp(max=most), sigma)
            added = self.noise_scale * (raised.square() - sigma.square()).clamp(min=0).sqrt()
            u, sigma = noisy(u, added, noise), raised
        x0 = estimate(u, Level(sigma, level.lower, level.upper, level.most))
        ratio = level.lower / sigma
        euler = toward(x0, ratio, u)
        again = level.lower > 0
        if not bool(again.any()):
            return Move(euler, x0)
        end = torch.where(again, level.lower, sigma)
        second = estimate(euler, Level(end, end * ratio, sigma))
        # u + (s − σ)(d + d′)/2, where ũ = u + (s − σ) d is half of it already
        middle = toward(u, torch.where(again, 0.5, 1.0), euler)
        return Move(plus(middle, torch.where(again, (level.lower - sigma) / (2 * end), 0), euler - second), x0)
