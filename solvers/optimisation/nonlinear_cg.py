"""Nonlinear conjugate gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from recon.operators.diagonal import Diagonal
from recon.operators.gradient import Gradient
from recon.operators.linear import LinearOperator
from recon.operators.noise import GaussianNoise, PoissonNoise
from recon.operators.tensors import item_dot, item_norm, per_item
from recon.priors.handcrafted.tikhonov import Tikhonov
from recon.solvers.optimisation.certificates import certificate
from recon.solvers.optimisation.differentiable import Differentiable, differentiable
from recon.solvers.optimisation.line_search import Bracket, judge
from recon.solvers.optimisation.smooth import Images, choose, choose_all, inside, positive
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule

Formula = Literal["hager-zhang", "polak-ribiere"]

REFRESH = 20
"""Images of linear operators are carried along with x and computed anew every so many iterations."""

PATIENCE = 20
"""Refused trials along one direction after which an item turns to steepest descent."""


class NonlinearCGState(NamedTuple):
    """x, Kᵢ(x), ∇F(x), the direction d, DKᵢ(x)[d] and trial steps; figures per item."""

    x: Tensor
    images: Images
    g: Tensor
    d: Tensor
    moves: Images
    bracket: Bracket
    value: Tensor
    scale: Tensor
    refused: Tensor
    iteration: int
    change: Tensor


@dataclass(frozen=True, kw_only=True)
class NonlinearCG(Solver):
    """Minimise a differentiable F(x) by x⁺ = x + t d, d⁺ = −g⁺ + β d with g = ∇F(x).

    * ``"hager-zhang"``: β = Re⟨y − 2d‖y‖²/Re⟨d, y⟩, g⁺⟩/Re⟨d, y⟩, y = g⁺ − g, from below bounded by
      −1/(‖d‖ min(‖g⁰‖/100, ‖g‖)); a direction of descent whatever the step;
    * ``"polak-ribiere"``: β = max(0, Re⟨g⁺, y⟩/‖g‖²).

    t satisfies the strong Wolfe conditions with c₂ = 0.1. Its first trial is the Newton step −Re⟨g, d⟩/dᴴHd with the
    Gauss-Newton Hessian H, so that for quadratic F and linear operators these are conjugate gradients. One iteration is
    one trial: an item whose trial is refused tries another along the same direction in the next. With linear operators
    it costs one application of each and of its adjoint. Where d points uphill, d is −g again (restart).

    The measurement ``dual_residual`` is ‖g‖/‖∇F(x⁰)‖.

    Errors: CapabilityError for terms without gradient; for bounds use LBFGS.

    Sources: Hager and Zhang, SIAM J. Optim. 16 (2005) 170; Polak and Ribière, Rev. Fr. Inform. Rech. Oper. 16 (1969)
    35; Gilbert and Nocedal, SIAM J. Optim. 2 (1992) 21, for the bound 0.
    """

    names = ("nonlinear_cg", "nlcg")
    measures = frozenset({"change", "objective", "gap", "relative_gap", "primal_residual", "dual_residual"})

    stop: Rule = MaxIter(300)
    formula: Formula = "hager-zhang"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.formula not in get_args(Formula):
            raise ValueError(f"NonlinearCG expects the formula 'hager-zhang' or 'polak-ribiere', got {self.formula!r}.")

    def require(self, problem: Problem) -> None:
        differentiable(problem, self.name, bounded=False)

    def init(self, problem: Problem, initial: Tensor | None = None) -> NonlinearCGState:
        parts, n = differentiable(problem, self.name, bounded=False), len(problem.shape)
        smooth = parts.smooth
        x = inside(problem, parts.composite)
        images = smooth.images(x)
        g = smooth.gradient(x, images)
        scale = item_norm(g, n)
        if initial is not None:
            x, images = initial, smooth.images(initial)
            g = smooth.gradient(x, images)
            scale = torch.maximum(scale, item_norm(g, n))
        value = smooth.value(images)
        x = choose(torch.isinf(value), torch.full_like(x, torch.nan), x)  # no point of the domain is known
        moves = smooth.moves(x, -g)
        zero = torch.zeros_like(scale)
        start = self._trial(parts, images, moves, -scale.square(), zero + 1)
        return NonlinearCGState(x, images, g, -g, moves, start, value, scale, zero, 0, zero + torch.inf)

    def step(self, problem: Problem, state: NonlinearCGState) -> NonlinearCGState:
        parts, n, count = differentiable(problem, self.name, bounded=False), len(problem.shape), state.iteration + 1
        smooth, t = parts.smooth, state.bracket.t
        x = state.x + per_item(t, state.d, n) * state.d
        images = tuple(
            z + per_item(t, z, z.ndim - 1) * m if isinstance(K, LinearOperator) and count % REFRESH else K(x)
            for K, z, m in zip(smooth.operators, state.images, state.moves, strict=True)
        )
        g, value = smooth.gradient(x, images), smooth.value(images)
        accepted, bracket = judge(
            state.bracket,
            state.value,
            item_dot(state.g, state.d, n),
            value,
            item_dot(g, state.d, n),
            curvature=0.1,
            strong=True,
        )
        beta = self._beta(state, g)
        forget = ~accepted & (state.refused >= PATIENCE)
        size = item_norm(x - state.x, n) / positive(item_norm(x, n))
        x, g = choose(accepted, x, state.x), choose(accepted, g, state.g)
        images = choose_all(accepted, images, state.images)
        beta = torch.where(accepted, beta, 0)
        d = -g + per_item(beta, g, n) * state.d
        slope = item_dot(g, d, n)
        downhill = slope < -1e-8 * item_norm(g, n) * item_norm(d, n)
        turned = accepted | forget
        d = choose(turned, choose(downhill, d, -g), state.d)
        moves = smooth.moves(x, d)
        fresh = self._trial(parts, images, moves, item_dot(g, d, n), t)
        return NonlinearCGState(
            x,
            images,
            g,
            d,
            moves,
            Bracket(*(torch.where(turned, a, b) for a, b in zip(fresh, bracket, strict=True))),
            torch.where(accepted, value, state.value),
            state.scale,
            torch.where(turned, 0, state.refused + 1),
            count,
            torch.where(accepted, size, state.change),
        )

    def _trial(self, parts: Differentiable, images: Images, moves: Images, slope: Tensor, last: Tensor) -> Bracket:
        curvature = parts.smooth.curvature(images, moves)
        newton = -slope / torch.where(curvature > 0, curvature, 1)
        return Bracket.start(torch.where((curvature > 0) & (newton > 0), newton, last))

    def _beta(self, state: NonlinearCGState, g: Tensor) -> Tensor:
        n = g.ndim - 1
        y, square = g - state.g, item_dot(state.g, state.g, n)
        if self.formula == "polak-ribiere":
            return (item_dot(g, y, n) / positive(square)).clamp(min=0)
        product = item_dot(state.d, y, n)
        safe = torch.where(product > 0, product, 1)
        beta = (item_dot(y, g, n) - 2 * item_dot(y, y, n) / safe * item_dot(state.d, g, n)) / safe
        floor = torch.minimum(state.scale / 100, square.sqrt())
        least = -1 / positive(item_norm(state.d, n) * floor)
        return torch.where(product > 0, torch.maximum(beta, least), 0)

    def measure(self, problem: Problem, state: NonlinearCGState) -> dict[str, Tensor]:
        parts = differentiable(problem, self.name, bounded=False)
        return {
            **certificate(problem, parts.composite, state.x, state.images, ()),
            "change": state.change,
            "primal_residual": torch.zeros_like(state.scale),
            "dual_residual": item_norm(state.g, len(problem.shape)) / positive(state.scale),
        }

    def image(self, state: NonlinearCGState) -> Tensor:
        return state.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        weights = torch.linspace(0.3, 1.2, 30, dtype=torch.float64).reshape(5, 6)
        data = torch.rand((3, 5, 6), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        smooth = Tikhonov(0.4, Gradient((5, 6)))
        yield cls(stop=MaxIter(20)), Problem(Diagonal(weights), data, GaussianNoise(0.5), smooth)
        counts = Problem(Diagonal(weights), 2 + 9 * data, PoissonNoise(background=0.5), smooth)
        yield cls(stop=MaxIter(20), formula="polak-ribiere"), counts
        yield cls(stop=MaxIter(20)), counts
