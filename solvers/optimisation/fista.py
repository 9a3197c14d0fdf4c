"""The fast iterative shrinkage-thresholding algorithm with backtracking and adaptive restart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from recon.operators.diagonal import Diagonal
from recon.operators.linear import CapabilityError
from recon.operators.noise import PoissonNoise
from recon.operators.tensors import item_dot, item_norm, per_item
from recon.priors.handcrafted.box import NonNegative
from recon.priors.proximal import prox
from recon.solvers.optimisation.certificates import certificate
from recon.solvers.optimisation.smooth import (
    Images,
    choose,
    choose_all,
    composite,
    inside,
    positive,
    require_convex_composite,
)
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule

Steps = Literal["auto", "norm", "backtracking"]


class FISTAState(NamedTuple):
    """x, the extrapolated v, their images Kᵢx and Kᵢv, inner duals; momentum, step, moduli and figures per item."""

    x: Tensor
    v: Tensor
    images: Images
    ahead: Images
    duals: Images
    momentum: Tensor
    tau: Tensor
    moduli: tuple[Tensor, Tensor]
    scale: Tensor
    slope: Tensor
    iteration: int
    inner_gap: Tensor
    change: Tensor
    residual: Tensor


@dataclass(frozen=True, kw_only=True)
class FISTA(Solver):
    """Minimise F(x) + h(x) with a differentiable F, convex both: accelerated proximal gradient.

        x⁺ = prox_{τh}(v − τ∇F(v))
        t⁺ = (1 − qt² + √((1 − qt²)² + 4t²))/2,   v⁺ = x⁺ + ((t − 1)/t⁺) κ (x⁺ − x)

    with q = τμ/(1 + τμ_h), κ = (1 + τμ_h − t⁺τμ)/(1 − τμ_F) for the strong convexities μ = μ_F + μ_h, which are found;
    for μ = 0, q = 0 and κ = 1. F is f∘A and those terms of a prior of several that have a Lipschitz gradient, h the
    others.

    Steps are τ = 1/Σᵢ Lip(∇fᵢ)‖Kᵢ‖². Where no Lipschitz constant is known (Poisson data), they are found by
    backtracking: an iteration in which an item fails

        F(x⁺) − F(v) − Re⟨∇F(v), x⁺ − v⟩ ≤ ‖x⁺ − v‖²/(2τ)   or   Re⟨∇F(x⁺) − ∇F(v), x⁺ − v⟩ ≤ ‖x⁺ − v‖²/(2τ)

    (the second implies the first and does not suffer from rounding) halves its τ and leaves its x as it is. Then τ
    doubles with every restart. Where F(0) is infinite, the start is the constant image that fits the data best. Per
    item, momentum restarts (t = 1) when it points uphill, Re⟨v − x⁺, x⁺ − x⟩ > 0.

    The prox of h is exact if h is one term behind a unitary operator (wavelet sparsity, bounds, Tikhonov). Otherwise
    (total variation, sums) an inner dual method computes it to a duality gap of ``inner_tol``·P(x⁰)/k³ at iteration k,
    which keeps the accelerated rate, starting from the duals of the iteration before; the gap reached is measured as
    ``inner_gap``.

    The measurement ``dual_residual`` is ‖x⁺ − v‖/(τ‖∇F(x⁰)‖), which vanishes at solutions; iterates satisfy constraints
    exactly, so that ``primal_residual`` is zero.

    Parameters
    ----------
    steps
        ``"norm"``, ``"backtracking"``, or ``"auto"``: the first where the constants are known.
    restart
        Whether to restart momentum.
    inner_tol, inner_iter
        Accuracy and iteration limit of the inner method.

    Errors: CapabilityError for objectives that are not convex, a data term without gradient, terms without prox, and
    ``steps="norm"`` without Lipschitz constants.

    Sources: Beck and Teboulle, SIAM J. Imaging Sci. 2 (2009) 183; Chambolle and Pock, Acta Numerica 25 (2016) 161,
    algorithm 5, for strong convexity; O'Donoghue and Candès, Found. Comput. Math. 15 (2015) 715, for the restart;
    Schmidt, Le Roux and Bach, NeurIPS 2011, for the inner accuracy.
    """

    measures = frozenset({"change", "objective", "gap", "relative_gap", "primal_residual", "dual_residual"})

    stop: Rule = MaxIter(300)
    steps: Steps = "auto"
    restart: bool = True
    inner_tol: float = 0.1
    inner_iter: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps not in get_args(Steps):
            raise ValueError(f"FISTA expects steps 'auto', 'norm' or 'backtracking', got {self.steps!r}.")
        if not 0 < self.inner_tol < float("inf") or self.inner_iter < 1:
            raise ValueError(
                f"FISTA expects inner_tol > 0 and inner_iter >= 1, got {self.inner_tol}, {self.inner_iter}."
            )

    def require(self, problem: Problem) -> None:
        require_convex_composite(problem, self.name)
        if self.steps == "norm" and problem.likelihood.lipschitz() is None:
            raise CapabilityError(
                f"FISTA with steps='norm' needs a data term with a Lipschitz gradient; {problem.likelihood.name} has "
                "none. Use steps='backtracking' or PDHG instead."
            )

    def init(self, problem: Problem, initial: Tensor | None = None) -> FISTAState:
        parts = composite(problem, self.name)
        smooth, n = parts.smooth, len(problem.shape)
        x = inside(problem, parts) if initial is None else initial
        images = smooth.images(x)
        duals = tuple(torch.zeros_like(z) for z in parts.rest.forward(x))
        ones = item_norm(x, n) * 0 + 1
        g = smooth.gradient(x, images)
        if self._backtracks(problem):
            curvature = smooth.curvature(images, smooth.moves(x, g))
            tau = torch.where(curvature > 0, item_dot(g, g, n) / positive(curvature), 1)
        else:
            constant = smooth.lipschitz(ones)
            assert constant is not None
            tau = 1 / positive(constant)
        moduli = parts.convex_moduli(ones)
        value = problem.likelihood(images[0])
        zero, slope = torch.zeros_like(ones), item_norm(g, n)
        unknown = zero + torch.inf
        return FISTAState(x, x, images, images, duals, ones, tau, moduli, value, slope, 0, zero, unknown, unknown)

    def _backtracks(self, problem: Problem) -> bool:
        return self.steps == "backtracking" or (self.steps == "auto" and problem.likelihood.lipschitz() is None)

    def step(self, problem: Problem, state: FISTAState) -> FISTAState:
        parts, n, count = composite(problem, self.name), len(problem.shape), state.iteration + 1
        smooth, tau = parts.smooth, state.tau
        g = smooth.gradient(state.v, state.ahead)
        inner = prox(
            parts.rest,
            state.v - per_item(tau, state.v, n) * g,
            tau,
            n,
            state.duals,
            self.inner_tol * state.scale / count**3,
            self.inner_iter,
        )
        x, images, duals, t = inner.x, smooth.images(inner.x), inner.duals, state.momentum

        accepted = torch.ones_like(tau, dtype=torch.bool)
        if self._backtracks(problem):
            delta, before, after = x - state.v, smooth.value(state.ahead), smooth.value(images)
            allowed = item_dot(delta, delta, n) / (2 * tau)
            steep = after - before - item_dot(g, delta, n) > allowed
            gentle = (smooth.bend(state.ahead, images) <= allowed) & torch.isfinite(after)  # free of cancellation
            outside = torch.isinf(before)
            x = choose(outside & (t == 1), torch.full_like(x, torch.nan), x)  # no point of the domain is known
            accepted = ~((steep & ~gentle) | (outside & (t > 1)))
        uphill = item_dot(state.v - x, x - state.x, n) > 0
        if self.restart:
            t = torch.where(uphill, 1, t)
        t_next, beta = self._momentum(t, tau, state.moduli)
        v = x + per_item(beta, x, n) * (x - state.x)
        ahead = tuple(
            z + per_item(beta, z, z.ndim - 1) * (z - old) for z, old in zip(images, state.images, strict=True)
        )
        move = item_norm(x - state.x, n) / positive(item_norm(x, n))
        residual = item_norm(x - state.v, n) / (tau * positive(state.slope))
        if not self._backtracks(problem):
            return FISTAState(
                *(x, v, images, ahead, duals, t_next, tau, state.moduli, state.scale, state.slope, count),
                *(inner.gap, move, residual),
            )

        escaped = ~accepted & outside
        tau = torch.where(
            accepted, torch.where(uphill & self.restart, 2 * tau, tau), torch.where(escaped, tau, tau / 2)
        )
        return FISTAState(
            choose(accepted, x, state.x),
            choose(accepted, v, choose(escaped, state.x, state.v)),
            choose_all(accepted, images, state.images),
            choose_all(accepted, ahead, choose_all(escaped, state.images, state.ahead)),
            choose_all(accepted, duals, state.duals),
            torch.where(accepted, t_next, torch.where(escaped, 1, state.momentum)),
            tau,
            state.moduli,
            state.scale,
            state.slope,
            count,
            torch.where(accepted, inner.gap, state.inner_gap),
            torch.where(accepted, move, state.change),
            torch.where(accepted, residual, state.residual),
        )

    @staticmethod
    def _momentum(t: Tensor, tau: Tensor, moduli: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """t⁺ and the factor of x⁺ − x in v⁺."""
        smooth, rest = tau * moduli[0], tau * moduli[1]
        shrink = 1 - (smooth + rest) / (1 + rest) * t.square()
        t_next = (shrink + (shrink.square() + 4 * t.square()).sqrt()) / 2
        weight = (1 + rest - t_next * (smooth + rest)) / torch.where(smooth < 1, 1 - smooth, 1)
        return t_next, torch.where(smooth < 1, (t - 1) / t_next * weight, 0)

    def measure(self, problem: Problem, state: FISTAState) -> dict[str, Tensor]:
        parts = composite(problem, self.name)
        return {
            **certificate(problem, parts, state.x, state.images, state.duals),
            "primal_residual": torch.zeros_like(state.residual),
            "dual_residual": state.residual,
            "inner_gap": state.inner_gap,
            "momentum": state.momentum,
            "tau": state.tau,
            "change": state.change,
        }

    def image(self, state: FISTAState) -> Tensor:
        return state.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        from recon.solvers.optimisation.small_problems import small_problems

        for problem in small_problems():
            yield cls(stop=MaxIter(40)), problem
        A = Diagonal(torch.linspace(0.3, 1.2, 6, dtype=torch.float64))
        counts = torch.tensor([[3.0, 2, 1, 7, 2, 4], [1.0, 5, 2, 3, 4, 3], [9.0, 1, 1, 2, 6, 1]], dtype=torch.float64)
        yield cls(stop=MaxIter(60)), Problem(A, counts, PoissonNoise(background=0.5), NonNegative())
