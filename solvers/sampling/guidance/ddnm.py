"""Denoising diffusion null-space models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from recon.operators.linear import CapabilityError, LinearOperator
from recon.operators.tensors import checked_count
from recon.solvers.problem import Problem
from recon.solvers.sampling.guidance.guided import Guess, Guided
from recon.solvers.sampling.guidance.pseudo_inverse import pseudo_inverse
from recon.solvers.sampling.integrators.integrator import Level, Noise
from recon.solvers.sampling.integrators.renoise import Renoise
from recon.solvers.sampling.sampler import Sampler
from recon.solvers.sampling.scatter import residual
from recon.solvers.sampling.small_problems import gaussian_problems, noisy_problems
from recon.solvers.solver import BiasClass


@dataclass(frozen=True, kw_only=True)
class DDNM(Guided):
    """The denoised image with its part in the range of Aᴴ replaced by that of the data:

        x̂₀ = A⁺y + (I − A⁺A) D(u, σ),

    then an ancestral step. So A x = A A⁺y holds exactly at the end: for data without noise. Noise passes to the image
    times A⁺; :class:`DDNMPlus` and others know of it. Heuristic.

    form "paper" takes steps from u and x̂₀ (equation 14, DDPM). form "code" is u′ = x̂₀ + s ((1 − η²)^½ (u − D)/σ + η z),
    with the noise that the prior predicted before the correction; it needs ``integrator=Renoise(eta**2)``, the authors
    have η = 0.85. Their time travel is left out.

    The operator must be linear. A⁺ is its ``pinv``, or comes from conjugate gradients.

    Parameters
    ----------
    form
        See above.
    cg_rtol, cg_max_iter
        Where conjugate gradients stop; measured as ``cg_residual``, ``cg_iterations``.

    Source: Wang, Yu and Zhang, Zero-shot image restoration using denoising diffusion null-space model, ICLR 2023,
    equations 13 and 14, Algorithm 1.
    """

    names = ("ddnm",)
    kind: ClassVar[BiasClass] = "heuristic"
    measures: ClassVar[frozenset[str]] = Sampler.measures | {"cg_residual", "cg_iterations"}
    recorded: ClassVar[tuple[str, ...]] = ("cg_residual", "cg_iterations")

    form: Literal["paper", "code"] = "paper"
    cg_rtol: float = 1e-6
    cg_max_iter: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form not in ("paper", "code"):
            raise ValueError(f"DDNM expects form 'paper' or 'code', got {self.form!r}.")
        if self.form == "code" and not isinstance(self.integrator, Renoise):
            given = type(self.integrator).__name__
            raise ValueError(f"DDNM expects a Renoise integrator with form 'code', got {given}.")
        if not 0 < self.cg_rtol < 1:
            raise ValueError(f"DDNM expects 0 < cg_rtol < 1, got {self.cg_rtol!r}.")
        checked_count(self.cg_max_iter, "DDNM", "cg_max_iter")

    def require(self, problem: Problem) -> None:
        super().require(problem)
        if not isinstance(problem.operator, LinearOperator):
            raise CapabilityError(f"DDNM needs a linear operator; {problem.operator.name} is nonlinear.")

    def guide(self, problem: Problem, u: Tensor, level: Level, noise: Noise) -> Guess:
        denoised, A = self.prior(problem)(u, level.at), problem.linear
        change, solve = pseudo_inverse(A, residual(problem, A(denoised)), self.cg_rtol, self.cg_max_iter)
        records = (solve.residual, solve.iterations)
        if self.form == "paper":
            return Guess(denoised + change, records=records)
        assert isinstance(self.integrator, Renoise)
        zeta = self.integrator.zeta
        kept = level.each(lambda sigma, s: (1 - zeta) ** 0.5 * s / sigma)
        return Guess(denoised + change, change, kept, records)

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        for problem in gaussian_problems():
            yield cls(steps=30, seed=1), problem
        for problem in noisy_problems():
            yield cls(steps=30), problem
        yield cls(steps=30, form="code", integrator=Renoise(0.7225)), next(gaussian_problems())
