"""Iterates of primal-dual methods, and how far they are from optimal."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.tensors import item_norm, per_item
from recon.priors.splitting import Saddle
from recon.solvers.optimisation.balance import Steps, positive


class Point(NamedTuple):
    """x, the products Kᵢx, the duals yᵢ and Kᴴy."""

    x: Tensor
    images: tuple[Tensor, ...]
    duals: tuple[Tensor, ...]
    r: Tensor

    def towards(self, to: Point, rho: float) -> Point:
        """This point + ρ(``to`` − this point)."""
        return Point(
            torch.lerp(self.x, to.x, rho),
            tuple(torch.lerp(a, b, rho) for a, b in zip(self.images, to.images, strict=True)),
            tuple(torch.lerp(a, b, rho) for a, b in zip(self.duals, to.duals, strict=True)),
            torch.lerp(self.r, to.r, rho),
        )


class Origin(NamedTuple):
    """Where a step came from: the iterate, Kᴴy, the step sizes and the extrapolation of x it used."""

    at: Point
    pull: Tensor
    steps: Steps
    theta: Tensor


def residuals(saddle: Saddle, origin: Origin, to: Point, ndim: int) -> tuple[Tensor, Tensor]:
    """Residuals of 0 ∈ ∂g(x) + Kᴴy and 0 ∈ ∂f*(y) − Kx in the metric of the steps, relative to x and Kᴴy.

    ``to`` is what the step x = prox_{τg}(x⁻ − τr⁻), y = prox_{σf*}(y⁻ + σK(x + θ(x − x⁻))) from ``origin`` gave.
    """
    at, pull, (tau, sigmas), theta = origin
    x, images, duals, r = to
    primal = item_norm((at.x - x) * _root(tau, x, ndim, -1) + (r - pull) * _root(tau, x, ndim, 1), ndim)
    square = torch.zeros_like(primal)
    for block, y, old_y, z, old, sigma in zip(saddle.blocks, duals, at.duals, images, at.images, sigmas, strict=True):
        m = block.functional.ndim
        ahead = per_item(theta, z, m) * (z - old)
        miss = (old_y - y) * _root(sigma, y, m, -1) + ahead * _root(sigma, y, m, 1)
        square = square + item_norm(miss, m).square()
    size = positive(item_norm(r * _root(tau, x, ndim, 1), ndim) + item_norm(x * _root(tau, x, ndim, -1), ndim))
    return primal / size, square.sqrt() / size


def _root(step: Tensor, x: Tensor, ndim: int, sign: int) -> Tensor:
    """√step or 1/√step, shaped to multiply x."""
    shaped = per_item(step.sqrt() if sign > 0 else step.rsqrt(), x, ndim)
    assert isinstance(shaped, Tensor)
    return shaped
