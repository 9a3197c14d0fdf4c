"""Draws of an image given its noisy version, by the prior's reverse diffusion."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.priors.learned.diffusion import DiffusionPrior
from recon.solvers.sampling.integrators.integrator import Integrator, Level

DRAWS = 16
"""Images of noise that a step of an integrator may draw."""

POWER = 1.5
"""Levels are ρ (1 − j/steps)^POWER: nearly the best for variances of the image above ρ² and below."""


def require_diffusion(integrator: Integrator, owner: str) -> None:
    """Refuse integrators that do not follow the reverse diffusion: they keep marginal laws, not those given u."""
    if not isinstance(integrator, Integrator):
        raise TypeError(f"{owner} expects an Integrator, got {type(integrator).__name__}.")
    if not integrator.conditional:
        raise CapabilityError(
            f"{owner} needs an integrator of the reverse diffusion, such as HeunSDE or Ancestral, for only that draws "
            f"from p(x | u); got {integrator!r}."
        )


def levels(prior: DiffusionPrior, rho: Tensor, steps: int) -> Tensor:
    """``(steps + 1, batch)`` noise levels from ρ to 0, none below what the prior holds for."""
    ramp = (1 - torch.arange(steps + 1, dtype=torch.float64) / steps) ** POWER
    lowest = torch.as_tensor(prior.sigma_range[0], dtype=torch.float64)
    inner = torch.maximum(ramp[:-1, None] * rho, torch.minimum(lowest, rho))
    return torch.cat([inner, torch.zeros(1, len(rho), dtype=torch.float64)])


def denoising_posterior(
    prior: DiffusionPrior,
    integrator: Integrator,
    u: Tensor,
    rho: Tensor,
    steps: int,
    noise: Callable[[int], Tensor],
) -> Tensor:
    """x₀ ~ p(x₀ | x₀ + ρ z = u), up to the error of the integrator.

    Parameters
    ----------
    u, rho
        ``(batch, *shape)``, and ρ per item in double precision on the CPU.
    noise
        White noise by number; step j takes numbers 16 j to 16 j + 15.
    """
    sigmas = levels(prior, rho, steps)
    memory = (torch.full_like(u, torch.nan),) * integrator.memory
    for j in range(steps):
        upper = sigmas[j - 1] if j else torch.full_like(rho, torch.inf)
        level = Level(sigmas[j], sigmas[j + 1], upper)

        def white(draw: int, like: Tensor | None = None, first: int = DRAWS * j) -> Tensor:
            return noise(first + draw)

        move = integrator.step(lambda v, here: prior(v, here.at), u, level, white, memory)
        u, memory = move.u, move.memory
    return u
