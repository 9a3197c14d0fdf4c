"""Problems as primal-dual solvers see them, and certificates of optimality."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.functionals import Functional
from recon.operators.identity import Identity
from recon.operators.linear import CapabilityError, LinearOperator
from recon.operators.tensors import item_norm, per_item
from recon.priors.prior import Term
from recon.solvers.problem import Problem

PROMISING = 0.5
"""Relative gap, feasibility aside, below which making the duals feasible is worth its cost."""


class Block(NamedTuple):
    """One summand f(K x) that is reached through its dual variable."""

    functional: Functional
    operator: LinearOperator
    unitary: bool = False


class Saddle(NamedTuple):
    """min_x g(x) + Σᵢ fᵢ(Kᵢ x), the data term being block 0; g (``simple``) acts on x itself, None for zero."""

    simple: Functional | None
    blocks: tuple[Block, ...]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """K x, one tensor per block."""
        return tuple(block.operator(x) for block in self.blocks)

    def adjoint(self, duals: tuple[Tensor, ...]) -> Tensor:
        """Kᴴy = Σᵢ Kᵢᴴyᵢ."""
        total = self.blocks[0].operator.adjoint(duals[0])
        for block, y in zip(self.blocks[1:], duals[1:], strict=True):
            total = total + block.operator.adjoint(y)
        return total

    def objective(self, x: Tensor, images: tuple[Tensor, ...]) -> Tensor:
        """g(x) + Σᵢ fᵢ(Kᵢx) from the products Kᵢx."""
        value = self.blocks[0].functional(images[0])
        for block, z in zip(self.blocks[1:], images[1:], strict=True):
            value = value + block.functional(z)
        return value if self.simple is None else value + self.simple(x)


def split(problem: Problem) -> Saddle:
    """Write a variational problem as a :class:`Saddle`.

    The first prior term on the image itself whose prox is exact becomes g; all other terms become blocks.
    """
    A = problem.linear
    blocks = [Block(problem.likelihood, A)]
    simple: Functional | None = None
    for term in problem.terms:
        if term.operator is None and simple is None and "prox" in term.functional.capabilities:
            simple = term.functional
        else:
            blocks.append(
                Block(term.functional, term.operator or Identity(problem.shape), term.unitary or not term.operator)
            )
    return Saddle(simple, tuple(blocks))


def require_proximable(problem: Problem, solver: str) -> None:
    """Refuse problems of which a term lacks the prox that a splitting solver needs."""
    for block in split(problem).blocks:
        if "prox" not in block.functional.capabilities:
            raise CapabilityError(f"{solver} needs the prox of every term; {block.functional.name} has none.")


class Certificate(NamedTuple):
    """Per item: objective P(x), a proven lower bound on its minimum, their difference, and that over |P|."""

    objective: Tensor
    lower: Tensor
    gap: Tensor
    relative_gap: Tensor

    def record(self) -> dict[str, Tensor]:
        """As history entries."""
        return {"objective": self.objective, "gap": self.gap, "relative_gap": self.relative_gap}


def certify(
    problem: Problem, saddle: Saddle, x: Tensor, images: tuple[Tensor, ...], duals: tuple[Tensor, ...]
) -> Certificate:
    """Bound how far x is from optimal, from any dual variables.

    For every x in a ball of radius R that holds all minimisers,
    P(x) ≥ g(x) + Σᵢ Re⟨Kᵢx, yᵢ⟩ − fᵢ*(yᵢ), so that with r = Σᵢ Kᵢᴴyᵢ

        min P ≥ −Σᵢ fᵢ*(yᵢ) + min_{‖x‖≤R} [g(x) + Re⟨x, r⟩].

    The better of two choices of y is reported: the given one, with the ball that P(minimiser) ≤ P(x) implies
    (:func:`radius`), and the one made exactly feasible by :func:`repair`, which needs no ball. Where neither is finite
    the gap is infinite. Repair is left out while even the gap without r's part is large. All terms are taken to be
    nonnegative, as recon's are; up to rounding the bound is rigorous.
    """
    points = tuple(block.functional.dual_point(y) for block, y in zip(saddle.blocks, duals, strict=True))
    objective = saddle.objective(x, images)
    r = saddle.adjoint(points)
    level = torch.where(torch.isfinite(objective), objective, torch.inf)
    lower = _pairing_bound(problem, saddle, r, radius(problem, saddle, level)) - _conjugates(saddle, points)
    hopeful = objective + _conjugates(saddle, points) < PROMISING * objective.abs()
    repaired = repair(problem, saddle, x, points, r) if bool(hopeful.any()) else None
    if repaired is not None:
        points, r, feasible = repaired
        free = torch.zeros_like(objective) if saddle.simple is None else -saddle.simple.conjugate(-r)
        lower = torch.fmax(lower, torch.where(feasible, free - _conjugates(saddle, points), -torch.inf))
    gap = objective - lower
    relative = gap / objective.abs().clamp(min=torch.finfo(objective.dtype).tiny)
    return Certificate(objective, lower, gap, torch.where(torch.isinf(gap), torch.inf, relative))


def _pairing_bound(problem: Problem, saddle: Saddle, r: Tensor, bound: Tensor) -> Tensor:
    """A lower bound on min g(x) + Re⟨x, r⟩ over ‖x‖ ≤ bound."""
    if saddle.simple is not None:
        return saddle.simple.lower_bound(r, bound)
    size = item_norm(r, len(problem.shape))
    return torch.where(size == 0, 0.0, torch.where(torch.isinf(bound), -torch.inf, -bound * size))


def _conjugates(saddle: Saddle, points: tuple[Tensor, ...]) -> Tensor:
    values = [block.functional.conjugate(y) for block, y in zip(saddle.blocks, points, strict=True)]
    return torch.stack(values).sum(0)


def repair(
    problem: Problem, saddle: Saddle, x: Tensor, points: tuple[Tensor, ...], r: Tensor
) -> tuple[tuple[Tensor, ...], Tensor, Tensor] | None:
    """Duals y' near ``points`` with r' = Kᴴy' exactly in −∂g(x) or near it, r', and for which items that succeeded.

    The defect e = r' − r is absorbed by a prior term whose operator L has a closed-form (LᴴL)⁺, through δ = L(LᴴL)⁺e;
    its mean, which L cannot see if L annihilates constants, by the data term along A1. Scaling all of y' by a factor
    at most 1 then restores feasibility of the fᵢ*. None where no term can absorb a defect; where A1 = 0, an item
    succeeds only if its defect has no mean.
    """
    chosen = next((term for term in problem.terms if _absorbs(term)), None)
    if chosen is None:
        return None
    target = torch.zeros_like(r) if saddle.simple is None else -saddle.simple.subgradient(x, -r)
    e = target - r
    fixed = list(points)
    feasible = torch.ones(r.shape[0], dtype=torch.bool, device=r.device)
    if chosen.kernel_constants:
        n = len(problem.shape)
        A = problem.linear
        ones = torch.ones_like(r)
        response = A(ones)
        size = item_norm(response, len(A.range_shape)).square()
        seen = size > 1e-12 * A.norm_bound(r) ** 2 * r[0].numel()
        mean = e.flatten(1).sum(1)
        feasible = seen | (mean == 0)
        share = per_item(torch.where(seen, mean / torch.where(seen, size, 1), 0), response, len(A.range_shape))
        fixed[0] = fixed[0] + share * response
        e = e - A.adjoint(share * response)
        e = e - e.flatten(1).mean(1).reshape(-1, *(1,) * n)
    index = next(i for i, block in enumerate(saddle.blocks) if block.functional is chosen.functional)
    L = saddle.blocks[index].operator
    fixed[index] = fixed[index] + L(L.normal_pinv(e))
    shrink = torch.stack([block.functional.dual_shrink(y) for block, y in zip(saddle.blocks, fixed, strict=True)]).amin(
        0
    )
    scaled = tuple(
        y * per_item(shrink, y, block.functional.ndim) for block, y in zip(saddle.blocks, fixed, strict=True)
    )
    return scaled, target * per_item(shrink, target, len(problem.shape)), feasible


def _absorbs(term: Term) -> bool:
    """Whether a term can absorb any defect (up to its mean, if it annihilates constants)."""
    if term.operator is None or "normal_pinv" not in term.operator.capabilities:
        return False
    return term.kernel_constants or term.unitary


def radius(problem: Problem, saddle: Saddle, level: Tensor) -> Tensor:
    """An R per item with ‖x‖₂ ≤ R whenever P(x) ≤ level; infinite where no term gives one.

    Sources of a bound, the least of which is taken: g itself; a term that embeds into ℓ2 (wavelet ℓ1, Tikhonov); total
    variation, which bounds x up to a constant c, together with the data, which bound that constant:
    ‖c·1‖ ‖A1‖/√N ≤ ‖Ax‖ + ‖A‖‖x − c·1‖; and an A of known least singular value.
    """
    A, N = problem.linear, float(torch.Size(problem.shape).numel())
    data_radius = problem.likelihood.level_radius(level)
    candidates = [torch.full_like(level, torch.inf)]
    if saddle.simple is not None:
        candidates.append(saddle.simple.level_radius(level))
    if "svd" in A.capabilities:
        least = float(A.svd().s.min())
        if least > 0:
            candidates.append(data_radius / least)
    for term in problem.terms:
        spread = _spread(term, level)
        if spread is None:
            continue
        if term.kernel_constants:
            ones = torch.ones(problem.shape, dtype=problem.dtype, device=level.device)
            response = float(item_norm(A(ones), len(A.range_shape)))
            if response == 0:
                continue
            spread = spread + sqrt(N) * (data_radius + A.norm_bound(level) * spread) / response
        candidates.append(spread)
    return torch.stack(candidates).amin(0)


def _spread(term: Term, level: Tensor) -> Tensor | None:
    if term.embedding is not None:
        return term.embedding * level
    if term.operator is None or term.unitary:
        return term.functional.level_radius(level)
    return None
