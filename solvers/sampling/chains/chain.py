"""What Markov chains of images share."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from recon.solvers.problem import Problem
from recon.solvers.sampling.sampler import Sampler, SamplerState
from recon.solvers.sampling.schedule import NoiseSchedule, noise_levels


@dataclass(frozen=True, kw_only=True)
class Chain(Sampler):
    """A chain of images x whose law tends to a stationary one: one sample per item and stream, its last state.

    What comes before is burn-in, so that several samples are as many independent chains
    (:func:`recon.solvers.sample`). A chain starts at ``initial``, else at D(u, σ) for noise u of the prior's highest
    level, which is near the mean of the prior. States hold x as both ``u`` and ``estimate``.
    """

    noise_schedule: NoiseSchedule | None = field(init=False, repr=False, default=None)

    def sigmas(self, problem: Problem) -> Tensor:
        top = noise_levels(self.prior(problem), None, 2)[:1]
        return torch.cat([top.expand(self.steps), top.new_zeros(1)])

    def init(self, problem: Problem, initial: Tensor | None = None) -> SamplerState:
        """The first image of each item's chain."""
        state = super().init(problem, initial)
        if initial is None:
            initial = self.prior(problem)(state.u, self.sigmas(problem)[:1].expand(len(state.u)))
        return state._replace(u=initial, estimate=initial)
