"""Moment matching posterior sampling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from recon.operators.tensors import checked_count
from recon.solvers.problem import Problem
from recon.solvers.sampling.guidance.guided import Guess, Guided
from recon.solvers.sampling.guidance.moment_matching import matched_mean
from recon.solvers.sampling.integrators.dpm_solver import DPMSolver
from recon.solvers.sampling.integrators.integrator import Level, Noise
from recon.solvers.sampling.sampler import Sampler
from recon.solvers.sampling.small_problems import gaussian_problems, noisy_problems
from recon.solvers.solver import BiasClass


@dataclass(frozen=True, kw_only=True)
class MMPS(Guided):
    """Guidance by E[x₀ | u, y] from moment matching, :func:`matched_mean`.

    For a Gaussian prior it samples the posterior up to the error of the schedule, which falls as 1/steps with the
    ancestral integrator, and of the linear solve; for other priors it is a heuristic. A nonlinear operator is replaced
    by its tangent at D(u, σ) in every step.

    Parameters
    ----------
    cg_rtol
        Relative residual at which the linear solve of an item ends.
    cg_max_iter
        Its largest number of iterations, one adjoint derivative of the denoiser each. What was reached is measured
        as ``cg_residual`` and ``cg_iterations``.
    cg_conjugacy
        An item's solve ends early where consecutive directions of conjugate gradients are less conjugate than this,
        as measured by a cosine: the derivative of a network is not symmetric as that of an exact denoiser is, and
        going on would amplify what is not. Infinity goes on; the authors stop after a fixed, small number instead.

    Source: Rozet, Andry, Lanusse and Louppe, Learning diffusion priors from observations by expectation maximization,
    NeurIPS 2024.
    """

    names = ("mmps",)
    kind: ClassVar[BiasClass] = "heuristic"
    measures: ClassVar[frozenset[str]] = Sampler.measures | {"cg_residual", "cg_iterations"}
    recorded: ClassVar[tuple[str, ...]] = ("cg_residual", "cg_iterations")

    clip: bool = True
    cg_rtol: float = 1e-3
    cg_max_iter: int = 10
    cg_conjugacy: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.cg_rtol < 1:
            raise ValueError(f"MMPS expects 0 < cg_rtol < 1, got {self.cg_rtol!r}.")
        if not self.cg_conjugacy > 0:
            raise ValueError(f"MMPS expects cg_conjugacy > 0, got {self.cg_conjugacy!r}.")
        checked_count(self.cg_max_iter, "MMPS", "cg_max_iter")

    def guide(self, problem: Problem, u: Tensor, level: Level, noise: Noise) -> Guess:
        mean, solve = matched_mean(
            problem, self.prior(problem), u, level.sigma, self.cg_rtol, self.cg_max_iter, self.cg_conjugacy
        )
        return Guess(mean, records=(solve.residual, solve.iterations))

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        for problem in gaussian_problems():
            yield cls(steps=30, seed=1, cg_rtol=1e-6), problem
        for problem in noisy_problems():
            yield cls(steps=30, cg_rtol=1e-6, integrator=DPMSolver()), problem
