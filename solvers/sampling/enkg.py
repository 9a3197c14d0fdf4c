"""Ensemble Kalman diffusion guidance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import floor, inf
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.operators.tensors import item_norm, per_item
from recon.solvers.problem import Problem
from recon.solvers.sampling.integrators.ddim import DDIM
from recon.solvers.sampling.integrators.integrator import Integrator
from recon.solvers.sampling.particles import ParticleSampler
from recon.solvers.sampling.sampler import Sampler, SamplerState
from recon.solvers.sampling.scatter import residual, scatter
from recon.solvers.sampling.small_problems import bent_problem, gaussian_problems
from recon.solvers.solver import BiasClass

_EULER = DDIM()

RHO = 7
"""Spacing of the levels of the flow to the image, as in :class:`KarrasSchedule`."""


@dataclass(frozen=True, kw_only=True)
class EnKG(ParticleSampler):
    """Reverse flow of an ensemble, pulled towards the data by its own covariances: values of A and D, no derivative.

    Before a step at level σ, each particle u_j is taken to an image φ_j by the flow from σ to 0, and moved:

        u_j ← u_j − (w/‖C‖_F) Σ_k C_jk (u_k − ū),   C_jk = ⟨Σ_y⁻¹ (A(φ_j) − y), A(φ_k) − mean_l A(φ_l)⟩/J.

    For linear A that is u_j − (w/‖C‖_F) Ĉov(u, Aφ) Σ_y⁻¹ (A φ_j − y), a gradient step in the metric of the ensemble's
    covariance. Particles stay within the affine hull of the ensemble, so that their number limits what they can reach.

    Heuristic: no posterior is claimed. Dividing by ‖C‖_F gives all pulls one length: the level of white noise cancels,
    nothing weighs data against prior, and in the directions that A sees the ensemble collapses towards images that
    explain the data, or stops short of them; its spread there is no uncertainty. Under a Gaussian prior its mean and
    covariance follow a closed recursion as J → ∞; pixels that neither A nor the prior ties to the data keep the law of
    the prior. w ≤ 2 is stable whatever A; at 2 deviations of single measurements change sign instead of shrinking.
    ``spread`` in the history is the root-mean-square deviation of the φ_j.

    Parameters
    ----------
    particles
        J, 1024 to 2048 in the experiments of the paper.
    guidance
        w.
    least
        Where positive, w falls linearly in the step, from w(1 − least) + least towards ``least``.
    updates
        Corrections per step.
    guided
        First and last fraction of the schedule between which the data are used.
    flow_steps
        Largest number of Euler steps of the flow to the image; min(1 + (steps − i)//4, flow_steps) at step i.
    integrator
        How a particle goes to the next level; Euler's rule for the flow by default.

    The authors' schedule is ``KarrasSchedule()``. Their code weighs all data alike, which white noise does too. Its
    version in their later benchmark counts the ends left without data in steps, 10 and 5, and divides by 8 instead of
    by 4.

    Source: Zheng, Chu, Wang, Kovachki, Baptista and Yue, Ensemble Kalman diffusion guidance: a derivative-free method
    for inverse problems, arXiv:2409.20175; step size, ends and flow as in their code (enkg-pytorch).
    """

    names = ("enkg",)
    kind: ClassVar[BiasClass] = "heuristic"
    measures: ClassVar[frozenset[str]] = Sampler.measures | {"spread"}
    recorded: ClassVar[tuple[str, ...]] = ("spread",)
    derivative_free: ClassVar[bool] = True

    particles: int = 1024
    output: Literal["particle", "mean"] = "mean"
    steps: int = 80
    guidance: float = 2.0
    least: float = 0.0
    updates: int = 2
    guided: tuple[float, float] = (0.05, 0.95)
    flow_steps: int = 20
    integrator: Integrator = _EULER

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "guided", tuple(float(v) for v in self.guided))
        if not isinstance(self.integrator, Integrator):
            raise TypeError(f"EnKG expects an Integrator, got {type(self.integrator).__name__}.")
        if not 0 < self.guidance < inf:
            raise ValueError(f"EnKG expects guidance > 0, got {self.guidance!r}.")
        if not 0 <= self.least <= 1:
            raise ValueError(f"EnKG expects 0 <= least <= 1, got {self.least!r}.")
        if len(self.guided) != 2 or not 0 <= self.guided[0] < self.guided[1] <= 1:
            raise ValueError(f"EnKG expects guided = (first, last) with 0 <= first < last <= 1, got {self.guided!r}.")
        for name in ("updates", "flow_steps"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"EnKG expects {name} >= 1, got {value!r}.")

    @property
    def memory(self) -> int:
        return self.integrator.memory

    def step(self, problem: Problem, state: SamplerState) -> SamplerState:
        level, draw, u = self.level(problem, state), self.noise(problem, state), state.u
        number = int(state.step.max()) if len(u) else 0
        if len(u) and int(state.step.min()) != number:
            raise CapabilityError("EnKG takes items of one schedule at the same step.")
        spread = state.records[0]
        if self._uses_data(number):
            for _ in range(self.updates):
                u, spread = self.correct(problem, u, level.sigma, number)
        move = self.integrator.step(
            lambda v, here: self.rows_denoised(problem, v, here.sigma),
            u.flatten(0, 1),
            self.row_level(level),
            lambda k, like=None: draw(k).flatten(0, 1),
            tuple(m.flatten(0, 1) for m in state.memory),
        )
        memory = tuple(m.reshape(u.shape) for m in move.memory)
        return self.advance(state, move.u.reshape(u.shape), move.x0.reshape(u.shape), spread, memory=memory)

    def correct(self, problem: Problem, u: Tensor, sigma: Tensor, number: int) -> tuple[Tensor, Tensor]:
        """The ensemble ``(batch, J, *shape)`` after one pull towards the data, and the spread of its images."""
        images = self.flow(problem, u, sigma, min(1 + (self.steps - number) // 4, self.flow_steps))
        clean = problem.operator(images)
        centre = clean.mean(1, keepdim=True)
        rows = self.rows(problem)
        whiten = scatter(rows, centre.expand_as(clean).flatten(0, 1)).whiten
        misfit = whiten(-residual(rows, clean.flatten(0, 1))).reshape(*clean.shape[:2], -1)
        change = whiten((clean - centre).flatten(0, 1)).reshape(*clean.shape[:2], -1)
        if misfit.is_complex():
            misfit, change = (torch.view_as_real(v).flatten(-2) for v in (misfit, change))
        coefficients = misfit @ change.mT / self.particles
        size = item_norm(coefficients, 2)
        deviations = (u - u.mean(1, keepdim=True)).flatten(2)
        pull = (coefficients.to(deviations.dtype) @ deviations).reshape(u.shape)
        weight = self._weight(number) / torch.where(size > 0, size, 1)
        spread = item_norm(images - images.mean(1, keepdim=True), images.ndim - 1) / images[0].numel() ** 0.5
        return u - per_item(weight, u, u.ndim - 1) * pull, spread

    def flow(self, problem: Problem, u: Tensor, sigma: Tensor, steps: int) -> Tensor:
        """Images by ``steps`` Euler steps of du/dσ = (u − D)/σ: from σ to the schedule's least level, then to 0."""
        if steps > 1:
            least = self.sigmas(problem)[-2]
            ends = sigma ** (1 / RHO), torch.minimum(least, sigma) ** (1 / RHO)
            ramp = torch.linspace(0, 1, steps, dtype=torch.float64)
            levels = [(ends[0] + t * (ends[1] - ends[0])) ** RHO for t in ramp]
            for here, there in pairwise(levels):
                ratio = per_item((there / here).to(u.device, u.real.dtype), u, u.ndim - 1)
                clean = self.denoised(problem, u, here)
                u = clean + ratio * (u - clean)
            sigma = levels[-1]
        return self.denoised(problem, u, sigma)

    def _uses_data(self, number: int) -> bool:
        first, last = self.guided
        return first * self.steps < number < self.steps - floor((1 - last) * self.steps + 1e-9)

    def _weight(self, number: int) -> float:
        if not self.least:
            return self.guidance
        return self.guidance * (1 - self.least) * (self.steps - number) / self.steps + self.least

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        for problem in gaussian_problems():
            yield cls(steps=20, particles=12, seed=1, output="particle"), problem
        yield cls(steps=20, particles=12, guidance=0.5, least=0.1, chunk=5), bent_problem()
