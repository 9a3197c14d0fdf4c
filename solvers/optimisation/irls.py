"""Majorise and minimise by reweighted least squares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.diagonal import Diagonal
from recon.operators.gradient import Gradient
from recon.operators.identity import Identity
from recon.operators.linear import CapabilityError
from recon.operators.noise import GaussianNoise
from recon.operators.tensors import item_norm
from recon.priors.handcrafted.tikhonov import Tikhonov
from recon.priors.handcrafted.total_variation import TotalVariation
from recon.priors.splitting import Block
from recon.solvers.linear.cg import cg
from recon.solvers.norms import step_norm
from recon.solvers.optimisation.smooth import positive
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule


class IRLSState(NamedTuple):
    """x, and figures per item."""

    x: Tensor
    scale: Tensor
    dual_residual: Tensor
    inner_residual: Tensor


@dataclass(frozen=True, kw_only=True)
class IRLS(Solver):
    """Minimise Σᵢ fᵢ(Kᵢ x), data term included, through quadratics above that touch it at the last x:

        fᵢ(z) ≤ ½ Σ wᵢ|z − cᵢ|² + const,   (wᵢ, cᵢ) = majorant of fᵢ at Kᵢx
        x⁺ = argmin_u ½ Σᵢ Σ wᵢ|Kᵢu − cᵢ|²

    by conjugate gradients on Σᵢ Kᵢᴴwᵢ Kᵢ u = Σᵢ Kᵢᴴwᵢ cᵢ from the last x. The objective never rises, however few inner
    iterations are made, whether it is convex or not: ℓ1, Huber, Student-t and correntropy data terms, total variation,
    SCAD and MCP.

    Where fᵢ has a kink, |t| is replaced by √(t² + ε²), so that the answer is that of a problem whose objective is
    larger by at most ε per penalised number (times its weight), and it is that objective that never rises.

    The measurement ``dual_residual`` is the norm of the (smoothed) gradient over that at the start,
    ``inner_residual`` what the conjugate gradients reached.

    Parameters
    ----------
    smoothing
        ε > 0, in units of what is penalised (Kᵢx).
    inner_tol, inner_iter
        Reduction of the residual and iteration limit of the conjugate gradients.

    Errors: CapabilityError for terms without a quadratic majorant, TypeError for nonlinear operators.

    Sources: Hunter and Lange, Am. Stat. 58 (2004) 30; Daubechies et al., Commun. Pure Appl. Math. 63 (2010) 1.
    """

    names = ("irls",)
    measures = frozenset({"change", "objective", "primal_residual", "dual_residual"})

    stop: Rule = MaxIter(100)
    smoothing: float = 1e-3
    inner_tol: float = 0.01
    inner_iter: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.smoothing < float("inf"):
            raise ValueError(f"IRLS expects smoothing > 0, got {self.smoothing!r}.")
        if not 0 < self.inner_tol < 1 or self.inner_iter < 1:
            raise ValueError(
                f"IRLS expects 0 < inner_tol < 1 and inner_iter >= 1, got {self.inner_tol}, {self.inner_iter}."
            )

    def require(self, problem: Problem) -> None:
        for block in _blocks(problem):
            f = block.functional
            if "majorant" not in f.capabilities:
                raise CapabilityError(
                    f"IRLS needs a quadratic majorant of every term; {f.name} has none. Use PDHG or LBFGS instead."
                )

    def init(self, problem: Problem, initial: Tensor | None = None) -> IRLSState:
        A = problem.linear
        x = A.adjoint(problem.data) / step_norm(A, problem.zeros()) ** 2 if initial is None else initial
        weights, force = self._quadratic(problem, x)
        scale = item_norm(self._normal(problem, weights, x) - force, len(problem.shape))
        return IRLSState(x, scale, torch.ones_like(scale), torch.zeros_like(scale))

    def _quadratic(self, problem: Problem, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """The weights wᵢ at x and Σᵢ Kᵢᴴwᵢcᵢ."""
        weights, force = [], torch.zeros_like(x)
        for block in _blocks(problem):
            w, c = block.functional.majorant(block.operator(x), self.smoothing)
            weights.append(w)
            force = force + block.operator.adjoint((w * c).expand(*x.shape[:1], *block.operator.range_shape))
        return weights, force

    @staticmethod
    def _normal(problem: Problem, weights: list[Tensor], u: Tensor) -> Tensor:
        total = torch.zeros_like(u)
        for block, w in zip(_blocks(problem), weights, strict=True):
            total = total + block.operator.adjoint(w * block.operator(u))
        return total

    def step(self, problem: Problem, state: IRLSState) -> IRLSState:
        n = len(problem.shape)
        weights, force = self._quadratic(problem, state.x)

        def normal(u: Tensor) -> Tensor:
            return self._normal(problem, weights, u)

        slope = item_norm(normal(state.x) - force, n)
        x, info = cg(normal, force, n, state.x, self.inner_tol, self.inner_iter)
        x = torch.where(torch.isfinite(slope).reshape(-1, *(1,) * n), x, torch.nan)
        return IRLSState(x, state.scale, slope / positive(state.scale), info.residual.to(slope.dtype))

    def measure(self, problem: Problem, state: IRLSState) -> dict[str, Tensor]:
        return {
            "objective": problem.objective(state.x),
            "primal_residual": torch.zeros_like(state.scale),
            "dual_residual": state.dual_residual,
            "inner_residual": state.inner_residual,
        }

    def image(self, state: IRLSState) -> Tensor:
        return state.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        weights = torch.linspace(0.3, 1.2, 30, dtype=torch.float64).reshape(5, 6)
        data = torch.rand((3, 5, 6), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        A = Diagonal(weights)
        yield cls(stop=MaxIter(10)), Problem(A, data, GaussianNoise(0.5), Tikhonov(0.3, Gradient((5, 6))))
        yield cls(stop=MaxIter(15), smoothing=0.01), Problem(A, data, GaussianNoise(0.5), TotalVariation(0.4))


def _blocks(problem: Problem) -> tuple[Block, ...]:
    prior = (Block(term.functional, term.operator or Identity(problem.shape)) for term in problem.terms)
    return (Block(problem.likelihood, problem.linear), *prior)
