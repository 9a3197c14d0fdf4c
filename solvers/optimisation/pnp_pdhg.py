"""Plug-and-play primal-dual splitting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.operators.noise import PoissonNoise
from recon.operators.tensors import item_norm, per_item
from recon.solvers.norms import step_norm
from recon.solvers.optimisation.plug_and_play import PlugAndPlay, Watch, denoiser_of, small_problem
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule

PRODUCT = 0.99
"""τσ‖A‖², which must stay below 1."""


class PnPPDHGState(NamedTuple):
    """The image x, its data Ax, the dual u; dual step σ and figures per item."""

    x: Tensor
    z: Tensor
    u: Tensor
    sigma: Tensor
    primal_residual: Tensor
    dual_residual: Tensor
    watch: Watch


@dataclass(frozen=True, kw_only=True)
class PnPPDHG(PlugAndPlay):
    """The primal-dual hybrid gradient method with a denoiser for the prior's prox.

        x⁺ = D(x − τ Aᴴu, σ_d),   u⁺ = prox_{σf*}(u + σ A(2x⁺ − x)),   τ = σ_d²/lam,   σ = 0.99/(τ‖A‖²)

    for any data term with a prox, Poisson and ℓ1 ones included, and without solving linear systems. Fixed points
    satisfy x = D(x − τAᴴ∇f(Ax)), as those of :class:`PnPDRS` with the same λ.

    Parameters
    ----------
    lam
        λ > 0: for λ = 1 a denoiser that is the prox of σ_d² R gives argmin f(A x) + R(x).

    Sources: Ono, IEEE Signal Process. Lett. 24 (2017) 1108; Meinhardt et al., ICCV 2017.
    """

    names = ("pnp_pdhg",)
    measures = frozenset({"change", "data_residual", "primal_residual", "dual_residual"})

    stop: Rule = MaxIter(200)
    lam: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.lam < float("inf"):
            raise ValueError(f"PnPPDHG expects lam > 0, got {self.lam!r}.")

    def require(self, problem: Problem) -> None:
        denoiser_of(problem, self.name)
        problem.linear  # noqa: B018  (raises for nonlinear operators)
        f = problem.likelihood
        if "prox" not in f.capabilities or not f.convex:
            raise CapabilityError(f"PnPPDHG needs a convex data term with a prox, got {f.name}.")

    def init(self, problem: Problem, initial: Tensor | None = None) -> PnPPDHGState:
        x, watch = self.begin(problem, initial)
        z = problem.linear(x)
        zero = 0 * item_norm(x.detach(), len(problem.shape))
        norm = step_norm(problem.linear, x)
        sigma = PRODUCT / (self.tau(problem) * norm**2) + zero
        return PnPPDHGState(x, z, torch.zeros_like(z), sigma, zero + torch.inf, zero + torch.inf, watch)

    def tau(self, problem: Problem) -> float:
        """τ."""
        return self.strength(problem) ** 2 / self.lam

    def step(self, problem: Problem, state: PnPPDHGState) -> PnPPDHGState:
        A, f, tau = problem.linear, problem.likelihood, self.tau(problem)
        n, m = len(problem.shape), len(problem.operator.range_shape)
        x, watch = self.watch(self.denoise(problem, state.x - tau * A.adjoint(state.u)), state.x, state.watch)
        z = A(x)
        ahead = state.u + per_item(state.sigma, z, m) * (2 * z - state.z)
        u = f.prox_conjugate(ahead, state.sigma)
        size, dual_size = item_norm(x, n), item_norm(u, m)
        primal = item_norm(x - state.x, n) / torch.where(size > 0, size, 1)
        dual = item_norm(u - state.u, m) / torch.where(dual_size > 0, dual_size, 1)
        return PnPPDHGState(x, z, u, state.sigma, primal, dual, watch)

    def measure(self, problem: Problem, state: PnPPDHGState) -> dict[str, Tensor]:
        return {
            **super().measure(problem, state),
            "primal_residual": state.primal_residual,
            "dual_residual": state.dual_residual,
        }

    def image(self, state: PnPPDHGState) -> Tensor:
        return state.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        problem = small_problem()
        yield cls(stop=MaxIter(40)), problem
        counts = replace(problem, data=5 * problem.data + 1, noise=PoissonNoise(background=0.5), fidelity=None)
        yield cls(stop=MaxIter(30), averaging=0.9), counts
