"""Balls that hold every minimiser, and what the data say about images that a prior does not see."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.functionals import BoxIndicator, Functional, Nonnegative, ScaledFunctional
from recon.operators.linear import LinearOperator
from recon.operators.tensors import item_norm
from recon.priors.prior import Term
from recon.priors.slots import SlotFunctional
from recon.priors.splitting import Saddle
from recon.solvers.problem import Problem

LARGEST = 256
"""Dimensions of a kernel up to which A is applied to a basis of it."""

CHUNK = 16
"""Basis images projected at once."""


class SeenKernel(NamedTuple):
    """A on the kernel of a prior's L: AN eⱼ (k, *range), (NᴴAᴴAN)⁻¹ (k, k), and a lower bound on A's least gain there.

    The inverse is zero where the bound is. Data of weight zero count as if A did not give them.
    """

    images: Tensor
    inverse: Tensor
    least: float


def seen_kernel(problem: Problem, term: Term) -> SeenKernel | None:
    """What A makes of the kernel of a term, kept with the problem; None if that has too many dimensions."""
    null = term.null
    assert null is not None
    if null.domain_shape[0] > LARGEST:
        return None
    kept: dict[int, SeenKernel] = problem.__dict__.setdefault("_seen_kernels", {})
    index = next(i for i, other in enumerate(problem.terms) if other is term)
    if index not in kept:
        kept[index] = _see(problem, null)
    return kept[index]


def _see(problem: Problem, null: LinearOperator) -> SeenKernel:
    A, (k,) = problem.linear, null.domain_shape
    eye = torch.eye(k, dtype=problem.dtype, device=problem.data.device)
    images = torch.cat([A(null(part)) for part in eye.split(CHUNK)])
    support = problem.likelihood.dual_support(images)
    if support is not None:
        images = images * support
    flat = images.reshape(k, -1).to(torch.complex128 if images.is_complex() else torch.float64)
    gram = flat.conj() @ flat.T
    if not problem.dtype.is_complex and gram.is_complex():
        gram = gram.real
    values = torch.linalg.eigvalsh(gram)
    rounding = 100 * k * torch.finfo(images.dtype).eps
    smallest = float(values[0]) - rounding * float(values[-1])
    if not smallest > rounding * float(values[-1]):
        return SeenKernel(images, torch.zeros_like(gram), 0.0)
    return SeenKernel(images, torch.linalg.inv(gram), sqrt(smallest))


def radius(problem: Problem, saddle: Saddle, level: Tensor) -> Tensor:
    """An R per item with ‖x‖₂ ≤ R whenever P(x) ≤ level; infinite where no term gives one.

    All terms being nonnegative, each is at most ``level`` where P is, and the data term bounds ‖Ax‖ ≤ ρ. The least of:

    * g's own bound;
    * ρ/s for an A of known least singular value s;
    * for a term f(Lx) whose L has the kernel N: ‖x − Px‖ ≤ d, P the projection on N, with d = c·level for a declared
      embedding constant c and d = (the bound that f has on ‖Lx‖)/s for a declared least singular value s. On N, A has
      a least gain a, the root of the least eigenvalue of NᴴAᴴAN, so that a‖Px‖ ≤ ‖APx‖ ≤ ‖Ax‖ + ‖A(x − Px)‖ ≤
      ρ + ‖A‖d (over the data whose weight is not zero), and ‖x‖² = ‖x − Px‖² + ‖Px‖² ≤ d² + (ρ + ‖A‖d)²/a²;
    * where g keeps x ≥ 0 and c = Aᴴ1 is positive, min(c) ‖x‖₂ ≤ min(c) Σx ≤ ⟨c, x⟩ = ⟨1, Ax⟩ ≤ √m ρ for m data.
    """
    A = problem.linear
    rho = problem.likelihood.level_radius(level)
    candidates = [torch.full_like(level, torch.inf)]
    if saddle.simple is not None:
        candidates.append(saddle.simple.level_radius(level))
        if _nonnegative(saddle.simple):
            candidates.append(rho * _sum_gain(problem))
    if "svd" in A.capabilities:
        least = float(A.svd().s.min())
        if least > 0:
            candidates.append(rho / least)
    for term in problem.terms:
        away = _spread(term, level)
        if away is None:
            continue
        if term.null is not None:
            seen = seen_kernel(problem, term)
            if seen is None or seen.least == 0:
                continue
            weighed = problem.likelihood.support_radius(level)
            away = torch.hypot(away, (weighed + A.norm_bound(level) * away) / seen.least)
        candidates.append(away)
    return torch.stack(candidates).amin(0)


def _spread(term: Term, level: Tensor) -> Tensor | None:
    """A bound on ‖x − Px‖ where the term is at most ``level``."""
    bounds: list[Tensor] = []
    if term.embedding is not None:
        bounds.append(term.embedding * level)
    if term.least is not None:
        bounds.append(term.functional.level_radius(level) / term.least)
    if not bounds and (term.operator is None or term.unitary) and term.null is None:
        bounds.append(term.functional.level_radius(level))
    return torch.stack(bounds).amin(0) if bounds else None


def _nonnegative(functional: Functional) -> bool:
    while isinstance(functional, ScaledFunctional | SlotFunctional):
        functional = functional.functional
    return isinstance(functional, Nonnegative) or (isinstance(functional, BoxIndicator) and functional.lower >= 0)


def _sum_gain(problem: Problem) -> float:
    """√m / min Aᴴ1, infinite unless Aᴴ1 is positive; kept with the problem."""
    kept: dict[str, float] = problem.__dict__.setdefault("_sum_gain", {})
    if "gain" not in kept:
        A = problem.linear
        ones = torch.ones(A.range_shape, dtype=problem.data.dtype, device=problem.data.device)
        least = float(A.adjoint(ones).real.min()) if not problem.dtype.is_complex else 0.0
        kept["gain"] = sqrt(ones.numel()) / least if least > 0 else float("inf")
    return kept["gain"]


def ball_bound(saddle: Saddle, r: Tensor, bound: Tensor, ndim: int) -> Tensor:
    """A lower bound on min g(x) + Re⟨x, r⟩ over ‖x‖ ≤ bound."""
    return saddle.simple.lower_bound(r, bound) if saddle.simple is not None else -defect(r, bound, ndim)


def defect(r: Tensor, bound: Tensor, ndim: int) -> Tensor:
    """bound·‖r‖, zero where r is zero."""
    size = item_norm(r, ndim)
    return torch.where(size == 0, 0.0, torch.where(torch.isinf(bound), torch.inf, bound * size))


def seen_share(seen: SeenKernel, coefficients: Tensor) -> Tensor:
    """AN(NᴴAᴴAN)⁻¹c for coefficients c (items, k): the data-sided vector whose Aᴴ has the N-part c."""
    inverse = seen.inverse if not coefficients.is_complex() else seen.inverse.to(torch.complex128)
    solved = coefficients.to(inverse.dtype) @ inverse.T
    out: Tensor = torch.tensordot(solved.to(seen.images.dtype), seen.images, dims=1)
    return out
