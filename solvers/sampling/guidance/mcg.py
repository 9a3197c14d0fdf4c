"""Manifold constrained gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError, LinearOperator
from recon.operators.tensors import checked_count, item_norm
from recon.solvers.problem import Problem
from recon.solvers.sampling.guidance.data_gradient import data_gradient
from recon.solvers.sampling.guidance.guided import Guess, Guided
from recon.solvers.sampling.guidance.pseudo_inverse import pseudo_inverse
from recon.solvers.sampling.integrators.integrator import Level, Noise, wide
from recon.solvers.sampling.sampler import Sampler, SamplerState
from recon.solvers.sampling.scatter import residual
from recon.solvers.sampling.small_problems import gaussian_problems, noisy_problems
from recon.solvers.solver import BiasClass


@dataclass(frozen=True, kw_only=True)
class MCG(Guided):
    """A step down the data residual, then a projection onto the noisy data; in the prior's variance-preserving
    coordinates x_i, with x̂₀ = D the denoised state, x′ the DDPM step to i − 1, and s the next level:

        form "paper":  x″ = x′ − α ∇_{x_i} ‖y − A x̂₀(x_i)‖²,
        form "code":   x″ = x′ − α ∇_{x_i} ‖y − A x̂₀(x_i)‖,
        both:          u ← u″ − A⁺(A(u″ − s z) − y),

    u″ being x″ as x₀ + s z. So A x = y at the end, where y is in the range of A: for data without noise, of which no
    account is taken. Heuristic. Norms are per item, that of the code is over the batch; what the code leaves of the
    gradient, its part in the kernel of A, is what the projection leaves of it. For tomography the authors replace the
    projection by one step of SIRT and weight the norm by filtered backprojection; here it is A⁺ for all.

    A published α is for data of images in network values (see :class:`DPS`); in form "paper" its factor enters twice.
    The operator must be linear. A⁺ is its ``pinv``, or comes from conjugate gradients; ``constraint`` measures
    ‖A x − y‖/‖y‖.

    Parameters
    ----------
    alpha
        α ≥ 0.
    form
        See above.
    cg_rtol, cg_max_iter
        Where conjugate gradients for A⁺ stop.

    Source: Chung, Sim, Ryu and Ye, Improving diffusion models for inverse problems using manifold constraints,
    NeurIPS 2022.
    """

    names = ("mcg",)
    kind: ClassVar[BiasClass] = "heuristic"
    measures: ClassVar[frozenset[str]] = Sampler.measures | {"constraint"}

    alpha: float = 1.0
    form: Literal["paper", "code"] = "code"
    cg_rtol: float = 1e-6
    cg_max_iter: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form not in ("paper", "code"):
            raise ValueError(f"MCG expects form 'paper' or 'code', got {self.form!r}.")
        if not 0 <= self.alpha < inf:
            raise ValueError(f"MCG expects alpha >= 0, got {self.alpha!r}.")
        if not 0 < self.cg_rtol < 1:
            raise ValueError(f"MCG expects 0 < cg_rtol < 1, got {self.cg_rtol!r}.")
        checked_count(self.cg_max_iter, "MCG", "cg_max_iter")

    def require(self, problem: Problem) -> None:
        super().require(problem)
        if not isinstance(problem.operator, LinearOperator):
            raise CapabilityError(f"MCG needs a linear operator; {problem.operator.name} is nonlinear.")

    def guide(self, problem: Problem, u: Tensor, level: Level, noise: Noise) -> Guess:
        prior = self.prior(problem)
        x0, pullback = prior.linearise(u, level.at, once=True)
        found = data_gradient(problem, prior, x0, pullback, level, -self.alpha)
        by = found.factor if self.form == "code" else 2 * found.factor * found.norm
        return Guess(x0, found.direction, by)

    def after(self, problem: Problem, u: Tensor, level: Level, noise: Noise) -> Tensor:
        A = problem.linear
        away = residual(problem, A(u - wide(level.lower, u) * noise(16)))
        return u + pseudo_inverse(A, away, self.cg_rtol, self.cg_max_iter)[0]

    def measure(self, problem: Problem, state: SamplerState) -> dict[str, Tensor]:
        n = len(problem.operator.range_shape)
        y = residual(problem, torch.zeros_like(problem.data))
        size = item_norm(y, n)
        away = item_norm(y - problem.operator(state.estimate), n) / torch.where(size > 0, size, 1)
        return {**super().measure(problem, state), "constraint": away}

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        for problem in gaussian_problems():
            yield cls(steps=30, alpha=0.3, seed=1), problem
        for problem in noisy_problems():
            yield cls(steps=30, alpha=0.1), problem
        yield cls(steps=30, alpha=0.05, form="paper"), next(gaussian_problems())
