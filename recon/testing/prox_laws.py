"""Laws of proximal maps and convex conjugates."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.operators.tensors import item_dot, item_norm, item_sum, per_item
from recon.testing.functional_case import STEP, FunctionalCase
from recon.testing.report import Law, NotApplicable, at_most, largest
from recon.testing.samples import distance, norm, normal, positive

STEPS = (0.05, 0.7, 6.0)


def prox_optimal(case: FunctionalCase) -> str:
    """p = prox(x, τ) satisfies f(z) + ‖z − x‖²/2τ ≥ f(p) + ‖p − x‖²/2τ + ‖z − p‖²/2τ at every z.

    Without the last term where f is not convex.
    """
    case.needs("prox")
    worst = 0.0
    for dtype in case.dtypes():
        for tau in STEPS:
            for scale in (0.3, 3.0):
                x = scale * normal((*case.batch, *case.f.domain_shape), dtype, 1, case.device)
                worst = largest(worst, _violation(case, x, case.f.prox(x, tau), tau))
    return at_most(worst, 1e-9, "violation of the prox inequality, relative to f(p) + ‖p − x‖²/2τ")


def prox_firmly_nonexpansive(case: FunctionalCase) -> str:
    """‖p − q‖² ≤ Re⟨p − q, x − y⟩ for p = prox(x, τ) and q = prox(y, τ)."""
    case.needs("prox")
    if not case.f.convex:
        raise NotApplicable("not convex")
    f, worst = case.f, 0.0
    for dtype in case.dtypes():
        for seed, tau in enumerate(STEPS):
            for scale in (1e-3, 1.0):
                x = normal((*case.batch, *f.domain_shape), dtype, seed, case.device)
                y = x + scale * normal((*case.batch, *f.domain_shape), dtype, seed + 10, case.device)
                change = f.prox(x, tau) - f.prox(y, tau)
                excess = item_norm(change, f.ndim).square() - item_dot(change, x - y, f.ndim)
                worst = largest(worst, float((excess / item_norm(x - y, f.ndim).square()).max()))
    return at_most(worst, 1e-10, "(‖p − q‖² − Re⟨p − q, x − y⟩) / ‖x − y‖²")


def prox_steps(case: FunctionalCase) -> str:
    """τ may be a number, one per item or one per element; a prox without the last refuses it with ValueError."""
    case.needs("prox")
    f = case.f
    batch = case.batch or (3,)
    taus = torch.linspace(0.2, 3.0, int(torch.tensor(batch).prod()), dtype=torch.float64, device=case.device)
    taus = taus.reshape(batch)
    elementwise = "per element"
    for dtype in case.dtypes():
        x = normal((*batch, *f.domain_shape), dtype, 1, case.device)
        numbers = [f.prox(x, float(tau)) for tau in taus.flatten()]
        wanted = torch.stack([p.reshape(-1, *f.domain_shape)[i] for i, p in enumerate(numbers)]).reshape(x.shape)
        at_most(distance(f.prox(x, taus), wanted), 1e-12 * norm(wanted), "difference between τ per item and numbers")
        zero_dim = f.prox(x, taus.flatten()[0])
        at_most(
            distance(zero_dim, numbers[0]), 1e-12 * norm(wanted), "difference between a 0-dimensional τ and a number"
        )
        try:
            full = f.prox(x, taus.reshape(*batch, *(1,) * f.ndim).expand(x.shape))
            at_most(distance(full, wanted), 1e-12 * norm(wanted), "difference between τ per element and per item")
            each = 2 * positive(tuple(x.shape), torch.float64, 2, case.device)
            p = f.prox(x, each)
        except (ValueError, CapabilityError):
            elementwise = "per element refused"
            continue
        if not case.batch:
            at_most(_violation(case, x, p, each), 1e-9, "violation of the prox inequality with τ per element")
    return f"number, per item, {elementwise}"


def prox_conjugate(case: FunctionalCase) -> str:
    """Moreau: prox_conjugate(y, σ) = y − σ prox(y/σ, 1/σ), for σ a number and one per item."""
    case.needs("prox")
    if not case.f.convex:
        raise NotApplicable("not convex")
    f, worst = case.f, 0.0
    batch = case.batch or (3,)
    each = torch.linspace(0.2, 3.0, int(torch.tensor(batch).prod()), dtype=torch.float64, device=case.device)
    for dtype in case.dtypes():
        for scale in (0.2, 4.0):
            y = scale * normal((*batch, *f.domain_shape), dtype, 1, case.device)
            for sigma in (*STEPS, each.reshape(batch)):
                factor = per_item(sigma, y, f.ndim)
                wanted = y - factor * f.prox(y / factor, 1 / sigma)
                worst = largest(worst, distance(f.prox_conjugate(y, sigma), wanted) / norm(y))
    return at_most(worst, 1e-10, "‖prox_conjugate(y, σ) − Moreau‖ / ‖y‖")


def fenchel_young(case: FunctionalCase) -> str:
    """f(x) + f*(y) ≥ Re⟨x, y⟩, with equality for y in the subdifferential at x."""
    case.needs("conjugate")
    f, worst, gap = case.f, 0.0, 0.0
    for dtype in case.dtypes():
        for seed, scale in enumerate((0.05, 0.5, 1.0, 5.0)):
            x = case.inside(case.batch, dtype, seed)
            y = scale * normal((*case.batch, *f.domain_shape), dtype, seed + 10, case.device)
            for dual in (y, f.dual_point(y)):
                worst = largest(worst, -_duality(case, x, dual)[0])
        for x, y in _dual_pairs(case, dtype):
            dual = f.dual_point(y)
            at_most(distance(dual, y), 1e-9 * max(norm(y), 1.0), "distance from a subgradient to its dual_point")
            gap = largest(gap, _duality(case, x, dual)[1])
    at_most(worst, 1e-10, "Re⟨x, y⟩ − f(x) − f*(y), relative")
    return at_most(gap, 1e-9, "|f(x) + f*(y) − Re⟨x, y⟩| for y in the subdifferential at x, relative")


def dual_point(case: FunctionalCase) -> str:
    """f* is finite at dual_point of a subgradient."""
    case.needs("conjugate")
    f = case.f
    for dtype in (
        *case.dtypes(),
        *(d.to_real().to_complex() if d.is_complex else torch.float32 for d in case.dtypes()),
    ):
        for _, y in _dual_pairs(case, dtype):
            value = f.conjugate(f.dual_point(y))
            assert bool(torch.isfinite(value).all()), (
                f"f* is {float(value.max())} at dual_point of a {dtype} subgradient."
            )
    return "finite"


def dual_shrink(case: FunctionalCase) -> str:
    """s = dual_shrink(y) lies in [0, 1]; it is 1 where f*(y) is finite, and f*(s·y) is finite where it is less."""
    case.needs("conjugate")
    f = case.f
    for dtype in case.dtypes():
        for seed, scale in enumerate((0.01, 1.0, 30.0)):
            y = scale * normal((*case.batch, *f.domain_shape), dtype, seed, case.device)
            s = f.dual_shrink(y)
            assert tuple(s.shape) == case.batch, f"dual_shrink gave shape {tuple(s.shape)} on a batch {case.batch}."
            assert bool(((s >= 0) & (s <= 1)).all()), f"dual_shrink gave {float(s.max()):.3g}, outside [0, 1]."
            within = torch.isfinite(f.conjugate(y))
            assert bool((s == 1)[within].all()), "dual_shrink is below 1 at a point where f* is finite."
            shrunk = f.conjugate((1 - 1e-12) * per_item(s, y, f.ndim) * y)
            assert bool(torch.isfinite(shrunk)[s < 1].all()), "f* is infinite at s·y though dual_shrink gave s < 1."
    magnitude = torch.as_tensor(f.dual_scale())
    assert bool(((magnitude > 0) & torch.isfinite(magnitude)).all()), f"dual_scale gave {magnitude}, expected > 0."
    return "in [0, 1]"


def _dual_pairs(case: FunctionalCase, dtype: torch.dtype) -> Iterator[tuple[Tensor, Tensor]]:
    """Points with a subgradient each: (x, ∇f(x)) and (p, (x − p)/τ)."""
    f = case.f
    for seed in range(3):
        if "grad" in f.capabilities:
            x = case.inside(case.batch, dtype, seed)
            yield x, f.grad(x)
        if "prox" in f.capabilities:
            for tau in STEPS:
                x = 2 * normal((*case.batch, *f.domain_shape), dtype, seed, case.device)
                p = f.prox(x, tau)
                yield p, (x - p) / tau


def _duality(case: FunctionalCase, x: Tensor, y: Tensor) -> tuple[float, float]:
    """Smallest and largest f(x) + f*(y) − Re⟨x, y⟩ over the items, relative to the terms' size."""
    f = case.f
    primal, conjugate, product = f(x), f.conjugate(y), item_dot(x, y, f.ndim)
    gap = primal + conjugate - product
    relative = gap / (1 + primal.abs() + torch.where(torch.isinf(conjugate), 0, conjugate).abs() + product.abs())
    return float(relative.min()), float(relative.abs().max())


