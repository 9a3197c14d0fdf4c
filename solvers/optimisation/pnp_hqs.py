"""Plug-and-play half-quadratic splitting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from recon.solvers.optimisation.plug_and_play import PlugAndPlay, Watch, denoiser_of, small_problem
from recon.solvers.optimisation.quadratic import data_prox, quadratic
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule


class PnPHQSState(NamedTuple):
    """The data-consistent image, the denoised one, the iteration; inner accuracy and steps per item."""

    x: Tensor
    z: Tensor
    iteration: int
    inner_residual: Tensor
    watch: Watch


@dataclass(frozen=True, kw_only=True)
class PnPHQS(PlugAndPlay):
    """Alternate a data step and a denoiser, with the noise level annealed from ``sigma_start`` to σ_d.

        x  = argmin_x f(A x) + μ_k/2 ‖x − z‖²,   μ_k = lam/σ_k²
        z⁺ = D(x, σ_k)

    σ_k falls geometrically over ``steps`` iterations and stays at σ_d. For Gaussian noise; the data step is in closed
    form where A declares ``solve_normal``, and otherwise solved by conjugate gradients from the last x.

    Parameters
    ----------
    lam
        λ > 0: how strongly x is tied to the denoised image, in units of its noise level.
    sigma_start
        First noise level; None for σ_d throughout.
    steps
        Iterations of the annealing.
    inner_tol, inner_iter
        Residual reduction and iteration limit of the conjugate gradients.

    Source: Zhang et al., IEEE Trans. Pattern Anal. Mach. Intell. 44 (2022) 6360 (DPIR).
    """

    names = ("pnp_hqs",)
    measures = frozenset({"change", "data_residual", "inner_residual"})

    stop: Rule = MaxIter(24)
    lam: float = 0.23
    sigma_start: float | None = None
    steps: int = 24
    inner_tol: float = 1e-4
    inner_iter: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.lam < float("inf"):
            raise ValueError(f"PnPHQS expects lam > 0, got {self.lam!r}.")
        if self.sigma_start is not None and not 0 < self.sigma_start < float("inf"):
            raise ValueError(f"PnPHQS expects sigma_start > 0, got {self.sigma_start!r}.")
        if self.steps < 1:
            raise ValueError(f"PnPHQS expects steps >= 1, got {self.steps!r}.")
        if not 0 < self.inner_tol < 1 or self.inner_iter < 1:
            raise ValueError(
                f"PnPHQS expects 0 < inner_tol < 1 and inner_iter >= 1, got {self.inner_tol}, {self.inner_iter}."
            )

    def require(self, problem: Problem) -> None:
        denoiser_of(problem, self.name)
        quadratic(problem, self.name)

    def level(self, problem: Problem, iteration: int) -> float:
        """σ_k for k = ``iteration``, from 0."""
        last = self.strength(problem)
        if self.sigma_start is None or self.steps == 1:
            return last
        share = min(iteration / (self.steps - 1), 1.0)
        return float(self.sigma_start ** (1 - share) * last**share)

    def init(self, problem: Problem, initial: Tensor | None = None) -> PnPHQSState:
        x, watch = self.begin(problem, initial)
        return PnPHQSState(x, x, 0, 0 * watch.floor, watch)

    def step(self, problem: Problem, state: PnPHQSState) -> PnPHQSState:
        sigma = self.level(problem, state.iteration)
        mu = torch.full_like(state.inner_residual, self.lam / sigma**2)
        x, residual = data_prox(problem, state.z, mu, state.x, self.inner_tol, self.inner_iter)
        z, watch = self.watch(self.denoise(problem, x, sigma), state.z, state.watch)
        return PnPHQSState(x, z, state.iteration + 1, residual.to(mu.dtype), watch)

    def measure(self, problem: Problem, state: PnPHQSState) -> dict[str, Tensor]:
        return {**super().measure(problem, state), "inner_residual": state.inner_residual}

    def image(self, state: PnPHQSState) -> Tensor:
        return state.z

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        yield cls(stop=MaxIter(30), steps=8, sigma_start=1.0), small_problem()
