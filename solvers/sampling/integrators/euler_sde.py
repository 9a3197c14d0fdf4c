"""Euler's rule for the reverse diffusion."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from recon.solvers.sampling.integrators.integrator import Estimate, Integrator, Level, Move, Noise, noisy, toward


@dataclass(frozen=True)
class EulerSDE(Integrator):
    """Euler-Maruyama steps of the reverse diffusion, du = −2 σ ∇ log p_σ(u) dσ + (2σ)^½ dw, in the variable σ²:

        u′ = u + (σ² − s²)/σ² (x̂₀ − u) + (σ² − s²)^½ z,

    the noise left out of the last step. This is the "reverse diffusion" predictor for variance-exploding processes.

    Source: Song et al., Score-based generative modeling through stochastic differential equations, ICLR 2021,
    Algorithm 2.
    """

    names = ("euler_sde", "reverse_diffusion")

    @property
    def conditional(self) -> bool:
        return True

    def step(self, estimate: Estimate, u: Tensor, level: Level, noise: Noise, memory: tuple[Tensor, ...]) -> Move:
        x0 = estimate(u, level)
        return Move(euler_maruyama(u, x0, level, noise), x0)


def euler_maruyama(u: Tensor, x0: Tensor, level: Level, noise: Noise) -> Tensor:
    """u + (1 − (s/σ)²)(x̂₀ − u) + (σ² − s²)^½ z, without noise where s = 0."""
    fall = level.sigma.square() - level.lower.square()
    spread = torch.where(level.lower > 0, fall.clamp(min=0).sqrt(), 0)
    return noisy(toward(u, fall / level.sigma.square(), x0), spread, noise)
