"""Problems as primal-dual solvers see them, and certificates of optimality."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.identity import Identity
from recon.operators.linear import CapabilityError
from recon.operators.tensors import item_norm
from recon.priors.splitting import Block, Saddle, split_terms
from recon.solvers.norms import step_norm
from recon.solvers.optimisation.absorption import repair, repair_by_counts, repair_by_data
from recon.solvers.optimisation.enclosure import ball_bound, defect, radius
from recon.solvers.optimisation.pullback import Pullback
from recon.solvers.problem import Problem

PROMISING = 0.5
"""Relative gap, feasibility aside, below which making the duals feasible is worth its cost."""


def split(problem: Problem) -> Saddle:
    """Write a variational problem as a :class:`Saddle`.

    One prior term on the image itself becomes g (:func:`recon.priors.splitting.split_terms`), all others blocks.
    """
    prior = split_terms(problem.terms, problem.shape)
    return Saddle(prior.simple, (Block(problem.likelihood, problem.linear), *prior.blocks))


def prior_part(saddle: Saddle) -> Saddle:
    """The saddle without its data term: h = g + Σⱼ fⱼ∘Lⱼ."""
    return Saddle(saddle.simple, saddle.blocks[1:])


def primal_split(problem: Problem) -> Saddle:
    """A problem with the data term as g and all terms of the prior as blocks.

    Errors: CapabilityError where the data term has no prox in closed form behind A.
    """
    prior = split_terms(problem.terms, problem.shape)
    last = () if prior.simple is None else (Block(prior.simple, Identity(problem.shape), True),)
    return Saddle(Pullback(problem.likelihood, problem.linear), (*prior.blocks, *last))


def require_convex(problem: Problem, solver: str) -> None:
    """Refuse problems with a term that is not convex, or with a nonlinear operator."""
    problem.linear  # noqa: B018  (raises for nonlinear operators)
    for functional in (problem.likelihood, *(term.functional for term in problem.terms)):
        if not functional.convex:
            raise CapabilityError(
                f"{solver} needs convex terms; {functional.name} is not convex: use ProximalGradient, GhadimiLan or "
                "IRLS."
            )


def require_proximable(problem: Problem, solver: str) -> None:
    """Refuse problems of which a term is not convex, or lacks the prox that a splitting solver needs."""
    require_convex(problem, solver)
    for block in split(problem).blocks:
        if "prox" not in block.functional.capabilities:
            raise CapabilityError(f"{solver} needs the prox of every term; {block.functional.name} has none.")


def require_smooth(problem: Problem, solver: str) -> None:
    """Refuse problems whose data term has no Lipschitz gradient."""
    if problem.likelihood.lipschitz() is None:
        raise CapabilityError(
            f"{solver} needs a data term with a Lipschitz gradient; {problem.likelihood.name} has none. "
            "Use PDHG instead."
        )


def check_norms(saddle: Saddle, like: Tensor) -> None:
    """Refuse blocks that declare a norm that is too small."""
    for block in saddle.blocks:
        step_norm(block.operator, like)


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

    The best of several choices of y is reported: the given one, with the ball that P(minimiser) ≤ P(x) implies
    (:func:`radius`), and those made exactly feasible, which need no ball: by a change of the prior's duals
    (:func:`repair`), and by one of the data term's where A is injective with a closed-form (AᴴA)⁻¹ or where counts are
    fitted by x ≥ 0. Where none is finite the gap is infinite. These are left out while even the gap without r's part is
    large. All terms are taken to be nonnegative, as recon's are; up to rounding the bound is rigorous.
    """
    points = tuple(block.functional.dual_point(y) for block, y in zip(saddle.blocks, duals, strict=True))
    objective = saddle.objective(x, images)
    r = saddle.adjoint(points)
    level = torch.where(torch.isfinite(objective), objective, torch.inf)
    n, bound = len(problem.shape), radius(problem, saddle, level)
    lower = ball_bound(saddle, r, bound, n) - _conjugates(saddle, points)
    hopeful = objective + _conjugates(saddle, points) < PROMISING * objective.abs()
    if bool(hopeful.any()):
        for repaired in (
            repair(problem, saddle, x, points, r, bound),
            repair_by_data(problem, saddle, x, points, r),
            repair_by_counts(problem, saddle, points),
        ):
            if repaired is not None:
                free = 0.0 if saddle.simple is None else -saddle.simple.conjugate(-repaired.target)
                value = free - _conjugates(saddle, repaired.duals)
                if not repaired.exact:
                    value = value - defect(saddle.adjoint(repaired.duals) - repaired.target, bound, n)
                lower = torch.fmax(lower, torch.where(repaired.items, value, -torch.inf))
    gap = objective - lower
    relative = gap / objective.abs().clamp(min=torch.finfo(objective.dtype).tiny)
    return Certificate(objective, lower, gap, torch.where(torch.isinf(gap), torch.inf, relative))


def _conjugates(saddle: Saddle, points: tuple[Tensor, ...]) -> Tensor:
    values = [
        block.functional.conjugate(y)
        if "conjugate" in block.functional.capabilities
        else torch.full_like(item_norm(y, block.functional.ndim), torch.inf)
        for block, y in zip(saddle.blocks, points, strict=True)
    ]
    return torch.stack(values).sum(0)
