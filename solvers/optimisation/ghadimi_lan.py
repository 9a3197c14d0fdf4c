"""Accelerated gradients for objectives that are not convex."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.operators.tensors import item_dot, item_norm, per_item
from recon.priors.proximal import prox
from recon.solvers.optimisation.certificates import certificate
from recon.solvers.optimisation.smooth import Images, composite, positive
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule


class GhadimiLanState(NamedTuple):
    """The answer x, the companion w, inner duals of both; the count k since the last restart and figures per item."""

    x: Tensor
    w: Tensor
    duals: tuple[Images, Images]
    age: Tensor
    beta: Tensor
    first: Tensor
    scale: Tensor
    iteration: int
    residual: Tensor
    inner_gap: Tensor


@dataclass(frozen=True, kw_only=True)
class GhadimiLan(Solver):
    """Find a stationary point of F(x) + h(x) with a convex h and an F that has a Lipschitz gradient, convex or not.

        m  = (1 − α) x + α w,   α = 2/(k + 1)
        w⁺ = prox_{λh}(w − λ∇F(m)),   λ = kβ/2
        x⁺ = prox_{βh}(m − β∇F(m)),   β = 1/L

    for k = 1, 2, … F is f∘A and, of functionals of the prior that are not convex, the smooth part of their
    ``smooth_split`` (for SCAD and MCP the concave one); h is the rest. L = Σᵢ Lip(∇fᵢ)‖Kᵢ‖². For a convex F this is
    accelerated proximal gradient; for others the gradient mapping vanishes at the rate of proximal gradient at least,
    and in practice in a fraction of its iterations.

    Parameters
    ----------
    restart
        Whether k returns to 1, per item, where momentum points uphill, Re⟨m − x⁺, x⁺ − x⟩ > 0.
    inner_tol, inner_iter
        Accuracy, as ``inner_tol``·P(x⁰)/k³, and iteration limit of the prox where it has no closed form.

    The measurement ``dual_residual`` is ‖x⁺ − m‖/(β‖∇F(x⁰)‖), which vanishes at stationary points.

    Errors: CapabilityError where a Lipschitz constant, a prox or a split is missing.

    Source: Ghadimi and Lan, Math. Program. 156 (2016) 59, algorithm 1 with the steps of its corollary 1; Yang,
    Asgharian and Bhatnagar, Stat. Comput. 34 (2024) 50, for SCAD and MCP.
    """

    names = ("ghadimi_lan", "accelerated_gradient")
    measures = frozenset({"change", "objective", "gap", "relative_gap", "primal_residual", "dual_residual"})

    stop: Rule = MaxIter(300)
    restart: bool = True
    inner_tol: float = 0.1
    inner_iter: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.inner_tol < float("inf") or self.inner_iter < 1:
            raise ValueError(
                f"GhadimiLan expects inner_tol > 0 and inner_iter >= 1, got {self.inner_tol}, {self.inner_iter}."
            )

    def require(self, problem: Problem) -> None:
        smooth, rest = composite(problem, self.name, split=True)
        problem.linear  # noqa: B018  (raises for nonlinear operators)
        for f in smooth.functionals:
            if f.lipschitz() is None:
                raise CapabilityError(
                    f"GhadimiLan needs Lipschitz gradients; {f.name} has none. Use ProximalGradient instead."
                )
        for f in (*(() if rest.simple is None else (rest.simple,)), *(block.functional for block in rest.blocks)):
            if not f.convex:
                raise CapabilityError(
                    f"GhadimiLan needs terms that are convex or declare smooth_split; {f.name} is neither. Use "
                    "ProximalGradient instead."
                )

    def init(self, problem: Problem, initial: Tensor | None = None) -> GhadimiLanState:
        smooth, rest = composite(problem, self.name, split=True)
        x, n = problem.zeros(), len(problem.shape)
        images = smooth.images(x)
        scale, first = item_norm(smooth.gradient(x, images), n), problem.likelihood(images[0])
        if initial is not None:
            x = initial
            scale = torch.maximum(scale, item_norm(smooth.gradient(x, smooth.images(x)), n))
        constant = smooth.lipschitz(scale)
        assert constant is not None
        duals = tuple(torch.zeros_like(z) for z in rest.forward(x))
        ones = torch.ones_like(scale)
        unknown = torch.full_like(scale, torch.inf)
        return GhadimiLanState(
            x, x, (duals, duals), ones, 1 / positive(constant), first, scale, 0, unknown, torch.zeros_like(ones)
        )

    def step(self, problem: Problem, state: GhadimiLanState) -> GhadimiLanState:
        (smooth, rest), n = composite(problem, self.name, split=True), len(problem.shape)
        k, beta, x = state.age, state.beta, state.x
        alpha, lam = per_item(2 / (k + 1), x, n), k * beta / 2
        m = (1 - alpha) * x + alpha * state.w
        g = smooth.gradient(m, smooth.images(m))
        tol = self.inner_tol * state.first / (state.iteration + 1) ** 3
        far = prox(rest, state.w - per_item(lam, x, n) * g, lam, n, state.duals[0], tol, self.inner_iter)
        near = prox(rest, m - per_item(beta, x, n) * g, beta, n, state.duals[1], tol, self.inner_iter)
        w, count = far.x, k + 1
        if self.restart:
            uphill = item_dot(m - near.x, near.x - x, n) > 0
            count = torch.where(uphill, 1, count)
            w = torch.where(uphill.reshape(-1, *(1,) * n), near.x, w)
        residual = item_norm(near.x - m, n) / (beta * positive(state.scale))
        gap = torch.maximum(near.gap, far.gap)
        return GhadimiLanState(
            near.x,
            w,
            (far.duals, near.duals),
            count,
            beta,
            state.first,
            state.scale,
            state.iteration + 1,
            residual,
            gap,
        )

    def measure(self, problem: Problem, state: GhadimiLanState) -> dict[str, Tensor]:
        parts = composite(problem, self.name, split=True)
        images = parts.smooth.images(state.x)
        return {
            **certificate(problem, parts, state.x, images, state.duals[1]),
            "primal_residual": torch.zeros_like(state.residual),
            "dual_residual": state.residual,
            "inner_gap": state.inner_gap,
        }

    def image(self, state: GhadimiLanState) -> Tensor:
        return state.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        from recon.solvers.optimisation.small_problems import small_problems

        for problem in small_problems():
            yield cls(stop=MaxIter(10), inner_iter=20), problem
