"""DPM-Solver++, the multistep rule of second order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from recon.solvers.sampling.integrators.integrator import Estimate, Integrator, Level, Move, Noise, toward, wide


@dataclass(frozen=True)
class DPMSolver(Integrator):
    """DPM-Solver++(2M): the flow by an exponential rule of second order, one estimate a step.

    With λ = −log σ, h = log(σ/s), r = h₋/h for the step h₋ before, and x̂₀⁻ the estimate of that step:

        x̃ = x̂₀ + (x̂₀ − x̂₀⁻)/(2r),   u′ = (s/σ) u + (1 − s/σ) x̃.

    The first step and the last one, where s = 0, are of first order.

    Source: Lu, Zhou, Bao, Chen, Li and Zhu, DPM-Solver++, 2022, Algorithm 2.
    """

    names = ("dpm_solver", "dpm_solver_pp")
    memory: ClassVar[int] = 1

    def step(self, estimate: Estimate, u: Tensor, level: Level, noise: Noise, memory: tuple[Tensor, ...]) -> Move:
        x0 = estimate(u, level)
        second = torch.isfinite(level.upper) & (level.lower > 0)
        h = torch.where(second, (level.sigma / torch.where(second, level.lower, 1)).log(), 1)
        before = torch.where(second, (torch.where(second, level.upper, 1) / level.sigma).log(), 1)
        weight = torch.where(second, h / (2 * before), 0)
        previous = torch.where(wide(second.to(h), u) == 1, memory[0], x0)
        ahead = toward(x0, -weight, previous)
        return Move(toward(ahead, level.lower / level.sigma, u), x0, (x0,))
