"""Iteratively regularised Gauss-Newton."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.diagonal import Diagonal
from recon.operators.functionals import Functional
from recon.operators.linear import CapabilityError
from recon.operators.noise import GaussianNoise, PoissonNoise
from recon.operators.operator import Operator
from recon.operators.tensors import all_done, item_dot, item_norm, item_sum, per_item
from recon.priors.handcrafted.box import NonNegative
from recon.priors.prior import VariationalPrior
from recon.priors.proximal import prox
from recon.priors.splitting import Saddle, split_terms
from recon.solvers.linear.cg import cg
from recon.solvers.optimisation.smooth import Images, Smooth, choose, nonsmooth_value, positive, require_proximal_rest
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule


class GaussNewtonState(NamedTuple):
    """x, A(x), the anchor x⁰, inner duals; the penalty α and figures per item."""

    x: Tensor
    z: Tensor
    anchor: Tensor
    duals: Images
    alpha: Tensor
    scale: Tensor
    inner_residual: Tensor
    dual_residual: Tensor


@dataclass(frozen=True, kw_only=True)
class GaussNewton(Solver):
    """Fit a nonlinear A by a sequence of linearised problems, the penalty on x − x⁰ falling as α⁺ = qα:

        x⁺ = argmin_u Re⟨∇f(z), J(u − x)⟩ + ½⟨J(u − x), ∇²f(z) J(u − x)⟩ + (α/2)‖u − x⁰‖² + R(u)

    with z = A(x), J = DA(x), f the data term and R the prior. Without R the step solves
    (JᴴHJ + αI)(x⁺ − x) = −Jᴴ∇f − α(x − x⁰), H = ∇²f, by conjugate gradients; from x = x⁰ that is
    Jᴴ(HJJᴴ + αI)⁻¹(−∇f). With R it is solved by accelerated proximal gradient, steps found by backtracking.

    Where f declares a quadratic ``majorant``, its weights take the place of ∇²f, which for Huber's function vanishes at
    large residuals.

    For noisy data the iteration is the regularisation: stop it by the rule ``Discrepancy``. With ``alpha_least`` = 0
    and clean data convergence is fast: linear with factor q, or quadratic once α is negligible.

    The measurement ``dual_residual`` is ‖Jᴴ∇f(z) + α(x − x⁰)‖/‖∇F(x⁰)‖, or that of the proximal gradient mapping;
    ``inner_residual`` is the accuracy that the inner method reached.

    Parameters
    ----------
    alpha
        First α > 0; None takes the curvature ⟨g, JᴴHJg⟩/‖g‖² along the gradient g at x⁰.
    decay
        q in (0, 1].
    alpha_least
        What α does not fall below.
    inner_tol, inner_iter
        Relative residual (of the normal equations, or relative change of the proximal steps) and iteration limit.

    Errors: CapabilityError for a data term without gradient or not convex, and terms of the prior without a prox.

    Sources: Bakushinskii, USSR Comput. Math. Math. Phys. 32 (1992) 1353; Kaltenbacher, Neubauer and Scherzer, Iterative
    Regularization Methods for Nonlinear Ill-Posed Problems (2008), chapter 4.
    """

    names = ("gauss_newton", "irgn", "irgnm")
    measures = frozenset({"change", "objective", "misfit", "primal_residual", "dual_residual"})

    stop: Rule = MaxIter(12)
    check_every: int = 1
    alpha: float | None = None
    decay: float = 0.5
    alpha_least: float = 0.0
    inner_tol: float = 1e-3
    inner_iter: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.alpha is not None and not 0 < self.alpha < float("inf"):
            raise ValueError(f"GaussNewton expects alpha > 0, got {self.alpha!r}.")
        if not 0 < self.decay <= 1 or not 0 <= self.alpha_least < float("inf"):
            raise ValueError(
                f"GaussNewton expects decay in (0, 1] and alpha_least >= 0, got {self.decay}, {self.alpha_least}."
            )
        if not 0 < self.inner_tol < 1 or self.inner_iter < 1:
            raise ValueError(
                f"GaussNewton expects 0 < inner_tol < 1 and inner_iter >= 1, got {self.inner_tol}, {self.inner_iter}."
            )

    def require(self, problem: Problem) -> None:
        f = problem.likelihood
        if "grad" not in f.capabilities or not f.convex:
            raise CapabilityError(f"GaussNewton needs a convex data term with a gradient, got {f.name}.")
        require_proximal_rest(_rest(problem), self.name)

    def init(self, problem: Problem, initial: Tensor | None = None) -> GaussNewtonState:
        x = problem.zeros() if initial is None else initial
        smooth, n = _data(problem), len(problem.shape)
        z = problem.operator(x)
        g = smooth.gradient(x, (z,))
        scale = item_norm(g, n)
        if self.alpha is None:
            curvature = smooth.curvature((z,), smooth.moves(x, g))
            alpha = torch.where(curvature > 0, curvature / positive(scale.square()), 1)
        else:
            alpha = torch.full_like(scale, self.alpha)
        duals = tuple(torch.zeros_like(v) for v in _rest(problem).forward(x))
        zero = torch.zeros_like(scale)
        return GaussNewtonState(x, z, x, duals, alpha, scale, zero, zero + torch.inf)

    def step(self, problem: Problem, state: GaussNewtonState) -> GaussNewtonState:
        A, f, n = problem.operator, problem.likelihood, len(problem.shape)
        x, z, alpha = state.x, state.z, state.alpha
        g = A.vjp(x, f.grad(z))

        curved = _curved(A, f, x, z)

        def normal(v: Tensor) -> Tensor:
            return curved(v) + per_item(alpha, v, n) * v

        rest = _rest(problem)
        force = g + per_item(alpha, x, n) * (x - state.anchor)
        if rest.simple is None and not rest.blocks:
            h, info = cg(normal, -force, n, None, self.inner_tol, self.inner_iter)
            size = item_norm(force, n)
            x_next = choose(torch.isfinite(size), x + h, torch.full_like(x, torch.nan))
            duals, inner = state.duals, info.residual.to(alpha.dtype)
            residual = size / positive(state.scale)
        else:
            x_next, duals, inner = self._proximal(normal, force, rest, state)
            residual = alpha * item_norm(x_next - x, n) / positive(state.scale)
        after = (self.decay * alpha).clamp(min=self.alpha_least)
        return GaussNewtonState(x_next, A(x_next), state.anchor, duals, after, state.scale, inner, residual)

    def _proximal(
        self, normal: Callable[[Tensor], Tensor], force: Tensor, rest: Saddle, state: GaussNewtonState
    ) -> tuple[Tensor, Images, Tensor]:
        """argmin_u Re⟨force, u − x⟩ + ½⟨u − x, M(u − x)⟩ + R(u) by FISTA with backtracking; the change it ended at."""
        x, n = state.x, state.x.ndim - 1
        image = normal(force)
        size = item_dot(force, force, n)
        curvature = item_dot(force, image, n) / positive(size)
        tau = 1 / torch.where(curvature > 0, curvature, 1)
        u, v, t, duals = x, x, torch.ones_like(tau), state.duals
        u_product = v_product = torch.zeros_like(x)
        first = nonsmooth_value(rest, x).abs() + size * tau
        change = progress = torch.full_like(tau, torch.inf)
        for k in range(self.inner_iter):
            running = change > self.inner_tol
            if all_done(running, k):
                break
            target = v - per_item(tau, v, n) * (force + v_product)
            inner = prox(rest, target, tau, n, duals, torch.minimum(first / (k + 1) ** 3, progress) / 100, 30)
            product = normal(inner.x - x)
            step = inner.x - v
            square = item_dot(step, step, n)
            bend = item_dot(step, product - v_product, n)
            accepted = ~(bend * tau > (1 + 1e-9) * square) & running  # NaN is accepted, and noticed
            progress = torch.where(running, square / (2 * tau), progress)
            uphill = item_dot(v - inner.x, inner.x - u, n) > 0
            here = torch.where(uphill, 1, t)
            t_next = (1 + (1 + 4 * here.square()).sqrt()) / 2
            beta = per_item((here - 1) / t_next, x, n)
            moved = item_norm(inner.x - u, n) / positive(item_norm(inner.x - x, n))
            refused = running & ~accepted
            tau = torch.where(refused, torch.minimum(tau / 2, 0.9 * square / positive(bend)), tau)
            v = choose(accepted, inner.x + beta * (inner.x - u), v)
            v_product = choose(accepted, product + beta * (product - u_product), v_product)
            u, u_product = choose(accepted, inner.x, u), choose(accepted, product, u_product)
            duals = tuple(choose(accepted, a, b) for a, b in zip(inner.duals, duals, strict=True))
            t, change = torch.where(accepted, t_next, t), torch.where(accepted, moved, change)
        return u, duals, change

    def measure(self, problem: Problem, state: GaussNewtonState) -> dict[str, Tensor]:
        m = len(problem.operator.range_shape)
        fit = problem.likelihood(state.z)
        size = item_norm(problem.data, m)
        return {
            "objective": fit + nonsmooth_value(_rest(problem), state.x),
            "misfit": item_sum((state.z - problem.data).abs().square(), m).sqrt() / positive(size),
            "primal_residual": torch.zeros_like(fit),
            "dual_residual": state.dual_residual,
            "inner_residual": state.inner_residual,
            "alpha": state.alpha,
        }

    def image(self, state: GaussNewtonState) -> Tensor:
        return state.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        weights = torch.linspace(0.3, 1.2, 30, dtype=torch.float64).reshape(5, 6)
        data = torch.rand((3, 5, 6), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        A = Diagonal(weights)
        yield cls(stop=MaxIter(6), inner_tol=1e-10), Problem(A, data, GaussianNoise(0.5))
        bounded = Problem(A, 1 + data, PoissonNoise(background=0.5), NonNegative())
        yield cls(stop=MaxIter(4), inner_tol=1e-3, inner_iter=15, alpha_least=0.1), bounded


def _curved(A: Operator, f: Functional, x: Tensor, z: Tensor) -> Callable[[Tensor], Tensor]:
    """v ↦ JᴴHJv; by the Gauss-Newton operator of A where H is a number per item."""
    n, bend = x.ndim - 1, f.curvature()
    if bend is not None:
        gram = A.gauss_newton(x)
        weight = bend.to(z.real) if isinstance(bend, Tensor) else bend
        return lambda v: per_item(weight, v, n) * gram(v)
    if "majorant" in f.capabilities:
        weights = f.majorant(z)[0]
        return A.gauss_newton(x, lambda move: weights * move)
    return A.gauss_newton(x, lambda move: f.hessian(z, move))


def _data(problem: Problem) -> Smooth:
    return Smooth((problem.likelihood,), (problem.operator,))


def _rest(problem: Problem) -> Saddle:
    if problem.prior is None:
        return Saddle(None, ())
    if not isinstance(problem.prior, VariationalPrior):
        raise CapabilityError(f"GaussNewton needs a prior with an explicit cost, got {problem.prior.name}.")
    return split_terms(problem.terms, problem.shape)
