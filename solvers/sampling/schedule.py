"""Noise levels at which samplers stop on their way from noise to image."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from reprlib import repr as shortened
from typing import ClassVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from recon.priors.learned.diffusion import DiffusionPrior
from recon.priors.learned.vp_diffusion import linear_alphas
from recon.solvers.sampling.integrators.integrator import Level


class NoiseSchedule(ABC):
    """σ_0 > σ_1 > … > σ_{steps−1} > σ_steps = 0, in units of the images."""

    names: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def __call__(self, steps: int) -> Tensor:
        """The ``steps + 1`` levels, in double precision on the CPU."""


@dataclass(frozen=True)
class VPSchedule(NoiseSchedule):
    """σ = √((1 − ᾱ)/ᾱ) at levels of the DDPM process with linear β, evenly spaced in time, both ends included.

    Parameters
    ----------
    beta_min, beta_max
        First and last β.
    train_steps
        Number of levels of the process, from which ``steps`` ≤ train_steps are taken.

    Source: Ho, Jain and Abbeel, NeurIPS 2020.
    """

    names = ("vp_schedule", "vp")

    beta_min: float = 1e-4
    beta_max: float = 0.02
    train_steps: int = 1000

    def __post_init__(self) -> None:
        linear_alphas((self.beta_min, self.beta_max), self.train_steps)

    def __call__(self, steps: int) -> Tensor:
        alphas = linear_alphas((self.beta_min, self.beta_max), self.train_steps)
        return evenly(((1 - alphas) / alphas).sqrt(), steps)


@dataclass(frozen=True)
class KarrasSchedule(NoiseSchedule):
    """σ_i = (σ_max^{1/ρ} + i/(steps − 1)·(σ_min^{1/ρ} − σ_max^{1/ρ}))^ρ for i < steps.

    Parameters
    ----------
    sigma_min, sigma_max
        Least and largest level, in units of the images.
    rho
        ρ: larger values put more levels near σ_min.

    Source: Karras, Aittala, Aila and Laine, NeurIPS 2022, equation 5.
    """

    names = ("karras_schedule", "karras")

    sigma_min: float = 0.002
    sigma_max: float = 80.0
    rho: float = 7.0

    def __post_init__(self) -> None:
        if not (0 < self.sigma_min < self.sigma_max < inf and self.rho > 0):
            raise ValueError(
                f"KarrasSchedule expects 0 < sigma_min < sigma_max and rho > 0, got {self.sigma_min}, "
                f"{self.sigma_max} and {self.rho}."
            )

    def __call__(self, steps: int) -> Tensor:
        _check_steps(steps)
        first, last = self.sigma_max ** (1 / self.rho), self.sigma_min ** (1 / self.rho)
        levels = (first + torch.linspace(0, 1, steps, dtype=torch.float64) * (last - first)) ** self.rho
        return torch.cat([levels, levels.new_zeros(1)])


def noise_levels(prior: DiffusionPrior, schedule: NoiseSchedule | None, steps: int) -> Tensor:
    """The levels a sampler runs through: of ``schedule``, else the prior's own, else of :class:`VPSchedule`.

    They are kept as long as the prior lives: samplers ask for them at every step.

    Errors: ValueError where levels lie outside the range in which the prior holds.
    """
    key = (schedule, steps, prior.sigma_range, id(prior.levels))
    try:
        hash(key)
        kept = _KEPT.get(prior)
        found = None if kept is None else kept.get(key)
    except TypeError:  # a schedule, or a prior, that cannot be hashed
        return _noise_levels(prior, schedule, steps)
    if found is None:
        found = _KEPT.setdefault(prior, {})[key] = _noise_levels(prior, schedule, steps)
    return found


_KEPT: WeakKeyDictionary[DiffusionPrior, dict[object, Tensor]] = WeakKeyDictionary()


def _noise_levels(prior: DiffusionPrior, schedule: NoiseSchedule | None, steps: int) -> Tensor:
    if schedule is not None:
        sigmas = schedule(steps).detach().to("cpu", torch.float64)
        falls = sigmas.shape == (steps + 1,) and bool((sigmas[1:] < sigmas[:-1]).all()) and float(sigmas[-1]) == 0
        if not falls:
            raise ValueError(
                f"a schedule of {steps} steps gives {steps + 1} falling noise levels, the last one 0; "
                f"{type(schedule).__name__} gave {shortened(sigmas.tolist())}."
            )
    elif (stops := prior.stops(steps)) is not None:
        sigmas = torch.cat([stops.to("cpu", torch.float64), torch.zeros(1, dtype=torch.float64)])
    elif prior.levels is not None:
        sigmas = evenly(prior.levels.to("cpu", torch.float64), steps)
    else:
        sigmas = VPSchedule()(steps)
    prior.check_sigma(sigmas[:-1])
    return sigmas


def levels_at(sigmas: Tensor, steps: Sequence[int]) -> Level:
    """The noise levels between which a step goes, for each item's number of steps done."""
    if steps and steps.count(steps[0]) == len(steps):
        numbers, i = sigmas.numpy(), steps[0]
        sigma, lower, most = float(numbers[i]), float(numbers[i + 1]), float(numbers[0])
        return Level.shared(sigma, lower, float(numbers[i - 1]) if i else inf, len(steps), most)
    done = torch.tensor(steps, dtype=torch.long)
    upper = torch.where(done > 0, sigmas[(done - 1).clamp(min=0)], inf)
    return Level(sigmas[done], sigmas[done + 1], upper, float(sigmas[0]))


def evenly(levels: Tensor, steps: int) -> Tensor:
    """``steps`` of the ascending ``levels``, evenly spaced by index from last to first, and a zero."""
    _check_steps(steps)
    if steps > len(levels):
        raise ValueError(f"a process of {len(levels)} levels allows at most that many steps, got {steps}.")
    index = torch.linspace(len(levels) - 1, 0, steps, dtype=torch.float64).round().long()
    return torch.cat([levels[index], levels.new_zeros(1)])


def _check_steps(steps: int) -> None:
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 2:
        raise ValueError(f"a sampler needs at least 2 steps, got {steps!r}.")
