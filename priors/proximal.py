"""The proximal map of a whole prior: exact where one term allows it, else by its dual with a certified accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.operators.operator import Shape
from recon.operators.tensors import all_done, item_dot, item_norm, per_item
from recon.priors.prior import Term
from recon.priors.splitting import Block, Saddle, split_terms


class Prox(NamedTuple):
    """argmin_x h(x) + ‖x − v‖²/(2τ), dual variables qⱼ of its blocks, and a bound per item on its suboptimality."""

    x: Tensor
    duals: tuple[Tensor, ...]
    gap: Tensor
    iterations: int


def is_exact(h: Saddle) -> bool:
    """Whether prox_h has a closed form here: at most one term, behind a unitary operator."""
    return not h.blocks or (h.simple is None and len(h.blocks) == 1 and h.blocks[0].unitary)


def prox_of_terms(
    terms: Sequence[Term],
    v: Tensor,
    tau: Tensor,
    shape: Shape,
    tol: float,
    max_iter: int,
    start: Prox | None,
    name: str,
) -> Prox:
    """The prox of a sum of terms at items ``v`` with one ``tau`` per item; see :meth:`VariationalPrior.prox`."""
    h = split_terms(terms, shape)
    for block in h.blocks:
        f = block.functional
        if "prox" not in f.capabilities:
            raise CapabilityError(f"{name} has no prox: {f.name} has none.")
        if not is_exact(h) and not ("conjugate" in f.capabilities and f.convex):
            raise CapabilityError(f"{name} has no prox: {f.name} is not convex and acts beside others or on Lx.")
    duals = tuple(torch.zeros_like(z) for z in h.forward(v)) if start is None else start.duals
    allowed = tol * item_norm(v, len(shape)).square() / (2 * tau)
    return prox(h, v, tau, len(shape), duals, allowed, max_iter)


def prox(h: Saddle, v: Tensor, tau: Tensor, ndim: int, duals: tuple[Tensor, ...], tol: Tensor, max_iter: int) -> Prox:
    """prox_{τh}(v) for h = g + Σⱼ fⱼ∘Lⱼ.

    Exact where :func:`is_exact`. Otherwise by accelerated projected gradient on the dual,

        x(q) = prox_{τg}(v − τ Σⱼ Lⱼᴴ qⱼ),   qⱼ⁺ = prox_{s fⱼ*}(q̄ⱼ + s Lⱼ x(q̄)),   s = 1/(τ Σⱼ‖Lⱼ‖²),

    from ``duals`` until the duality gap Σⱼ fⱼ(Lⱼx) + fⱼ*(qⱼ) − Re⟨Lⱼx, qⱼ⟩ is at most ``tol`` (per item) or after
    ``max_iter`` steps.

    Source: Beck and Teboulle, IEEE Trans. Image Process. 18 (2009) 2419.
    """
    width = per_item(tau, v, ndim)
    if not h.blocks:
        return Prox(v if h.simple is None else h.simple.prox(v, tau), (), torch.zeros_like(tau), 0)
    if is_exact(h):
        f, L, _ = h.blocks[0]
        x = L.adjoint(f.prox(L(v), tau))
        return Prox(x, (L((v - x) / width),), torch.zeros_like(tau), 0)

    step = 1 / (tau * sum(block.operator.norm_bound(v) ** 2 for block in h.blocks))

    def primal(q: tuple[Tensor, ...]) -> Tensor:
        x = v - width * h.adjoint(q)
        return x if h.simple is None else h.simple.prox(x, tau)

    q, ahead, t = duals, duals, 1.0
    x = primal(q)
    gap = _gap(h.blocks, h.forward(x), q)
    iterations = 0
    while iterations < max_iter and not all_done(gap > tol, iterations):
        images = h.forward(primal(ahead))
        moved = tuple(
            block.functional.prox_conjugate(y + per_item(step, y, block.functional.ndim) * z, step)
            for block, y, z in zip(h.blocks, ahead, images, strict=True)
        )
        t_next = (1 + (1 + 4 * t * t) ** 0.5) / 2
        ahead = tuple(new + ((t - 1) / t_next) * (new - old) for new, old in zip(moved, q, strict=True))
        running = gap > tol
        q = tuple(
            torch.where(running.reshape(-1, *(1,) * block.functional.ndim), new, old)
            for block, new, old in zip(h.blocks, moved, q, strict=True)
        )
        t = t_next
        x = primal(q)
        gap = _gap(h.blocks, h.forward(x), q)
        iterations += 1
    return Prox(x, q, gap, iterations)


def _gap(blocks: tuple[Block, ...], images: tuple[Tensor, ...], duals: tuple[Tensor, ...]) -> Tensor:
    parts = [
        block.functional(z) + block.functional.conjugate(q) - item_dot(z, q, block.functional.ndim)
        for block, z, q in zip(blocks, images, duals, strict=True)
    ]
    return torch.stack(parts).sum(0)
