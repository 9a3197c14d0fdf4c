"""Ancestral sampling: one step, and draws from a prior without data."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from recon.operators.tensors import per_item
from recon.priors.learned.diffusion import DiffusionPrior
from recon.solvers.sampling.random import normal
from recon.solvers.sampling.schedule import NoiseSchedule, noise_levels


def ancestral(u: Tensor, x0: Tensor, sigma: Tensor, lower: Tensor, z: Tensor) -> Tensor:
    """Draw u′ at noise level s = ``lower`` from p(u′ | u, x₀) where u′ = x₀ + s z′ and u = u′ + (σ² − s²)^½ z″:

        u′ = x₀ + (s/σ)² (u − x₀) + s (1 − (s/σ)²)^½ z.

    In variance-preserving coordinates x = u/(1 + σ²)^½ this is the step of DDPM with the variance β̃.

    Parameters
    ----------
    u, x0, z
        ``(batch, *shape)``: the state, the estimate of x₀, and white noise.
    sigma, lower
        σ and s < σ, one value per item.

    Source: Ho, Jain and Abbeel, NeurIPS 2020, equations 6 and 7.
    """
    real = u.real.dtype if u.is_complex() else u.dtype
    ratio = (lower / sigma).square()
    spread = (lower * (1 - ratio).sqrt()).to(u.device, real)
    ratio = ratio.to(u.device, real)
    ndim = u.ndim - 1
    mean: Tensor = x0 + per_item(ratio, u, ndim) * (u - x0)
    noise: Tensor = per_item(spread, u, ndim) * z
    return mean + noise


def start(prior: DiffusionPrior, sigma: Tensor, z: Tensor) -> Tensor:
    """The state at the highest level: x_T = z in the prior's variance-preserving coordinates."""
    widths = (1 + (prior.scale * sigma).square()).sqrt().to(z.device, z.real.dtype if z.is_complex() else z.dtype)
    x: Tensor = per_item(widths, z, z.ndim - 1) * z
    return (x - prior.shift) / prior.scale


def sample_prior(
    prior: DiffusionPrior,
    count: int,
    *,
    shape: Sequence[int] | None = None,
    steps: int = 1000,
    seed: int = 0,
    noise_schedule: NoiseSchedule | None = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Draw ``(count, *shape)`` images from a diffusion prior by ancestral sampling, without data.

    Image i depends on (seed, i) only, not on ``count``. ``shape`` is needed where the prior has none of its own;
    ``noise_schedule`` as for :class:`recon.solvers.Sampler`.
    """
    size = prior.shape if prior.shape is not None else shape
    if size is None:
        raise ValueError(f"{prior.name} has no shape of its own; give shape=...")
    sigmas = noise_levels(prior, noise_schedule, steps)
    streams = torch.arange(count, device=device)
    with torch.no_grad():
        u = start(prior, sigmas[:1].expand(count), normal(seed, streams, 0 * streams, tuple(size), dtype))
        for i in range(steps):
            sigma, lower = sigmas[i].expand(count), sigmas[i + 1].expand(count)
            z = normal(seed, streams, torch.full_like(streams, i + 1), tuple(size), dtype)
            u = ancestral(u, prior(u, sigma), sigma, lower, z)
    return u
