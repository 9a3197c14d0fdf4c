"""The primal-dual hybrid gradient method of Chambolle and Pock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod, sqrt
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.tensors import item_norm, per_item
from recon.solvers.optimisation.saddle import Saddle, certify, require_proximable, split
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule

PRODUCT = 0.99
"""τ Σᵢ σᵢ‖Kᵢ‖², which must stay below 1."""

UPDATES = frozenset(10 * 2**j for j in range(10))
"""Iterations at which step sizes learn from the distances travelled; finitely many, so that convergence holds."""


Steps = tuple[Tensor, tuple[Tensor, ...]]


class PDHGState(NamedTuple):
    """x, its products Kx, the duals y, r = Kᴴy, and x and y when steps last changed; figures per item."""

    x: Tensor
    images: tuple[Tensor, ...]
    duals: tuple[Tensor, ...]
    r: Tensor
    anchor: tuple[Tensor, ...]
    tau: Tensor
    sigmas: tuple[Tensor, ...]
    iteration: int
    primal_residual: Tensor
    dual_residual: Tensor


@dataclass(frozen=True, kw_only=True)
class PDHG(Solver):
    """Chambolle-Pock: minimise g(x) + Σᵢ fᵢ(Kᵢ x) for any number of convex terms with a prox.

        x⁺  = prox_{τg}(x − τ Σᵢ Kᵢᴴ yᵢ)
        yᵢ⁺ = prox_{σᵢ fᵢ*}(yᵢ + σᵢ Kᵢ(2x⁺ − x))

    which converges for τ Σᵢ σᵢ‖Kᵢ‖² < 1. After k iterations the error is at most (X²/τ + Σ Yᵢ²/σᵢ)/2k with distances
    X = ‖x* − x⁰‖ and Yᵢ = ‖yᵢ*‖, least at

        τ = θ X / Σⱼ Yⱼ‖Kⱼ‖,   σᵢ = θ Yᵢ / (X‖Kᵢ‖),   θ² = τ Σᵢ σᵢ‖Kᵢ‖² = 0.99.

    Steps are found, not asked for: X and Yᵢ start as orders of magnitude (of the data, and of each fᵢ's dual variable)
    and move, per item, at iterations 10, 20, 40, ..., 5120 towards those of the distances travelled since the one
    before (to the geometric means of old and new, at the same τ Σᵢ σᵢ‖Kᵢ‖²).

    Parameters
    ----------
    ratio
        Multiplies τ and divides every σᵢ.
    adaptive
        Whether to replace the initial estimates of X and Yᵢ.

    Sources: Chambolle and Pock, J. Math. Imaging Vis. 40 (2011) 120, algorithm 1 with θ = 1 and theorem 1; the idea of
    learning the ratio from distances travelled is in Applegate et al., arXiv:2106.04756.
    """

    measures = frozenset({"change", "objective", "gap", "relative_gap", "primal_residual", "dual_residual"})

    stop: Rule = MaxIter(500)
    ratio: float = 1.0
    adaptive: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.ratio < float("inf"):
            raise ValueError(f"PDHG expects ratio > 0, got {self.ratio!r}.")

    def require(self, problem: Problem) -> None:
        require_proximable(problem, self.name)

    def init(self, problem: Problem, initial: Tensor | None = None) -> PDHGState:
        saddle = split(problem)
        x = problem.zeros() if initial is None else initial
        images = saddle.forward(x)
        duals = tuple(torch.zeros_like(z) for z in images)
        A = problem.linear
        ones = item_norm(x, len(problem.shape)) * 0 + 1
        back = item_norm(A.adjoint(problem.data), len(problem.shape)) / max(A.norm_bound(x), 1e-30) ** 2
        travel = torch.where(back > 0, back, 1).to(ones.dtype)
        sizes = tuple(
            block.functional.dual_scale() * ones * sqrt(prod(block.functional.domain_shape)) for block in saddle.blocks
        )
        tau, sigmas = self.steps(saddle, travel, sizes)
        unknown = torch.full_like(tau, torch.inf)
        return PDHGState(x, images, duals, torch.zeros_like(x), (x, *duals), tau, sigmas, 0, unknown, unknown)

    def steps(self, saddle: Saddle, travel: Tensor, sizes: tuple[Tensor, ...]) -> Steps:
        """τ and σᵢ, one value per item, from estimates of X (``travel``) and Yᵢ (``sizes``)."""
        norms = [block.operator.norm_bound(travel) or 1.0 for block in saddle.blocks]
        total = torch.stack([size * norm for size, norm in zip(sizes, norms, strict=True)]).sum(0)
        theta = sqrt(PRODUCT)
        tau = theta * self.ratio * travel / total
        sigmas = tuple(theta * size / (self.ratio * travel * norm) for size, norm in zip(sizes, norms, strict=True))
        return tau, sigmas

    def _between(self, old: Steps, new: Steps, saddle: Saddle) -> Steps:
        """Geometric means of two choices of steps, scaled back to the same τ Σᵢ σᵢ‖Kᵢ‖²."""
        tau = (old[0] * new[0]).sqrt()
        sigmas = tuple((a * b).sqrt() for a, b in zip(old[1], new[1], strict=True))
        norms = [block.operator.norm_bound(tau) for block in saddle.blocks]
        product = tau * torch.stack([s * norm**2 for s, norm in zip(sigmas, norms, strict=True)]).sum(0)
        scale = (PRODUCT / _positive(product)).sqrt()
        return tau * scale, tuple(s * scale for s in sigmas)

    def step(self, problem: Problem, state: PDHGState) -> PDHGState:
        saddle, n = split(problem), len(problem.shape)
        x = state.x - per_item(state.tau, state.x, n) * state.r
        if saddle.simple is not None:
            x = saddle.simple.prox(x, state.tau)
        images = saddle.forward(x)
        duals = []
        for block, y, z, old, sigma in zip(saddle.blocks, state.duals, images, state.images, state.sigmas, strict=True):
            scale = per_item(sigma, y, block.functional.ndim)
            duals.append(block.functional.prox_conjugate(y + scale * (2 * z - old), sigma))
        r = saddle.adjoint(tuple(duals))

        # Residuals of the optimality conditions 0 ∈ ∂g(x) + Kᴴy and 0 ∈ ∂f*(y) − Kx, in the metric of the steps.
        primal = item_norm((state.x - x) / per_item(state.tau, x, n) + (r - state.r), n) * state.tau.sqrt()
        square = torch.zeros_like(primal)
        for block, y, old_y, z, old, sigma in zip(
            saddle.blocks, duals, state.duals, images, state.images, state.sigmas, strict=True
        ):
            m = block.functional.ndim
            square = square + sigma * item_norm((old_y - y) / per_item(sigma, y, m) + (z - old), m).square()
        size = state.tau.sqrt() * item_norm(r, n) + item_norm(x, n) / state.tau.sqrt()
        size = torch.where(size > 0, size, 1)

        anchor = state.anchor
        count, tau, sigmas = state.iteration + 1, state.tau, state.sigmas
        if self.adaptive and count in UPDATES:
            travel = _positive(item_norm(x - state.anchor[0], n))
            sizes = tuple(
                _positive(item_norm(y - old, block.functional.ndim))
                for block, y, old in zip(saddle.blocks, duals, state.anchor[1:], strict=True)
            )
            tau, sigmas = self._between((tau, sigmas), self.steps(saddle, travel, sizes), saddle)
            anchor = (x, *duals)
        return PDHGState(x, images, tuple(duals), r, anchor, tau, sigmas, count, primal / size, square.sqrt() / size)

    def measure(self, problem: Problem, state: PDHGState) -> dict[str, Tensor]:
        saddle = split(problem)
        record = certify(problem, saddle, state.x, state.images, state.duals).record()
        return {
            **record,
            "primal_residual": state.primal_residual,
            "dual_residual": state.dual_residual,
            "tau": state.tau,
        }

    def image(self, state: PDHGState) -> Tensor:
        return state.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        from recon.solvers.optimisation.small_problems import small_problems

        for problem in small_problems():
            yield cls(stop=MaxIter(60)), problem


def _positive(value: Tensor) -> Tensor:
    return torch.where(value > 0, value, 1)
