"""Plug-and-play accelerated proximal gradient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.tensors import item_dot, per_item
from recon.solvers.optimisation.plug_and_play import Watch, small_problem
from recon.solvers.optimisation.pnp_pgd import PnPPGD
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule


class PnPFISTAState(NamedTuple):
    """x, the extrapolated v; gradient step, momentum and steps per item."""

    x: Tensor
    v: Tensor
    tau: Tensor
    momentum: Tensor
    watch: Watch


@dataclass(frozen=True, kw_only=True)
class PnPFISTA(PnPPGD):
    """x⁺ = D(v − τ Aᴴ∇f(A v), σ_d),   t⁺ = (1 + √(1 + 4t²))/2,   v⁺ = x⁺ + (t − 1)/t⁺ (x⁺ − x)

    with τ = step_size/(Lip(∇f)‖A‖²). Its fixed points are those of :class:`PnPPGD`, reached in fewer iterations where D
    is a prox or close to one; for others momentum may be what makes the loop diverge.

    Parameters
    ----------
    restart
        Whether momentum restarts (t = 1), per item, where Re⟨v − x⁺, x⁺ − x⟩ > 0.

    Source: Kamilov, Mansour and Wohlberg, IEEE Signal Process. Lett. 24 (2017) 1872.
    """

    names = ("pnp_fista",)

    stop: Rule = MaxIter(100)
    restart: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.step_size > 1:
            raise ValueError(f"PnPFISTA expects step_size in (0, 1], got {self.step_size!r}.")

    def init(self, problem: Problem, initial: Tensor | None = None) -> PnPFISTAState:  # type: ignore[override]
        x, tau, watch = super().init(problem, initial)
        return PnPFISTAState(x, x, tau, torch.ones_like(tau), watch)

    def step(self, problem: Problem, state: PnPFISTAState) -> PnPFISTAState:  # type: ignore[override]
        A, n = problem.linear, len(problem.shape)
        gradient = A.adjoint(problem.likelihood.grad(A(state.v)))
        x = self.denoise(problem, state.v - per_item(state.tau, state.v, n) * gradient)
        x, watch = self.watch(x, state.x, state.watch)
        t = state.momentum
        if self.restart:
            t = torch.where(item_dot(state.v - x, x - state.x, n) > 0, 1, t)
        t_next = (1 + (1 + 4 * t.square()).sqrt()) / 2
        v = x + per_item((t - 1) / t_next, x, n) * (x - state.x)
        return PnPFISTAState(x, v, state.tau, t_next, watch)

    def image(self, state: PnPFISTAState) -> Tensor:  # type: ignore[override]
        return state.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        yield cls(stop=MaxIter(40)), small_problem()
        yield cls(stop=MaxIter(20), restart=False, averaging=0.5, probes=3), small_problem()
