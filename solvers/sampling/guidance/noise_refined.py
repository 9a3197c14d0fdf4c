"""Guidance by a likelihood in closed form, without derivatives of the denoiser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import ClassVar, Literal

from torch import Tensor

from recon.solvers.problem import Problem
from recon.solvers.sampling.guidance.guided import Guess
from recon.solvers.sampling.guidance.solved import SolvedGuidance
from recon.solvers.sampling.integrators.ancestral import Ancestral
from recon.solvers.sampling.integrators.ddim import DDIM
from recon.solvers.sampling.integrators.integrator import Integrator, Level, Noise, plus
from recon.solvers.sampling.sampler import Sampler
from recon.solvers.sampling.small_problems import bent_problem, gaussian_problems, noisy_problems
from recon.solvers.sampling.tangent import tangent
from recon.solvers.solver import BiasClass


@dataclass(frozen=True, kw_only=True)
class NoiseRefined(SolvedGuidance):
    """Noise-refined likelihood guidance: the noise that the prior predicts is corrected by a likelihood score,

        ε̂ ← ε̂ − w σ G,  which is x̂₀ = D(u, σ) + w σ² G,  with  G = Aᴴ (Σ_y + σ² A Aᴴ)⁻¹ (y − A c),

    the score of y | u ~ N(A c, Σ_y + σ² A Aᴴ) as if dc/du were 1; then a step of DDIM. Heuristic.

        center "estimate":  c = D(u, σ), so that x₀ given u is taken for N(D, σ²I). With w = 1 this is the proximal step
                            of :class:`DiffPIR` with λ = 1, on another integrator.
        center "state":     c = u: x₀ given u is taken for N(u, σ²I), as if p(x₀) were flat. With the ancestral
                            integrator this is DMPS (Meng and Kabashima, ACML 2024, who take w = 1.75).

    A nonlinear operator is replaced by its tangent at c.

    Parameters
    ----------
    weight
        w > 0.
    center
        See above.

    Source: after Wang, Liu and Wei, Zero-shot solving of imaging inverse problems via noise-refined likelihood guided
    diffusion models, arXiv 2506.13391 (2025): the idea, a likelihood score in closed form that refines the predicted
    noise within DDIM, is theirs; the equations here were derived from it and may differ from theirs in constants.
    """

    names = ("noise_refined", "nrlg")
    kind: ClassVar[BiasClass] = "heuristic"

    integrator: Integrator = DDIM()
    weight: float = 1.0
    center: Literal["estimate", "state"] = "estimate"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.center not in ("estimate", "state"):
            raise ValueError(f"NoiseRefined expects center 'estimate' or 'state', got {self.center!r}.")
        if not 0 < self.weight < inf:
            raise ValueError(f"NoiseRefined expects weight > 0, got {self.weight!r}.")

    def guide(self, problem: Problem, u: Tensor, level: Level, noise: Noise) -> Guess:
        x0, rho = self.prior(problem)(u, level.at), level.each(lambda sigma, s: sigma**2)
        A = tangent(problem.operator, x0 if self.center == "estimate" else u)
        G, records = self.pulled(problem, A, rho)
        return Guess(plus(x0, self.weight * rho, G), records=records)

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        for problem in gaussian_problems():
            yield cls(steps=30, seed=1), problem
        for problem in noisy_problems():
            yield cls(steps=30, cg_rtol=1e-6), problem
        yield cls(steps=30, center="state", integrator=Ancestral()), next(gaussian_problems())
        yield cls(steps=6, cg_rtol=1e-6), bent_problem()
