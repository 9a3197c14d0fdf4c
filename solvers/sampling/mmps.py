"""Moment matching posterior sampling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from recon.operators.linear import CapabilityError, LinearOperator
from recon.solvers.problem import Problem
from recon.solvers.sampling.moment_matching import matched_mean
from recon.solvers.sampling.sampler import Sampler, SamplerState
from recon.solvers.sampling.small_problems import gaussian_problems
from recon.solvers.solver import BiasClass


@dataclass(frozen=True, kw_only=True)
class MMPS(Sampler):
    """Ancestral sampling with E[x₀ | u, y] from moment matching, :func:`matched_mean`, in the place of D(u, σ).

    For a Gaussian prior it samples the posterior up to the error of the schedule, which falls as 1/steps, and of the
    linear solve; for other priors it is a heuristic. Needs a linear operator and Gaussian noise.

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

    cg_rtol: float = 1e-3
    cg_max_iter: int = 10
    cg_conjugacy: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.cg_rtol < 1:
            raise ValueError(f"MMPS expects 0 < cg_rtol < 1, got {self.cg_rtol!r}.")
        if not self.cg_conjugacy > 0:
            raise ValueError(f"MMPS expects cg_conjugacy > 0, got {self.cg_conjugacy!r}.")
        if isinstance(self.cg_max_iter, bool) or not isinstance(self.cg_max_iter, int) or self.cg_max_iter < 1:
            raise ValueError(f"MMPS expects cg_max_iter >= 1, got {self.cg_max_iter!r}.")

    def require(self, problem: Problem) -> None:
        super().require(problem)
        if not isinstance(problem.operator, LinearOperator):
            raise CapabilityError(f"MMPS needs a linear operator; {problem.operator.name} is nonlinear, use DPS.")

    def step(self, problem: Problem, state: SamplerState) -> SamplerState:
        level = self.level(problem, state)
        x0, solve = matched_mean(
            problem, self.prior(problem), state.u, level.sigma, self.cg_rtol, self.cg_max_iter, self.cg_conjugacy
        )
        u = self.ancestor(state, x0, level)
        return self.advance(state, u, x0, solve.residual, solve.iterations)

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        for problem in gaussian_problems():
            yield cls(steps=30, seed=1, cg_rtol=1e-6), problem
