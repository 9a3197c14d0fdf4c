"""Limited-memory quasi-Newton, with bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.diagonal import Diagonal
from recon.operators.gradient import Gradient
from recon.operators.noise import GaussianNoise, PoissonNoise
from recon.operators.tensors import item_dot, item_norm, per_item
from recon.priors.handcrafted.box import NonNegative
from recon.priors.handcrafted.tikhonov import Tikhonov
from recon.solvers.optimisation.certificates import certificate
from recon.solvers.optimisation.differentiable import Bounds, differentiable, first_step
from recon.solvers.optimisation.line_search import SUFFICIENT, Bracket, judge
from recon.solvers.optimisation.smooth import Images, choose, choose_all, inside, positive, rounding
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule

PATIENCE = 20
"""Refused trials along one direction after which an item forgets its curvature pairs."""


class Pair(NamedTuple):
    """s = x⁺ − x, y = g⁺ − g; 1/Re⟨s, y⟩ per item, 0 where the pair does not count."""

    s: Tensor
    y: Tensor
    inverse: Tensor


class LBFGSState(NamedTuple):
    """x, Kᵢ(x), ∇F(x), the direction d and its trial steps; pairs, newest first; figures per item."""

    x: Tensor
    images: Images
    g: Tensor
    d: Tensor
    bracket: Bracket
    pairs: tuple[Pair, ...]
    value: Tensor
    scale: Tensor
    refused: Tensor
    evaluations: Tensor
    change: Tensor


@dataclass(frozen=True, kw_only=True)
class LBFGS(Solver):
    """Minimise a differentiable F(x), perhaps within bounds, by x⁺ = P(x − t H∇F(x)).

    H is the inverse Hessian that the last ``memory`` pairs (s, y) imply. Without bounds t satisfies the Wolfe
    conditions; with bounds H is restricted to the pixels that no bound holds, P projects, and t satisfies Armijo's
    condition along the projected path (two-metric projection). One iteration is one evaluation of F and ∇F: an item
    whose trial step is refused tries another along the same direction in the next. F may be any sum of terms with a
    gradient, behind operators that may be nonlinear. The method is L-BFGS or, with a Box or NonNegative prior, one for
    the problems of L-BFGS-B.

    The measurement ``dual_residual`` is the norm of the gradient, where no bound holds the pixel, over ‖∇F(x⁰)‖.

    Parameters
    ----------
    memory
        Number of pairs.

    Errors: CapabilityError for terms without gradient (total variation, wavelets) other than bounds.

    Sources: Liu and Nocedal, Math. Program. 45 (1989) 503; Bertsekas, SIAM J. Control Optim. 20 (1982) 221, and
    Schmidt, Kim and Sra, in Optimization for Machine Learning (2011), for bounds.
    """

    names = ("lbfgs", "l_bfgs", "lbfgsb")
    measures = frozenset({"change", "objective", "gap", "relative_gap", "primal_residual", "dual_residual"})

    stop: Rule = MaxIter(300)
    memory: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.memory, bool) or not isinstance(self.memory, int) or self.memory < 1:
            raise ValueError(f"LBFGS expects memory >= 1, got {self.memory!r}.")

    def require(self, problem: Problem) -> None:
        differentiable(problem, self.name, bounded=True)

    def init(self, problem: Problem, initial: Tensor | None = None) -> LBFGSState:
        parts, n = differentiable(problem, self.name, bounded=True), len(problem.shape)
        smooth, bounds = parts.smooth, parts.bounds
        x = bounds.project(inside(problem, parts.composite))
        images = smooth.images(x)
        g = smooth.gradient(x, images)
        scale = item_norm(g, n)
        if initial is not None:
            x = bounds.project(initial)
            images = smooth.images(x)
            g = smooth.gradient(x, images)
            scale = torch.maximum(scale, item_norm(g, n))
        value = smooth.value(images)
        x = choose(torch.isinf(value), torch.full_like(x, torch.nan), x)  # no point of the domain is known
        d = -g * bounds.free(x, g) if bounds.active else -g
        t = first_step(smooth, x, images, d, item_dot(g, d, n))
        d = per_item(t, d, n) * d
        zero, nothing = torch.zeros_like(scale), torch.zeros_like(x)
        pairs = tuple(Pair(nothing, nothing, zero) for _ in range(self.memory))
        start = Bracket.start(torch.ones_like(scale))
        return LBFGSState(x, images, g, d, start, pairs, value, scale, zero, zero + 1, zero + torch.inf)

    def step(self, problem: Problem, state: LBFGSState) -> LBFGSState:
        parts, n = differentiable(problem, self.name, bounded=True), len(problem.shape)
        smooth, bounds = parts.smooth, parts.bounds
        x = bounds.project(state.x + per_item(state.bracket.t, state.d, n) * state.d)
        images = smooth.images(x)
        g, value = smooth.gradient(x, images), smooth.value(images)
        s = x - state.x
        if bounds.active:
            predicted = item_dot(state.g, s, n)
            enough = value <= state.value + SUFFICIENT * predicted + rounding(state.value)
            accepted = (enough & (predicted <= 0)) | torch.isnan(value)
            bracket = state.bracket._replace(t=state.bracket.t / 4)
        else:
            accepted, bracket = judge(
                state.bracket,
                state.value,
                item_dot(state.g, state.d, n),
                value,
                item_dot(g, state.d, n),
                curvature=0.9,
                strong=False,
            )

        y = g - state.g
        product = item_dot(s, y, n)
        curved = product > torch.finfo(product.dtype).eps * item_norm(s, n) * item_norm(y, n)
        inverse = torch.where(accepted & curved, 1 / torch.where(curved, product, 1), 0)
        forget = ~accepted & (state.refused >= PATIENCE)
        pairs = tuple(
            pair._replace(inverse=torch.where(forget, 0, pair.inverse))
            for pair in (Pair(s, y, inverse), *state.pairs[:-1])
        )
        x, g = choose(accepted, x, state.x), choose(accepted, g, state.g)
        d = self._direction(pairs, x, g, bounds)
        turned = accepted | forget
        size = item_norm(s, n) / positive(item_norm(x, n))
        fresh = Bracket.start(torch.ones_like(bracket.t))
        return LBFGSState(
            x,
            choose_all(accepted, images, state.images),
            g,
            choose(turned, d, state.d),
            Bracket(*(torch.where(turned, a, b) for a, b in zip(fresh, bracket, strict=True))),
            pairs,
            torch.where(accepted, value, state.value),
            state.scale,
            torch.where(turned, 0, state.refused + 1),
            state.evaluations + 1,
            torch.where(accepted, size, state.change),
        )

    @staticmethod
    def _direction(pairs: tuple[Pair, ...], x: Tensor, g: Tensor, bounds: Bounds) -> Tensor:
        """−H g by the two-loop recursion, on the pixels that no bound holds; −γg where that is no descent."""
        n = x.ndim - 1
        mask = bounds.free(x, g) if bounds.active else None

        def on_free(v: Tensor) -> Tensor:
            return v if mask is None else mask * v

        used = []
        for pair in pairs:
            s, y, inverse = on_free(pair.s), on_free(pair.y), pair.inverse
            if mask is not None:
                product = item_dot(s, y, n)
                curved = (product > 1e-8 * item_norm(s, n) * item_norm(y, n)) & (inverse > 0)
                inverse = torch.where(curved, 1 / torch.where(curved, product, 1), 0)
            used.append(Pair(s, y, inverse))
        gradient = q = on_free(g)
        gamma = torch.zeros_like(used[0].inverse)
        weights = []
        for s, y, inverse in used:
            weight = inverse * item_dot(s, q, n)
            q = q - per_item(weight, y, n) * y
            weights.append(weight)
            square = item_dot(y, y, n)
            newest = (gamma == 0) & (inverse > 0) & (square > 0)
            gamma = torch.where(newest, 1 / positive(inverse * square), gamma)
        size = positive(item_norm(gradient, n))
        gamma = torch.where(gamma > 0, gamma, torch.clamp(positive(item_norm(x, n)) / size, max=1.0))
        r = per_item(gamma, q, n) * q
        for (s, y, inverse), weight in zip(reversed(used), reversed(weights), strict=True):
            r = r + per_item(weight - inverse * item_dot(y, r, n), s, n) * s
        downhill = item_dot(r, gradient, n) > 1e-12 * item_norm(r, n) * size
        return -choose(downhill, on_free(r), per_item(gamma, gradient, n) * gradient)

    def measure(self, problem: Problem, state: LBFGSState) -> dict[str, Tensor]:
        parts, n = differentiable(problem, self.name, bounded=True), len(problem.shape)
        slope = state.g * parts.bounds.free(state.x, state.g) if parts.bounds.active else state.g
        return {
            **certificate(problem, parts.composite, state.x, state.images, ()),
            "change": state.change,
            "primal_residual": torch.zeros_like(state.scale),
            "dual_residual": item_norm(slope, n) / positive(state.scale),
        }

    def image(self, state: LBFGSState) -> Tensor:
        return state.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        weights = torch.linspace(0.3, 1.2, 30, dtype=torch.float64).reshape(5, 6)
        data = torch.rand((3, 5, 6), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        smooth = Tikhonov(0.4, Gradient((5, 6)))
        yield cls(stop=MaxIter(30)), Problem(Diagonal(weights), data, GaussianNoise(0.5), smooth)
        yield cls(stop=MaxIter(30), memory=3), Problem(Diagonal(weights), data - 0.4, prior=smooth + NonNegative())
        yield cls(stop=MaxIter(30)), Problem(Diagonal(weights), 9 * data, PoissonNoise(background=0.5), NonNegative())
