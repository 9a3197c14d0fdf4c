"""Tweedie moment projected diffusion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.solvers.problem import Problem
from recon.solvers.sampling.guidance.guided import Guess, Guided
from recon.solvers.sampling.integrators.euler_sde import EulerSDE
from recon.solvers.sampling.integrators.integrator import Level, Noise, wide
from recon.solvers.sampling.sampler import Sampler
from recon.solvers.sampling.scatter import IndependentScatter, residual, scatter
from recon.solvers.sampling.small_problems import bent_problem, gaussian_problems, noisy_problems
from recon.solvers.sampling.tangent import tangent
from recon.solvers.solver import BiasClass


@dataclass(frozen=True, kw_only=True)
class TMPD(Guided):
    """E[x₀ | u, y] by moment matching, the covariance of the data replaced by a diagonal: with V = σ²Jᵀ, x̂₀ = D(u, σ),

        x̂₀ + V Aᴴ diag(Σ_y + v)⁻¹ (y − A x̂₀),
        form "paper":  v = A V Aᴴ 1, the sums of the rows of the matrix that the diagonal stands for,
        form "code":   v = A V Aᴴ A 1.

    Two adjoint derivatives of the denoiser a step and no solve; :class:`MMPS` solves instead. The sums are the diagonal
    where A V Aᴴ is diagonal; "code" agrees where A takes constant images to constant data of the same value, as masks
    and averages do. Data that are correlated, as those of smooth images, are trusted too little; anticorrelated ones
    have sums that are too small, so that steps overshoot, and samples may diverge. Sums below zero count as zero; the
    authors divide by them. Of complex sums the real part is taken. A nonlinear operator is replaced by its tangent at
    x̂₀.

    Noise must be independent from one measurement to the next.

    Parameters
    ----------
    form
        See above.

    Source: Boys, Girolami, Pidstrigach, Reich, Mosca and Akyildiz, Tweedie moment projected diffusions for inverse
    problems, TMLR 2024; their code samples with the ancestral step or with Euler's (:class:`EulerSDE`).
    """

    names = ("tmpd",)
    kind: ClassVar[BiasClass] = "heuristic"

    clip: bool = True
    form: Literal["paper", "code"] = "paper"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form not in ("paper", "code"):
            raise ValueError(f"TMPD expects form 'paper' or 'code', got {self.form!r}.")

    def require(self, problem: Problem) -> None:
        super().require(problem)
        if not isinstance(scatter(problem, problem.data), IndependentScatter):
            given = type(problem.noise).__name__
            raise CapabilityError(f"TMPD needs noise independent from one measurement to the next, got {given}.")

    def guide(self, problem: Problem, u: Tensor, level: Level, noise: Noise) -> Guess:
        x0, pullback = self.prior(problem).linearise(u, level.at)
        A, variance = tangent(problem.operator, x0), wide(level.sigma.square(), u)
        ones = torch.ones_like(A.value) if self.form == "paper" else A.forward(torch.ones_like(x0))
        sums = A.forward(variance * pullback(A.adjoint(ones)))
        sums = (sums.real if sums.is_complex() else sums).clamp(min=0)
        diagonal = scatter(problem, A.value).times(torch.ones_like(sums)) + sums
        v = residual(problem, A.value) / diagonal
        return Guess(x0 + variance * pullback(A.adjoint(v)))

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        for problem in gaussian_problems():
            yield cls(steps=30, seed=1), problem
        for problem in noisy_problems():
            yield cls(steps=30, integrator=EulerSDE()), problem
        yield cls(steps=6, form="code"), bent_problem()
