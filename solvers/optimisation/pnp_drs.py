"""Plug-and-play Douglas-Rachford splitting."""

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


class PnPDRSState(NamedTuple):
    """The data-consistent image x, the denoised image v, the governing z; figures per item."""

    x: Tensor
    v: Tensor
    z: Tensor
    primal_residual: Tensor
    inner_residual: Tensor
    watch: Watch


@dataclass(frozen=True, kw_only=True)
class PnPDRS(PlugAndPlay):
    """Douglas-Rachford splitting with a denoiser for the prior's prox.

        x⁺ = argmin_x f(A x) + μ/2 ‖x − z‖²,   μ = lam/σ_d²
        v⁺ = D(2x⁺ − z, σ_d),   z⁺ = z + ρ(v⁺ − x⁺)

    For Gaussian noise; the data step is in closed form where A declares ``solve_normal``, and otherwise solved by
    conjugate gradients from the last x. It converges where 2D − I is nonexpansive; with ρ < 1, which averages, also at
    its edge. Fixed points x = v satisfy x = D(x − Aᴴ∇f(Ax)/μ), as those of :class:`PnPADMM` and, with τ = 1/μ, of
    :class:`PnPPGD`; for a denoiser that is the prox of σ_d²R and λ = 1 they minimise f(A x) + R(x).

    Parameters
    ----------
    lam
        λ > 0: how strongly x is tied to the denoised image, in units of its noise level.
    relaxation
        ρ in (0, 2).
    inner_tol, inner_iter
        Residual reduction and iteration limit of the conjugate gradients.

    Source: Buzzard et al., SIAM J. Imaging Sci. 11 (2018) 2001; Ryu et al., ICML 2019, for when it converges.
    """

    names = ("pnp_drs",)
    measures = frozenset({"change", "data_residual", "inner_residual", "primal_residual", "dual_residual"})

    stop: Rule = MaxIter(50)
    lam: float = 1.0
    relaxation: float = 1.0
    inner_tol: float = 0.01
    inner_iter: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.lam < float("inf"):
            raise ValueError(f"PnPDRS expects lam > 0, got {self.lam!r}.")
        if not 0 < self.relaxation < 2:
            raise ValueError(f"PnPDRS expects relaxation in (0, 2), got {self.relaxation!r}.")
        if not 0 < self.inner_tol < 1 or self.inner_iter < 1:
            raise ValueError(
                f"PnPDRS expects 0 < inner_tol < 1 and inner_iter >= 1, got {self.inner_tol}, {self.inner_iter}."
            )

    def require(self, problem: Problem) -> None:
        denoiser_of(problem, self.name)
        quadratic(problem, self.name)

    def init(self, problem: Problem, initial: Tensor | None = None) -> PnPDRSState:
        z, watch = self.begin(problem, initial)
        return PnPDRSState(z, z, z, watch.step, 0 * watch.floor, watch)

    def step(self, problem: Problem, state: PnPDRSState) -> PnPDRSState:
        n = len(problem.shape)
        mu = torch.full_like(state.inner_residual, self.lam / self.strength(problem) ** 2)
        x, inner = data_prox(problem, state.z, mu, state.x, self.inner_tol, self.inner_iter)
        v, watch = self.watch(self.denoise(problem, 2 * x - state.z), state.v, state.watch)
        z = state.z + self.relaxation * (v - x)
        size = item_norm(v, n)
        residual = item_norm(v - x, n) / torch.where(size > 0, size, 1)
        return PnPDRSState(x, v, z, residual, inner.to(mu.dtype), watch)

    def measure(self, problem: Problem, state: PnPDRSState) -> dict[str, Tensor]:
        size = item_norm(state.v, len(problem.shape))
        return {
            **super().measure(problem, state),
            "primal_residual": state.primal_residual,
            "dual_residual": state.watch.step / torch.where(size > 0, size, 1),
            "inner_residual": state.inner_residual,
        }

    def image(self, state: PnPDRSState) -> Tensor:
        return state.v

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        yield cls(stop=MaxIter(40)), small_problem()
        yield cls(stop=MaxIter(20), relaxation=0.7, averaging=0.8), small_problem()
