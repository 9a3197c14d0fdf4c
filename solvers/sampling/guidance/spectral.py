"""Steps per singular value of the operator, as DDRM and DDNM+ have them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError, LinearOperator
from recon.operators.operator import Operator
from recon.solvers.problem import Problem
from recon.solvers.sampling.integrators.integrator import Level, ancestral_noise, wide
from recon.solvers.sampling.scatter import residual, scatter


class Spectral(NamedTuple):
    """The data in the coordinates of the right singular vectors, x̄ = Vᴴx.

    Attributes
    ----------
    V
        Coefficients to images.
    seen
        Which singular values are not zero.
    y
        ȳ = Uᴴy/s where seen, zeros elsewhere: ȳ = x̄ + c z.
    c
        σ_y/s where seen, 1 elsewhere.
    """

    V: LinearOperator
    seen: Tensor
    y: Tensor
    c: Tensor


def needs_svd(operator: Operator, name: str) -> None:
    """Raise one sentence unless the operator has a singular value decomposition."""
    if not isinstance(operator, LinearOperator):
        raise CapabilityError(f"{name} needs a linear operator; {operator.name} is nonlinear.")
    if "svd" not in operator.capabilities:
        raise CapabilityError(
            f"{name} needs an operator with a singular value decomposition, which {operator.name} has not; "
            "MMPS, PiGDM and DiffPIR do without."
        )


def spectral(problem: Problem) -> Spectral:
    """See :class:`Spectral`; the noise must be white."""
    U, s, V = problem.linear.svd()
    y = residual(problem, torch.zeros_like(problem.data))
    s = s.to(y.device, y.real.dtype if y.is_complex() else y.dtype)
    seen = s > 100 * torch.finfo(s.dtype).eps * s.max()
    safe = torch.where(seen, s, 1)
    variance = scatter(problem, problem.data).white
    assert variance is not None
    sigma = variance.sqrt().reshape(-1, *(1,) * s.ndim).to(s)
    return Spectral(V, seen, torch.where(seen, U.adjoint(y) / safe, 0), torch.where(seen, sigma / safe, 1))


def spectral_step(
    data: Spectral, u: Tensor, x0: Tensor, level: Level, z: Tensor, eta: float | None, eta_b: float
) -> Tensor:
    """u = x₀ + σz to the next level s, per singular value; with x̂₀ = D(u, σ) and a bar for the coefficients of Vᴴ:

        not seen:  x̂₀ + s ((1 − η²)^½ (u − x̂₀)/σ + η z),
        s ≥ c:     (1 − η_b) x̄₀ + η_b ȳ + (s² − η_b²c²)^½ z̄,
        s < c:     x̄₀ + s ((1 − η²)^½ (ȳ − x̄₀)/c + η z̄).

    Without η, new noise is that of the ancestral step, (1 − (s/t)²)^½ for η above, where t is σ, and the third line has
    ū in the place of ȳ and σ in that of c where σ < c, t being c where σ ≥ c.
    """
    V, seen, y, c = data
    sigma, s = wide(level.sigma, u), wide(level.lower, u)
    if eta is None:
        fresh = wide(ancestral_noise(level), u)
        base = x0 + (s / sigma).square() * (u - x0) + fresh * z
    else:
        base = x0 + s * ((1 - eta**2) ** 0.5 * (u - x0) / sigma + eta * z)
    x, noise, free = V.adjoint(x0), V.adjoint(z), V.adjoint(base)
    sigma, s = wide(level.sigma, x), wide(level.lower, x)
    above = (1 - eta_b) * x + eta_b * y + (s.square() - (eta_b * c).square()).clamp(min=0).sqrt() * noise
    if eta is None:
        fresh_start = sigma >= c
        reference, t = torch.where(fresh_start, y, V.adjoint(u)), torch.where(fresh_start, c, sigma)
        ratio = (s / t).clamp(max=1).square()
        below = x + ratio * (reference - x) + s * (1 - ratio).sqrt() * noise
    else:
        below = x + s * ((1 - eta**2) ** 0.5 * (y - x) / c + eta * noise)
    wanted = torch.where((s >= c) & (s > 0), above, below)
    return base + V(torch.where(seen, wanted - free, 0))
