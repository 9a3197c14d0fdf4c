"""Plug-and-play proximal gradient descent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.operators.tensors import per_item
from recon.solvers.norms import step_norm
from recon.solvers.optimisation.plug_and_play import PlugAndPlay, Watch, denoiser_of, small_problem
from recon.solvers.optimisation.quadratic import data_gradient
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule


class PnPPGDState(NamedTuple):
    """x, the gradient step per item, and the steps watched."""

    x: Tensor
    tau: Tensor
    watch: Watch


@dataclass(frozen=True, kw_only=True)
class PnPPGD(PlugAndPlay):
    """x⁺ = D(x − τ Aᴴ∇f(A x), σ_d), with τ = step_size/(Lip(∇f)‖A‖²).

    The gradient step is nonexpansive for step_size ≤ 2, which is required.

    Parameters
    ----------
    step_size
        In (0, 2).

    Source: Venkatakrishnan, Bouman and Wohlberg, GlobalSIP 2013, for the idea; Kamilov, Mansour and Wohlberg, IEEE
    Signal Process. Lett. 24 (2017) 1872, for this loop.
    """

    names = ("pnp_pgd",)

    stop: Rule = MaxIter(100)
    step_size: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.step_size < 2:
            raise ValueError(f"PnPPGD expects step_size in (0, 2), got {self.step_size!r}.")

    def require(self, problem: Problem) -> None:
        denoiser_of(problem, self.name)
        problem.linear  # noqa: B018  (raises for nonlinear operators)
        if problem.likelihood.lipschitz() is None:
            raise CapabilityError(
                f"PnPPGD needs a data term with a Lipschitz gradient; {problem.likelihood.name} has none."
            )

    def init(self, problem: Problem, initial: Tensor | None = None) -> PnPPGDState:
        constant = problem.likelihood.lipschitz()
        assert constant is not None
        x, watch = self.begin(problem, initial)
        tau = self.step_size / (constant * step_norm(problem.linear, problem.zeros()) ** 2)
        return PnPPGDState(x, tau + 0 * watch.floor, watch)

    def step(self, problem: Problem, state: PnPPGDState) -> PnPPGDState:
        x = state.x
        gradient = data_gradient(problem, x)
        moved = x - per_item(state.tau, x, len(problem.shape)) * gradient
        image, watch = self.watch(self.denoise(problem, moved), x, state.watch)
        return PnPPGDState(image, state.tau, watch)

    def image(self, state: PnPPGDState) -> Tensor:
        return state.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        yield cls(stop=MaxIter(40)), small_problem()
