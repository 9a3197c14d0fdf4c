"""Plug-and-play ADMM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.tensors import item_norm
from recon.solvers.optimisation.plug_and_play import PlugAndPlay, Watch, denoiser_of, small_problem
from recon.solvers.optimisation.quadratic import data_prox, quadratic
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule


class PnPADMMState(NamedTuple):
    """The data-consistent image x, the denoised image v, the scaled multiplier u; figures per item."""

    x: Tensor
    v: Tensor
    u: Tensor
    primal_residual: Tensor
    dual_residual: Tensor
    inner_residual: Tensor
    watch: Watch


@dataclass(frozen=True, kw_only=True)
class PnPADMM(PlugAndPlay):
    """ADMM with a denoiser for the prior's prox.

        x⁺ = argmin_x f(A x) + μ/2 ‖x − v + u‖²,   μ = lam/σ_d²
        v⁺ = D(x⁺ + u, σ_d),   u⁺ = u + x⁺ − v⁺

    For Gaussian noise; the data step is in closed form where A declares ``solve_normal``, and otherwise solved by
    conjugate gradients from the last x. Fixed points do not depend on the order of the updates, and for a
    denoiser that is a prox the limit is its MAP estimate.

    Parameters
    ----------
    lam
        λ > 0: how strongly x is tied to the denoised image, in units of its noise level. For λ = 1 a denoiser that is
        the prox of σ_d² R, as that of the MAP estimate under noise σ_d is, gives argmin f(A x) + R(x).
    inner_tol, inner_iter
        Residual reduction and iteration limit of the conjugate gradients.

    Sources: Venkatakrishnan, Bouman and Wohlberg, GlobalSIP 2013; Ryu et al., ICML 2019, for when it converges.
    """

    names = ("pnp_admm",)
    measures = frozenset({"change", "data_residual", "inner_residual", "primal_residual", "dual_residual"})

    stop: Rule = MaxIter(50)
    lam: float = 1.0
    inner_tol: float = 0.01
    inner_iter: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.lam < float("inf"):
            raise ValueError(f"PnPADMM expects lam > 0, got {self.lam!r}.")
        if not 0 < self.inner_tol < 1 or self.inner_iter < 1:
            raise ValueError(
                f"PnPADMM expects 0 < inner_tol < 1 and inner_iter >= 1, got {self.inner_tol}, {self.inner_iter}."
            )

    def require(self, problem: Problem) -> None:
        denoiser_of(problem, self.name)
        quadratic(problem, self.name)

    def init(self, problem: Problem, initial: Tensor | None = None) -> PnPADMMState:
        x, watch = self.begin(problem, initial)
        return PnPADMMState(x, x, torch.zeros_like(x), watch.step, watch.step, 0 * watch.floor, watch)

    def step(self, problem: Problem, state: PnPADMMState) -> PnPADMMState:
        sigma, n = self.strength(problem), len(problem.shape)
        mu = torch.full_like(state.inner_residual, self.lam / sigma**2)
        x, inner = data_prox(problem, state.v - state.u, mu, state.x, self.inner_tol, self.inner_iter)
        v, watch = self.watch(self.denoise(problem, x + state.u), state.v, state.watch)
        u = state.u + x - v
        size = item_norm(v, n)
        size = torch.where(size > 0, size, 1)
        primal, dual = item_norm(x - v, n) / size, item_norm(v - state.v, n) / size
        return PnPADMMState(x, v, u, primal, dual, inner.to(mu.dtype), watch)

    def measure(self, problem: Problem, state: PnPADMMState) -> dict[str, Tensor]:
        return {
            **super().measure(problem, state),
            "primal_residual": state.primal_residual,
            "dual_residual": state.dual_residual,
            "inner_residual": state.inner_residual,
        }

    def image(self, state: PnPADMMState) -> Tensor:
        return state.v

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        yield cls(stop=MaxIter(40)), small_problem()
