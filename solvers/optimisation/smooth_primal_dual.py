"""What primal-dual methods that keep the data term as a gradient have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.tensors import item_norm, per_item
from recon.priors.splitting import Saddle
from recon.solvers.norms import step_norm
from recon.solvers.optimisation.balance import (
    UPDATES,
    Balance,
    Steps,
    first_balance,
    learned_balance,
    norm_couplings,
    positive,
)
from recon.solvers.optimisation.saddle import (
    certify,
    check_norms,
    prior_part,
    require_proximable,
    require_smooth,
    split,
)
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule


class SmoothPoint(NamedTuple):
    """x, A x, ∇F(x), the duals yⱼ and Lᴴy."""

    x: Tensor
    data_image: Tensor
    gradient: Tensor
    duals: tuple[Tensor, ...]
    pull: Tensor


class SmoothState(NamedTuple):
    """The iterate, the latest proximal x̃, A x̃ and ỹ; the iterate and the steps they came from, and what L met."""

    at: SmoothPoint
    x: Tensor
    data_image: Tensor
    duals: tuple[Tensor, ...]
    origin: SmoothPoint
    ahead: Tensor
    anchor: tuple[Tensor, ...]
    balance: Balance
    lipschitz: Tensor
    steps: Steps
    used: Steps
    iteration: int


@dataclass(frozen=True, kw_only=True)
class SmoothPrimalDual(Solver):
    """Base of the methods for F(x) + g(x) + Σⱼ hⱼ(Lⱼx) with F = f∘A of Lipschitz gradient, β = Lip(∇f)‖A‖²."""

    measures = frozenset({"change", "objective", "gap", "relative_gap", "primal_residual", "dual_residual"})

    stop: Rule = MaxIter(500)
    ratio: float = 1.0
    adaptive: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.ratio < float("inf"):
            raise ValueError(f"{self.name} expects ratio > 0, got {self.ratio!r}.")

    def require(self, problem: Problem) -> None:
        require_smooth(problem, self.name)
        require_proximable(problem, self.name)

    @abstractmethod
    def tau(self, free: Tensor, lipschitz: Tensor) -> Tensor:
        """τ, from Σⱼ Yⱼ‖Lⱼ‖/X and β; σⱼ follow from :meth:`room`."""

    @abstractmethod
    def room(self, tau: Tensor, lipschitz: Tensor) -> Tensor:
        """The largest Σⱼ σⱼ‖Lⱼ‖² that this τ leaves."""

    def find_steps(self, saddle: Saddle, balance: Balance, lipschitz: Tensor) -> Steps:
        """τ and σⱼ, in the ratio of Yⱼ/‖Lⱼ‖, from estimates of the distances to travel."""
        norms = norm_couplings(saddle, balance.travel).rows
        parts = [size * norm for size, norm in zip(balance.sizes, norms, strict=True)]
        total = torch.stack(parts).sum(0) if parts else torch.zeros_like(balance.travel)
        tau = self.tau(total / (self.ratio * balance.travel), lipschitz)
        share = self.room(tau, lipschitz) / positive(total)
        return Steps(tau, tuple(share * size / norm for size, norm in zip(balance.sizes, norms, strict=True)))

    def init(self, problem: Problem, initial: Tensor | None = None) -> SmoothState:
        saddle, prior = split(problem), prior_part(split(problem))
        check_norms(saddle, problem.data)
        x = problem.zeros() if initial is None else initial
        image = problem.linear(x)
        duals = tuple(torch.zeros_like(z) for z in prior.forward(x))
        at = SmoothPoint(x, image, problem.linear.adjoint(problem.likelihood.grad(image)), duals, torch.zeros_like(x))
        whole = first_balance(problem, saddle, x)
        balance = Balance(whole.travel, whole.sizes[1:])
        constant = problem.likelihood.lipschitz()
        assert constant is not None
        lipschitz = constant * step_norm(problem.linear, x) ** 2 * torch.ones_like(whole.travel)
        steps = self.find_steps(prior, balance, lipschitz)
        return SmoothState(at, x, image, duals, at, x, (x, *duals), balance, lipschitz, steps, steps, 0)

    @abstractmethod
    def step(self, problem: Problem, state: SmoothState) -> SmoothState: ...

    def descend(self, problem: Problem, state: SmoothState) -> Tensor:
        """x̃ = prox_{τg}(x − τ(∇F(x) + Lᴴy))."""
        at, simple = state.at, split(problem).simple
        tau = per_item(state.steps.tau, at.x, len(problem.shape))
        x = at.x - tau * (at.gradient + at.pull)
        return x if simple is None else simple.prox(x, state.steps.tau)

    def ascend(self, prior: Saddle, state: SmoothState, ahead: Tensor) -> tuple[Tensor, ...]:
        """ỹⱼ = prox_{σⱼ hⱼ*}(yⱼ + σⱼ Lⱼ v) for a point v ahead."""
        duals = []
        for block, y, sigma in zip(prior.blocks, state.at.duals, state.steps.sigmas, strict=True):
            moved = y + per_item(sigma, y, block.functional.ndim) * block.operator(ahead)
            duals.append(block.functional.prox_conjugate(moved, sigma))
        return tuple(duals)

    def advance(self, prior: Saddle, state: SmoothState, new: SmoothPoint, ahead: Tensor) -> SmoothState:
        """The state at a new iterate, whose proximal point is to be filled in; steps learn where it is time."""
        count, balance, steps, anchor = state.iteration + 1, state.balance, state.steps, state.anchor
        if self.adaptive and count in UPDATES:
            balance = learned_balance(prior, balance, new.x, new.duals, anchor)
            steps = self.find_steps(prior, balance, state.lipschitz)
            anchor = (new.x, *new.duals)
        return state._replace(
            at=new,
            origin=state.at,
            ahead=ahead,
            anchor=anchor,
            balance=balance,
            steps=steps,
            used=state.steps,
            iteration=count,
        )

    def measure(self, problem: Problem, state: SmoothState) -> dict[str, Tensor]:
        saddle, n = split(problem), len(problem.shape)
        prior = prior_part(saddle)
        x, (tau, sigmas), start = state.x, state.used, state.origin
        images = prior.forward(x)
        slope = problem.likelihood.grad(state.data_image)
        gradient = problem.linear.adjoint(slope)
        pull = prior.adjoint(state.duals) if prior.blocks else torch.zeros_like(x)

        # Residuals of 0 ∈ ∂g(x̃) + ∇F(x̃) + Lᴴỹ and 0 ∈ ∂h*(ỹ) − Lx̃, in the metric of the steps.
        width = per_item(tau, x, n)
        defect = (start.x - x) / width + (gradient - start.gradient) + (pull - start.pull)
        square = torch.zeros_like(tau)
        for block, y, old, z, sigma in zip(prior.blocks, state.duals, start.duals, images, sigmas, strict=True):
            m = block.functional.ndim
            miss = (old - y) / per_item(sigma, y, m) + block.operator(state.ahead) - z
            square = square + sigma * item_norm(miss, m).square()
        size = positive(tau.sqrt() * item_norm(gradient + pull, n) + item_norm(x, n) / tau.sqrt())
        return {
            **certify(problem, saddle, x, (state.data_image, *images), (slope, *state.duals)).record(),
            "primal_residual": tau.sqrt() * item_norm(defect, n) / size,
            "dual_residual": square.sqrt() / size,
            "tau": tau,
        }

    def image(self, state: SmoothState) -> Tensor:
        return state.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        from recon.solvers.optimisation.small_problems import small_problems

        for problem in small_problems():
            yield cls(stop=MaxIter(80)), problem
