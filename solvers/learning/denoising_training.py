"""Networks of diffusion priors trained on images by denoising score matching."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import torch
from torch import Tensor, nn

from recon.operators.linear import CapabilityError
from recon.operators.tensors import checked_count
from recon.priors.learned.diffusion import DiffusionPrior


class Trained(NamedTuple):
    """A prior with a trained copy of its network, and the weighted loss of each step."""

    prior: DiffusionPrior
    loss: Tensor


@dataclass(frozen=True, kw_only=True)
class DenoisingTraining:
    """Denoising score matching: least squares of D(x + σz, σ) − x, whatever the network predicts.

        E w(σ) ‖D(x + σ z, σ) − x‖²/d,   w = 1/σ² + 1/τ²,   log σ uniform,

    with τ² the variance of the images, by Adam with a rate that falls linearly to zero. Its minimiser is E[x | u];
    where pixels are independent Gaussians that has a loss of 1 at every level.

    Parameters
    ----------
    steps, batch
        Steps of the optimiser, and images in each.
    rate
        First learning rate.
    levels
        (σ_min, σ_max), in units of the images; by default 0.01 τ to 100 τ, within the range of the prior.
    clip
        Largest norm of a gradient.
    seed
        Of images, levels and noise; a seed of 0 is a seed.

    Source: Vincent, Neural Comput. 23 (2011) 1661; weights as Karras, Aittala, Aila and Laine, NeurIPS 2022, table 1.
    """

    steps: int = 2000
    batch: int = 64
    rate: float = 1e-3
    levels: tuple[float, float] | None = None
    clip: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        checked_count(self.steps, "DenoisingTraining", "steps")
        checked_count(self.batch, "DenoisingTraining", "batch")
        for name in ("rate", "clip"):
            if not 0 < getattr(self, name) < inf:
                raise ValueError(f"DenoisingTraining expects {name} > 0, got {getattr(self, name)!r}.")
        if self.levels is not None and not 0 < self.levels[0] < self.levels[1] < inf:
            raise ValueError(f"DenoisingTraining expects levels (low, high) with 0 < low < high, got {self.levels!r}.")

    def run(self, prior: DiffusionPrior, images: Tensor) -> Trained:
        """The prior with a trained copy of its network, from images ``(count, *shape)``; the given one is left alone.

        Errors: CapabilityError where the prior has no ``nn.Module`` with parameters.
        """
        prior, module = trainable(prior)
        parameters = [p for p in module.parameters() if p.is_floating_point()]
        weights = parameters[0]
        x = images.to(weights.device, weights.dtype)
        prior.check(x)
        tau = float((x - x.mean(0)).square().mean().sqrt())
        low, high = (0.01 * tau, 100 * tau) if self.levels is None else self.levels
        if self.levels is None:
            low, high = max(low, prior.sigma_range[0]), min(high, prior.sigma_range[1])
        prior.check_sigma(torch.tensor([low, high]))
        generator = torch.Generator().manual_seed(self.seed)
        optimiser = torch.optim.Adam(parameters, lr=self.rate)
        losses = torch.zeros(self.steps, dtype=torch.float64)
        with torch.enable_grad():
            for step in range(self.steps):
                for group in optimiser.param_groups:
                    group["lr"] = self.rate * (1 - step / self.steps)
                chosen = torch.randint(len(x), (self.batch,), generator=generator).to(x.device)
                ramp = torch.rand(self.batch, generator=generator).to(x)
                z = torch.randn((self.batch, *x.shape[1:]), generator=generator).to(x)
                sigma = low * (high / low) ** ramp
                clean = x[chosen]
                wide = sigma.reshape(-1, *(1,) * (x.ndim - 1))
                error = prior(clean + wide * z, sigma) - clean
                loss = ((1 / wide.square() + 1 / tau**2) * error.square()).mean()
                optimiser.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(parameters, self.clip)
                optimiser.step()
                losses[step] = loss.detach()
        for p in parameters:
            p.requires_grad_(False)
        return Trained(prior, losses)


def trainable(prior: DiffusionPrior) -> tuple[DiffusionPrior, nn.Module]:
    """A copy of the prior and the module in it, with gradients on.

    Errors: CapabilityError where there is none.
    """
    clone = copy.deepcopy(prior)
    module = getattr(getattr(clone, "network", None), "network", None)
    if not isinstance(module, nn.Module) or not any(p.is_floating_point() for p in module.parameters()):
        raise CapabilityError(f"{prior.name} has no network (nn.Module) to train.")
    for p in module.parameters():
        if p.is_floating_point():
            p.requires_grad_(True)
    return clone, module
