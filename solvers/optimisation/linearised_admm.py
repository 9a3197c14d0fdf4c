"""The linearised alternating direction method of multipliers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.tensors import item_norm, per_item
from recon.priors.splitting import Saddle
from recon.solvers.optimisation.balance import (
    UPDATES,
    Steps,
    balanced_steps,
    first_balance,
    norm_couplings,
    positive,
)
from recon.solvers.optimisation.saddle import certify, check_norms, require_proximable, split
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule


class LinearisedADMMState(NamedTuple):
    """x, its products Kᵢx, the multipliers yᵢ, ȳᵢ = yᵢ + ρᵢ(Kᵢx − zᵢ) and Kᴴȳ; where these were a step ago."""

    x: Tensor
    images: tuple[Tensor, ...]
    duals: tuple[Tensor, ...]
    pull: Tensor
    before: tuple[Tensor, tuple[Tensor, ...], Tensor]
    steps: Steps
    used: Steps
    iteration: int


@dataclass(frozen=True, kw_only=True)
class LinearisedADMM(Solver):
    """Minimise g(x) + Σᵢ fᵢ(Kᵢ x) by splitting zᵢ = Kᵢx, without solving linear systems.

        x⁺  = prox_{τg}(x − τ Σᵢ Kᵢᴴ(yᵢ + ρᵢ(Kᵢx − zᵢ)))
        zᵢ⁺ = prox_{fᵢ/ρᵢ}(Kᵢx⁺ + yᵢ/ρᵢ),   yᵢ⁺ = yᵢ + ρᵢ(Kᵢx⁺ − zᵢ⁺)

    which is ADMM with the quadratic of the x-step replaced by its majorant ‖·‖²/(2τ), and converges for
    τ Σᵢ ρᵢ‖Kᵢ‖² ≤ 1. τ and ρᵢ begin in the ratio that suits the data and are rebalanced between primal and dual
    residuals, both in the metric of the steps, per item, at iterations 10, 20, 40, ..., 5120. Since
    yᵢ⁺ = prox_{ρᵢ fᵢ*}(yᵢ + ρᵢKᵢx⁺), it is PDHG extrapolating y in the place of x.

    Parameters
    ----------
    ratio
        Multiplies τ and divides every ρᵢ at the beginning.
    adaptive
        Whether to rebalance.

    Errors: CapabilityError for terms without a prox or not convex.

    Sources: Parikh and Boyd, Found. Trends Optim. 1 (2014) 127, section 4.4.2; Boyd et al., Found. Trends Mach. Learn.
    3 (2011) 1, section 3.4.1, for balancing; Goldstein et al., arXiv:1305.0546, for its metric.
    """

    names = ("linearised_admm", "linearized_admm")

    measures = frozenset({"change", "objective", "gap", "relative_gap", "primal_residual", "dual_residual"})

    stop: Rule = MaxIter(500)
    ratio: float = 1.0
    adaptive: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.ratio < float("inf"):
            raise ValueError(f"LinearisedADMM expects ratio > 0, got {self.ratio!r}.")

    def require(self, problem: Problem) -> None:
        require_proximable(problem, self.name)

    def init(self, problem: Problem, initial: Tensor | None = None) -> LinearisedADMMState:
        saddle = split(problem)
        check_norms(saddle, problem.data)
        x = problem.zeros() if initial is None else initial
        images = saddle.forward(x)
        duals = tuple(torch.zeros_like(z) for z in images)
        balance = first_balance(problem, saddle, x)
        steps = balanced_steps(balance, norm_couplings(saddle, x), saddle, len(problem.shape), self.ratio)
        pull = torch.zeros_like(x)
        return LinearisedADMMState(x, images, duals, pull, (x, duals, pull), steps, steps, 0)

    def step(self, problem: Problem, state: LinearisedADMMState) -> LinearisedADMMState:
        saddle, n = split(problem), len(problem.shape)
        tau, penalties = state.steps
        x = state.x - per_item(tau, state.x, n) * state.pull
        if saddle.simple is not None:
            x = saddle.simple.prox(x, tau)
        images, duals = saddle.forward(x), []
        for block, y, z, rho in zip(saddle.blocks, state.duals, images, penalties, strict=True):
            duals.append(block.functional.prox_conjugate(y + per_item(rho, y, block.functional.ndim) * z, rho))
        ahead = tuple(2 * y - old for y, old in zip(duals, state.duals, strict=True))
        before = (state.x, state.duals, state.pull)
        new = LinearisedADMMState(
            x, images, tuple(duals), saddle.adjoint(ahead), before, state.steps, state.steps, state.iteration + 1
        )
        if self.adaptive and new.iteration in UPDATES:
            primal, dual = self._residuals(saddle, new, n)
            factor = (primal / positive(dual)).clamp(0.04, 25).sqrt()
            factor = torch.where(factor > 0, factor, 1)
            # ȳᵢ = yᵢ + ρᵢ(Kᵢx − zᵢ) moves with the penalties.
            moved = tuple(
                y + per_item(factor, y, block.functional.ndim) * (y - old)
                for block, y, old in zip(saddle.blocks, duals, state.duals, strict=True)
            )
            steps = Steps(tau / factor, tuple(rho * factor for rho in penalties))
            new = new._replace(pull=saddle.adjoint(moved), steps=steps)
        return new

    def _residuals(self, saddle: Saddle, state: LinearisedADMMState, ndim: int) -> tuple[Tensor, Tensor]:
        """Kx − z, and the defect of 0 ∈ ∂g(x) + Kᴴy, in the metric of the steps, relative to x and Kᴴy."""
        x, (old_x, old_duals, old_pull), (tau, penalties) = state.x, state.before, state.used
        square = torch.zeros_like(tau)
        for block, y, old, rho in zip(saddle.blocks, state.duals, old_duals, penalties, strict=True):
            square = square + item_norm(y - old, block.functional.ndim).square() / rho
        force = saddle.adjoint(state.duals)
        defect = item_norm((old_x - x) / per_item(tau, x, ndim) + force - old_pull, ndim)
        size = positive(tau.sqrt() * item_norm(force, ndim) + item_norm(x, ndim) / tau.sqrt())
        return square.sqrt() / size, tau.sqrt() * defect / size

    def measure(self, problem: Problem, state: LinearisedADMMState) -> dict[str, Tensor]:
        saddle = split(problem)
        primal, dual = self._residuals(saddle, state, len(problem.shape))
        return {
            **certify(problem, saddle, state.x, state.images, state.duals).record(),
            "primal_residual": primal,
            "dual_residual": dual,
            "tau": state.used.tau,
        }

    def image(self, state: LinearisedADMMState) -> Tensor:
        return state.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        from recon.solvers.optimisation.small_problems import small_problems

        for problem in small_problems():
            yield cls(stop=MaxIter(80)), problem
