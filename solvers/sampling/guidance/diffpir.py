"""Denoising diffusion for plug-and-play image restoration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import ClassVar, Literal

from torch import Tensor

from recon.solvers.problem import Problem
from recon.solvers.sampling.guidance.guided import Guess
from recon.solvers.sampling.guidance.solved import SolvedGuidance
from recon.solvers.sampling.integrators.integrator import Integrator, Level, Noise, plus
from recon.solvers.sampling.integrators.renoise import Renoise
from recon.solvers.sampling.sampler import Sampler
from recon.solvers.sampling.small_problems import bent_problem, gaussian_problems, noisy_problems
from recon.solvers.sampling.tangent import tangent
from recon.solvers.solver import BiasClass


@dataclass(frozen=True, kw_only=True)
class DiffPIR(SolvedGuidance):
    """The denoised image made to fit the data by a proximal step, then noise of which a share ζ is new:

        x̂₀ = argmin_x ‖y − A x‖²_{Σ_y⁻¹} + (λ/σ²) ‖x − D(u, σ)‖²,   u′ = x̂₀ + s ((1 − ζ)^½ (u − x̂₀)/σ + ζ^½ z).

    Heuristic: λ = 1 takes x₀ given u for N(D, σ²I), wider than it is. No derivative of the denoiser is taken. ζ belongs
    to the integrator, ``Renoise(0.3)`` by default; any other one may be used. A nonlinear operator is replaced by its
    tangent at D.

    form "paper" takes the proximal step always, "code" not in the last step, which ends on D itself. The λ of the
    authors' code is four times the paper's and ours: there images are in [−1, 1] and the data term in [0, 1].

    Parameters
    ----------
    lam
        λ > 0.
    form
        See above.

    Source: Zhu, Zhang, Liang, Cao, Wen, Timofte and Van Gool, Denoising diffusion models for plug-and-play image
    restoration, CVPR workshops 2023, Algorithm 1.
    """

    names = ("diffpir",)
    kind: ClassVar[BiasClass] = "heuristic"

    integrator: Integrator = Renoise(0.3)
    lam: float = 1.0
    form: Literal["paper", "code"] = "paper"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form not in ("paper", "code"):
            raise ValueError(f"DiffPIR expects form 'paper' or 'code', got {self.form!r}.")
        if not 0 < self.lam < inf:
            raise ValueError(f"DiffPIR expects lam > 0, got {self.lam!r}.")

    def guide(self, problem: Problem, u: Tensor, level: Level, noise: Noise) -> Guess:
        x0 = self.prior(problem)(u, level.at)
        A, rho = tangent(problem.operator, x0), level.each(lambda sigma, s: sigma**2 / self.lam)
        v, records = self.pulled(problem, A, rho)
        last = 0.0 if self.form == "code" else 1.0
        factor = level.each(lambda sigma, s: sigma**2 / self.lam * (1 if s > 0 else last))
        return Guess(plus(x0, factor, v), records=records)

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        for problem in gaussian_problems():
            yield cls(steps=30, seed=1), problem
        for problem in noisy_problems():
            yield cls(steps=30, cg_rtol=1e-6, lam=0.5, form="code"), problem
        yield cls(steps=6, cg_rtol=1e-6), bent_problem()
