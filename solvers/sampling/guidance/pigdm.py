"""Pseudoinverse-guided diffusion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import hypot, inf
from typing import ClassVar, Literal

from torch import Tensor

from recon.solvers.problem import Problem
from recon.solvers.sampling.guidance.guided import Guess
from recon.solvers.sampling.guidance.solved import SolvedGuidance
from recon.solvers.sampling.integrators.ddim import DDIM
from recon.solvers.sampling.integrators.integrator import Level, Noise, plus
from recon.solvers.sampling.sampler import Sampler
from recon.solvers.sampling.small_problems import bent_problem, gaussian_problems, noisy_problems
from recon.solvers.sampling.tangent import tangent
from recon.solvers.solver import BiasClass


@dataclass(frozen=True, kw_only=True)
class PiGDM(SolvedGuidance):
    """ΠGDM: guidance by p(y | u) where the covariance of x₀ given u is taken to be r²I. With x̂₀ = D(u, σ),

        g = Jᵀ Aᴴ (Σ_y + r² A Aᴴ)⁻¹ (y − A x̂₀),   r² = ν σ²/(ν + σ²),

        form "score":  σ² g is added to x̂₀, as the score of p(u | y) has it,
        form "paper":  r² (1 + s²)^½ g is added to the state after the step to the next level s (√α_t g in Algorithm 1),
        form "code":   r² g is added to it (√(α_s α_t) g there), what the authors' code does by default.

    σ and s here are in units of the values in which the prior's variance-preserving process runs, for which the paper
    takes ν = 1. For white noise, and x₀ ~ N(μ, νI), "score" samples the posterior up to the error of the schedule and
    of the solve; otherwise all forms are heuristics. Neither the paper nor the code corrects the direction of the noise
    in "paper" and "code"; and the authors start at the noisy version of A⁺y, where we start at noise. A nonlinear
    operator is replaced by its tangent at x̂₀, where the paper has a pseudo-inverse h† of it.

    Parameters
    ----------
    form
        See above.
    variance
        ν > 0, the variance of the values in which the prior's variance-preserving process runs.

    Source: Song, Vahdat, Mardani and Kautz, Pseudoinverse-guided diffusion models for inverse problems, ICLR 2023,
    equations 7 and 8, Algorithm 1; ``variance`` as in the code of Boys et al., TMLR 2024.
    """

    names = ("pigdm",)
    kind: ClassVar[BiasClass] = "heuristic"

    clip: bool = True
    form: Literal["score", "paper", "code"] = "score"
    variance: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form not in ("score", "paper", "code"):
            raise ValueError(f"PiGDM expects form 'score', 'paper' or 'code', got {self.form!r}.")
        if not 0 < self.variance < inf:
            raise ValueError(f"PiGDM expects variance > 0, got {self.variance!r}.")

    def guide(self, problem: Problem, u: Tensor, level: Level, noise: Noise) -> Guess:
        prior = self.prior(problem)
        x0, pullback = prior.linearise(u, level.at, once=True)
        A, nu = tangent(problem.operator, x0), self.variance / prior.scale**2

        def r2(sigma: float, s: float) -> float:
            return nu * sigma**2 / (nu + sigma**2)

        v, records = self.pulled(problem, A, level.each(r2))
        g = pullback(v)
        if self.form == "score":
            return Guess(plus(x0, level.each(lambda sigma, s: sigma**2), g), records=records)
        paper = self.form == "paper"
        factor = level.each(lambda sigma, s: r2(sigma, s) * (hypot(1, prior.scale * s) if paper else 1))
        return Guess(x0, g, factor, records)

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        for problem in gaussian_problems():
            yield cls(steps=30, seed=1), problem
        for problem in noisy_problems():
            yield cls(steps=30, cg_rtol=1e-6, variance=0.16), problem
        yield cls(steps=30, form="paper"), next(gaussian_problems())
        yield cls(steps=30, form="code", integrator=DDIM()), next(gaussian_problems())
        yield cls(steps=6, cg_rtol=1e-6), bent_problem()
