"""Dual variables made exactly feasible, by moving the defect into a term that can take it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.functionals import BoxIndicator, PoissonKL
from recon.operators.graph_laplacian import GraphLaplacian
from recon.operators.linear import LinearOperator
from recon.operators.tensors import item_norm, per_item
from recon.priors.prior import Term
from recon.priors.splitting import Saddle
from recon.solvers.linear.cg import cg
from recon.solvers.optimisation.enclosure import seen_kernel, seen_share
from recon.solvers.problem import Problem

INNER = 300
"""Conjugate gradient iterations for a preimage that has no closed form."""


class Feasible(NamedTuple):
    """Duals y', the r' = Kᴴy' they were made for, the items that succeeded, and whether r' is met up to rounding."""

    duals: tuple[Tensor, ...]
    target: Tensor
    items: Tensor
    exact: bool


def repair(
    problem: Problem, saddle: Saddle, x: Tensor, points: tuple[Tensor, ...], r: Tensor, bound: Tensor
) -> Feasible | None:
    """Duals y' near ``points`` with r' = Kᴴy' exactly in −∂g(x) or near it.

    The defect e = r' − r is absorbed by a prior term with a known kernel N: its part in N by the data term's dual along
    AN, through AN(NᴴAᴴAN)⁻¹Nᴴe, whose own Aᴴ then belongs to the defect; the rest, orthogonal to N, by the term's dual
    through a δ with Lᴴδ = e. That is L(LᴴL)⁺e or the operator's own ``preimage``; without either, conjugate gradients
    come close to it, and the caller has to count what is left, which takes a finite ``bound`` on ‖x‖. Scaling all of y'
    by a factor at most 1 then restores feasibility of the fᵢ*. None where no term can absorb a defect; where A is blind
    to a part of N, an item succeeds only if its defect has no part there.
    """
    chosen = next((term for term in problem.terms if _absorbs(term)), None)
    if chosen is None:
        return None
    index = next(i for i, block in enumerate(saddle.blocks) if block.functional is chosen.functional)
    L = saddle.blocks[index].operator
    if not _closed(L) and not bool(torch.isfinite(bound).any()):
        return None
    target = torch.zeros_like(r) if saddle.simple is None else -saddle.simple.subgradient(x, -r)
    e, fixed, n = target - r, list(points), len(problem.shape)
    items = torch.ones(r.shape[0], dtype=torch.bool, device=r.device)
    null = chosen.null
    if null is not None:
        seen = seen_kernel(problem, chosen)
        coefficients = null.adjoint(e)
        if seen is None or seen.least == 0:
            items = item_norm(coefficients, 1) == 0
        else:
            share = seen_share(seen, coefficients)
            fixed[0] = fixed[0] + share
            e = e - problem.linear.adjoint(share)
        if not bool(items.any()):
            return None
        e = e - null(null.adjoint(e))
    fixed[index] = fixed[index] + _preimage(L, e, n)
    scales = [block.functional.dual_shrink(y) for block, y in zip(saddle.blocks, fixed, strict=True)]
    shrink = torch.stack(scales).amin(0)
    pairs = zip(saddle.blocks, fixed, strict=True)
    scaled = tuple(y * per_item(shrink, y, block.functional.ndim) for block, y in pairs)
    return Feasible(scaled, target * per_item(shrink, target, n), items, _closed(L))


def repair_by_data(
    problem: Problem, saddle: Saddle, x: Tensor, points: tuple[Tensor, ...], r: Tensor
) -> Feasible | None:
    """As :func:`repair`, e absorbed by the data term's dual through A(AᴴA)⁻¹e; None unless A is injective."""
    A = problem.linear
    if not {"normal_pinv", "svd"} <= A.capabilities or not float(A.svd().s.min()) > 0:
        return None
    target = torch.zeros_like(r) if saddle.simple is None else -saddle.simple.subgradient(x, -r)
    fixed = (points[0] + A(A.normal_pinv(target - r)), *points[1:])
    return Feasible(fixed, target, torch.ones(r.shape[0], dtype=torch.bool, device=r.device), True)


def repair_by_counts(problem: Problem, saddle: Saddle, points: tuple[Tensor, ...]) -> Feasible | None:
    """For Poisson counts and x ≥ 0, duals with r' = Kᴴy' ≥ 0; None for other problems.

    With y₀ = (1 − w)/g, w > 0, and the pull q of the other duals, r = (Aᴴ1 − Aᴴw)/g + q is made nonnegative by dividing
    w by the largest of Aᴴw/(Aᴴ1 + g q); an item succeeds where Aᴴ1 + g q is positive.
    """
    f = problem.likelihood
    if not isinstance(f, PoissonKL) or not isinstance(saddle.simple, BoxIndicator):
        return None
    if saddle.simple.lower != 0 or saddle.simple.upper != float("inf"):
        return None
    A, w = problem.linear, 1 - f.gain * points[0]
    rest = saddle.adjoint((torch.zeros_like(w), *points[1:]))
    room, pull = A.adjoint(torch.ones_like(w)) + f.gain * rest, A.adjoint(w)
    items = ((room > 0) | (pull <= 0)).flatten(1).all(1)
    share = torch.where(room > 0, pull / torch.where(room > 0, room, 1), 0).flatten(1).amax(1).clamp(min=1)
    duals = ((1 - w / per_item(share, w, f.ndim)) / f.gain, *points[1:])
    target = saddle.adjoint(duals)
    return Feasible(duals, target.clamp(min=0), items, True)


def _absorbs(term: Term) -> bool:
    """Whether a term can absorb any defect up to its part in a known kernel."""
    if term.operator is None:
        return False
    return term.null is not None or term.least is not None or (_closed(term.operator) and term.unitary)


def _closed(L: LinearOperator) -> bool:
    return bool({"normal_pinv", "preimage"} & L.capabilities)


def _preimage(L: LinearOperator, e: Tensor, ndim: int) -> Tensor:
    if "normal_pinv" in L.capabilities:
        return L(L.normal_pinv(e))
    if "preimage" in L.capabilities:
        return L.preimage(e)
    if isinstance(L, GraphLaplacian):  # Lᴴ = L is nonnegative
        return cg(L, e, ndim, rtol=1e-12, max_iter=INNER)[0]
    return L(cg(L.normal, e, ndim, rtol=1e-12, max_iter=INNER)[0])
