"""Draws from a diffusion prior, without data."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from recon.operators.tensors import per_item
from recon.priors.learned.diffusion import DiffusionPrior
from recon.priors.learned.latent_prior import LatentPrior
from recon.solvers.sampling.integrators.ancestral import Ancestral
from recon.solvers.sampling.integrators.integrator import Integrator, Level, Move
from recon.solvers.sampling.random import keyed
from recon.solvers.sampling.schedule import NoiseSchedule, levels_at, noise_levels


def start(prior: DiffusionPrior, sigma: Tensor, z: Tensor) -> Tensor:
    """The state at the highest level: x_T = z in the prior's variance-preserving coordinates."""
    widths = (1 + (prior.scale * sigma).square()).sqrt().to(z.device, z.real.dtype if z.is_complex() else z.dtype)
    x: Tensor = per_item(widths, z, z.ndim - 1) * z
    return (x - prior.shift) / prior.scale


def sample_prior(
    prior: DiffusionPrior | LatentPrior,
    count: int,
    *,
    shape: Sequence[int] | None = None,
    steps: int = 1000,
    seed: int = 0,
    noise_schedule: NoiseSchedule | None = None,
    integrator: Integrator | None = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Draw ``(count, *shape)`` images from a diffusion prior, without data; with latents, decoded ones.

    Image i depends on (seed, i) only, not on ``count``. ``shape`` is needed where the prior has none of its own;
    ``noise_schedule`` as for :class:`recon.solvers.Sampler`; ``integrator`` is :class:`Ancestral` by default.
    """
    if isinstance(prior, LatentPrior):
        latents = sample_prior(
            prior.prior,
            count,
            shape=prior.latent_shape,
            steps=steps,
            seed=seed,
            noise_schedule=noise_schedule,
            integrator=integrator,
            dtype=dtype,
            device=device,
        )
        with torch.no_grad():
            return prior.decode(latents)
    if not isinstance(prior, DiffusionPrior):
        raise TypeError(f"sample_prior() draws from diffusion priors, got {type(prior).__name__}.")
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise ValueError(f"sample_prior() draws a whole number of images, got {count!r}.")
    size = prior.shape if prior.shape is not None else shape
    if size is None:
        raise ValueError(f"{prior.name} has no shape of its own; give shape=...")
    rule = Ancestral() if integrator is None else integrator
    sigmas = noise_levels(prior, noise_schedule, steps)
    streams = torch.arange(count, device=device)
    with torch.no_grad():
        u = start(prior, sigmas[:1].expand(count), keyed(seed, streams, 0 * streams, tuple(size), dtype))
        memory = (torch.zeros_like(u),) * rule.memory
        for i in range(steps):
            level = levels_at(sigmas, [i] * count)
            move = _move(prior, rule, u, level, seed, streams, i + 1, memory)
            u, memory = move.u, move.memory
    return u


def _move(
    prior: DiffusionPrior,
    rule: Integrator,
    u: Tensor,
    level: Level,
    seed: int,
    streams: Tensor,
    step: int,
    memory: tuple[Tensor, ...],
) -> Move:
    def noise(draw: int, like: Tensor | None = None) -> Tensor:
        shape = tuple((u if like is None else like).shape[1:])
        return keyed(seed, streams, torch.full_like(streams, step), shape, u.dtype, draw)

    return rule.step(lambda v, here: prior(v, here.at), u, level, noise, memory)
