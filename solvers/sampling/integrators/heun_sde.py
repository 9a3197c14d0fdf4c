"""Heun's rule for the reverse diffusion."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from recon.solvers.sampling.integrators.integrator import Estimate, Integrator, Level, Move, Noise, wide


@dataclass(frozen=True)
class HeunSDE(Integrator):
    """The reverse diffusion by a rule of weak order two, two estimates a step, :class:`Ancestral` where s = 0.

    In the variables U = u/σ² and a = 1/σ² the reverse diffusion is dU = E[x₀ | u] da + dW_a. With h = 1/s² − 1/σ²:

        U~ = U + h x̂₀(u, σ) + h^½ z,   U′ = U + h (x̂₀(u, σ) + x̂₀(u~, s))/2 + h^½ z,   u′ = s² U′.

    U~ is the ancestral step, whose variance is too small by what x̂₀ does not yet know of x₀: the error of the law is of
    order 1/steps there, and 1/steps² here.

    Source: Heun's rule for diffusions with additive noise, Kloeden and Platen, Numerical Solution of Stochastic
    Differential Equations (1992), section 14.1 with equation 1.4.
    """

    names = ("heun_sde",)

    @property
    def calls(self) -> int:
        return 2

    @property
    def conditional(self) -> bool:
        return True

    def step(self, estimate: Estimate, u: Tensor, level: Level, noise: Noise, memory: tuple[Tensor, ...]) -> Move:
        x0 = estimate(u, level)
        ratio = (level.lower / level.sigma).square()
        spread = level.lower * (1 - ratio).clamp(min=0).sqrt()
        ahead = x0 + wide(ratio, u) * (u - x0) + wide(spread, u) * noise(0)
        again = level.lower > 0
        if not bool(again.any()):
            return Move(ahead, x0)
        end = torch.where(again, level.lower, level.sigma)
        second = estimate(ahead, Level(end, end * (level.lower / level.sigma), level.sigma))
        half = torch.where(again, (1 - ratio) / 2, 0)
        return Move(ahead + wide(half, u) * (second - x0), x0)
