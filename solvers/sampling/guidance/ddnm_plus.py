"""Denoising diffusion null-space models for noisy data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError, LinearOperator
from recon.operators.tensors import checked_count
from recon.solvers.problem import Problem
from recon.solvers.sampling.guidance.guided import Guess, Guided
from recon.solvers.sampling.guidance.pseudo_inverse import pseudo_inverse
from recon.solvers.sampling.guidance.spectral import needs_svd, spectral, spectral_step
from recon.solvers.sampling.integrators.ancestral import Ancestral
from recon.solvers.sampling.integrators.dpm_solver import DPMSolver
from recon.solvers.sampling.integrators.integrator import Level, Noise, ancestral_noise, wide
from recon.solvers.sampling.sampler import Sampler, SamplerState
from recon.solvers.sampling.scatter import residual, scatter
from recon.solvers.sampling.small_problems import gaussian_problems
from recon.solvers.solver import BiasClass


@dataclass(frozen=True, kw_only=True)
class DDNMPlus(Guided):
    """The correction of :class:`DDNM` with as much of the data as their noise allows, x̂₀ = D − Λ A⁺(A D − y) with
    D = D(u, σ), and noise of which that much less is added. With A = U diag(s_i) Vᴴ and c_i = σ_y/s_i:

        form "svd":     Λ = V diag(λ_i) Vᴴ with λ_i = 1 where s ≥ c_i, else (1 − η²)^½ s/c_i; then, per singular value,
                        u′ = x̂₀ + φ_i z with φ_i = (s² − c_i²)^½ where s ≥ c_i, else η s;
                        where s_i = 0, u′ = D + s ((1 − η²)^½ (u − D)/σ + η z).
        form "simple":  Λ = λ = min(1, t/(aσ_y)) with t = s (1 − (s/σ)²)^½ and a = 1 − (s/σ)²; then
                        u′ = x̂₀ + (s/σ)² (u − x̂₀) + (t² − (aλσ_y)²)^½ z, which takes A⁺ for of norm one.
        form "guidance": Λ as in "svd" with η = 0, and white noise by any integrator.

    "svd" is the authors' code, and equal to :class:`DDRM` with η_b = 1 but for the start, which is noise here; what
    stands there of the spread is true here. Their "simplified" code differs from "simple", its equations 17 and 19: it
    takes 1 − ᾱ² for 1 − ᾱ and multiplies noise by (t² − (aλσ_y)²)^½ once more. Time travel is left out. Heuristic.

    The operator must be linear, with a singular value decomposition but for "simple"; the noise white.

    Parameters
    ----------
    form
        See above.
    eta
        η in [0, 1] of "svd".
    integrator
        Of "guidance".
    cg_rtol, cg_max_iter
        Of "simple": where conjugate gradients for A⁺ stop if it has no closed form; measured as ``cg_residual``,
        ``cg_iterations``.

    Source: Wang, Yu and Zhang, Zero-shot image restoration using denoising diffusion null-space model, ICLR 2023,
    equations 17 to 19 and appendix on noisy data.
    """

    names = ("ddnm_plus",)
    kind: ClassVar[BiasClass] = "heuristic"
    white: ClassVar[bool] = True
    measures: ClassVar[frozenset[str]] = Sampler.measures | {"cg_residual", "cg_iterations"}
    recorded: ClassVar[tuple[str, ...]] = ("cg_residual", "cg_iterations")

    form: Literal["svd", "simple", "guidance"] = "svd"
    eta: float = 0.85
    cg_rtol: float = 1e-6
    cg_max_iter: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form not in ("svd", "simple", "guidance"):
            raise ValueError(f"DDNMPlus expects form 'svd', 'simple' or 'guidance', got {self.form!r}.")
        if self.form != "guidance" and self.integrator != Ancestral():
            raise ValueError(f"DDNMPlus takes an integrator with form 'guidance' only, not with {self.form!r}.")
        if not 0 <= self.eta <= 1:
            raise ValueError(f"DDNMPlus expects 0 <= eta <= 1, got {self.eta!r}.")
        if not 0 < self.cg_rtol < 1:
            raise ValueError(f"DDNMPlus expects 0 < cg_rtol < 1, got {self.cg_rtol!r}.")
        checked_count(self.cg_max_iter, "DDNMPlus", "cg_max_iter")

    def require(self, problem: Problem) -> None:
        super().require(problem)
        if self.form != "simple":
            needs_svd(problem.operator, f"DDNMPlus with form {self.form!r}")
        elif not isinstance(problem.operator, LinearOperator):
            raise CapabilityError(f"DDNMPlus needs a linear operator; {problem.operator.name} is nonlinear.")

    def guide(self, problem: Problem, u: Tensor, level: Level, noise: Noise) -> Guess:
        denoised, data = self.prior(problem)(u, level.at), spectral(problem)
        x = data.V.adjoint(denoised)
        weight = (wide(level.lower, x) / data.c).clamp(max=1)
        change = data.V(torch.where(data.seen, weight * (data.y - x), 0))
        zero = torch.zeros(len(u), dtype=change.real.dtype if u.is_complex() else change.dtype, device=u.device)
        return Guess(denoised + change, records=(zero, zero))

    def step(self, problem: Problem, state: SamplerState) -> SamplerState:
        if self.form == "guidance":
            return super().step(problem, state)
        level, z = self.level(problem, state), self.noise(problem, state)(0)
        denoised = self.prior(problem)(state.u, level.at)
        if self.form == "simple":
            return self._simple(problem, state, level, denoised, z)
        u = spectral_step(spectral(problem), state.u, denoised, level, z, self.eta, 1.0)
        zero = torch.zeros_like(state.records[0])
        return self.advance(state, u, denoised, zero, zero)

    def _simple(self, problem: Problem, state: SamplerState, level: Level, denoised: Tensor, z: Tensor) -> SamplerState:
        A = problem.linear
        variance = scatter(problem, problem.data).white
        assert variance is not None
        sigma_y = variance.to("cpu", torch.float64).sqrt()
        t, a = ancestral_noise(level), 1 - (level.lower / level.sigma).square()
        weight = (t / (a * sigma_y)).clamp(max=1)
        fresh = (t.square() - (a * weight * sigma_y).square()).clamp(min=0).sqrt()
        change, solve = pseudo_inverse(A, residual(problem, A(denoised)), self.cg_rtol, self.cg_max_iter)
        x0 = denoised + wide(weight, z) * change
        u = x0 + wide((level.lower / level.sigma).square(), z) * (state.u - x0) + wide(fresh, z) * z
        return self.advance(state, u, x0, solve.residual, solve.iterations)

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        for problem in gaussian_problems():
            yield cls(steps=30, seed=1), problem
        yield cls(steps=30, form="simple"), next(gaussian_problems())
        yield cls(steps=30, form="guidance", integrator=DPMSolver()), next(gaussian_problems())
