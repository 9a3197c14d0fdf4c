"""Step sizes of accelerated primal-dual methods."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.priors.splitting import Saddle
from recon.solvers.optimisation.balance import PRODUCT, Balance, Steps, balanced_steps, norm_couplings

LARGE = 10.0
"""How much larger τ begins than balanced: in (X²/τ₀² + L²Y²)/(γk)², the bound on the error, its term shrinks."""


class Moduli(NamedTuple):
    """Strong convexity per item: γ of g, and δᵢ of all fᵢ*; empty where there is none."""

    gamma: tuple[Tensor, ...]
    deltas: tuple[Tensor, ...]


class Schedule(NamedTuple):
    """One iteration: extrapolation of x and of Kᴴy per item, the σᵢ to use, and the steps after it."""

    primal: Tensor
    dual: Tensor | None
    sigmas: tuple[Tensor, ...]
    after: Steps


def moduli(saddle: Saddle, like: Tensor, solver: str) -> Moduli:
    """γ and δᵢ = 1/Lip(∇fᵢ), for items such as those of ``like`` (one value per item).

    Errors: CapabilityError where neither g nor all fᵢ* are strongly convex.
    """
    ones = torch.ones_like(like)
    curvature = 0.0 if saddle.simple is None else saddle.simple.strong_convexity()
    gamma = curvature * ones
    constants = [block.functional.lipschitz() for block in saddle.blocks]
    deltas = tuple(ones / c for c in constants if c is not None)
    strong = (gamma,) if bool((gamma > 0).all()) else ()
    smooth = deltas if len(deltas) == len(constants) else ()
    if not strong and not smooth:
        rough = next(b.functional.name for b, c in zip(saddle.blocks, constants, strict=True) if c is None)
        simple = "there is no term on the image itself" if saddle.simple is None else f"{saddle.simple.name} is not"
        raise CapabilityError(
            f"{solver} with accelerated steps needs a strongly convex term on the image itself ({simple}), or "
            f"Lipschitz gradients of all other terms ({rough} has none); use steps='adaptive'."
        )
    return Moduli(strong, smooth)


def accelerated_steps(saddle: Saddle, balance: Balance, found: Moduli, ndim: int, ratio: float) -> Steps:
    """The first steps: those of :func:`balanced_steps`, with σᵢ in the ratio of 1/δᵢ where the fᵢ* are strongly convex.

    Where g is so too, τ = μ/(2γ) and σᵢ = μ/(2δᵢ) with μ = 2θ √γ / L, L² = Σᵢ ‖Kᵢ‖²/δᵢ, which stay.
    """
    couplings = norm_couplings(saddle, balance.travel)
    if not found.deltas:
        return balanced_steps(balance, couplings, saddle, ndim, LARGE * ratio)
    pairs = list(zip(found.deltas, couplings.rows, strict=True))
    L = torch.stack([norm**2 / delta for delta, norm in pairs]).sum(0).sqrt()
    if found.gamma:
        tau = sqrt(PRODUCT) / (found.gamma[0].sqrt() * L)
        common = sqrt(PRODUCT) * found.gamma[0].sqrt() / L
    else:
        sizes = zip(balance.sizes, found.deltas, strict=True)
        size = torch.stack([y.square() * delta for y, delta in sizes]).sum(0).sqrt()
        tau = sqrt(PRODUCT) * ratio * balance.travel / (size * L)
        common = sqrt(PRODUCT) * size / (ratio * balance.travel * L)
    return Steps(tau, tuple(common / delta for delta in found.deltas))


def schedule(steps: Steps, found: Moduli) -> Schedule:
    """The iteration that these steps belong to."""
    tau, sigmas = steps
    if found.gamma and found.deltas:
        theta = 1 / (1 + 2 * found.gamma[0] * tau)
        return Schedule(theta, None, sigmas, steps)
    if found.gamma:
        theta = (1 + 2 * found.gamma[0] * tau).rsqrt()
        sigmas = tuple(sigma / theta for sigma in sigmas)
        return Schedule(theta, None, sigmas, Steps(theta * tau, sigmas))
    theta = (1 + 2 * found.deltas[0] * sigmas[0]).rsqrt()
    after = Steps(tau / theta, tuple(theta * sigma for sigma in sigmas))
    return Schedule(torch.zeros_like(tau), theta, sigmas, after)