def _violation(case: FunctionalCase, x: Tensor, p: Tensor, tau: float | Tensor) -> float:
    f = case.f

    def proximity(z: Tensor, centre: Tensor) -> Tensor:
        return item_sum((z - centre).abs().square() / (2 * tau), f.ndim)

    best: Tensor = f(p) + proximity(p, x)
    assert bool(torch.isfinite(best).all()), f"f is {float(f(p).max())} at the prox."
    worst = 0.0
    for z in _around(case, p, x):
        shortfall = best + (proximity(z, p) if f.convex else 0) - f(z) - proximity(z, x)
        worst = largest(worst, float((shortfall / (1 + best.abs())).max()))
    return worst


def _around(case: FunctionalCase, p: Tensor, x: Tensor) -> Iterator[Tensor]:
    yield x
    yield torch.zeros_like(p)
    yield p + STEP * (x - p)
    for seed in range(3):
        yield case.inside(tuple(p.shape[: p.ndim - case.f.ndim]), p.dtype, seed)
    for size in (1.0, 1e-2, 1e-4):
        for seed in range(4):
            yield p + size * normal(tuple(p.shape), p.dtype, seed + 40, case.device)
        for element in range(min(p[(0,) * (p.ndim - case.f.ndim)].numel(), 12)):
            for sign in (size, -size):
                shifted = p.clone().reshape(*p.shape[: p.ndim - case.f.ndim], -1)
                shifted[..., element] += sign
                yield shifted.reshape(p.shape)


PROX_LAWS: tuple[Law, ...] = (
    prox_optimal,
    prox_firmly_nonexpansive,
    prox_steps,
    prox_conjugate,
    fenchel_young,
    dual_point,
    dual_shrink,
)
