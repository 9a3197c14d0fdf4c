"""What all guidance shares: estimates of x₀ that know the data, in the place of the prior's own."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from recon.solvers.problem import Problem
from recon.solvers.sampling.integrators.ancestral import Ancestral
from recon.solvers.sampling.integrators.integrator import Integrator, Level, Noise
from recon.solvers.sampling.sampler import Sampler, SamplerState


class Guess(NamedTuple):
    """What guidance makes of a state.

    Attributes
    ----------
    mean
        The estimate of E[x₀ | u, y], ``(batch, *shape)``.
    push, by
        ``by`` · ``push`` is added to the state after the step, for methods that are stated so; of a step's first
        estimate. ``by`` is one number, or one per item.
    records
        One number per item for each of the sampler's ``recorded`` names; of several estimates the largest is kept.
    """

    mean: Tensor
    push: Tensor | None = None
    by: float | Tensor = 1.0
    records: tuple[Tensor, ...] = ()

    def pushed(self, u: Tensor) -> Tensor:
        """``u + by · push``."""
        if self.push is None:
            return u
        if not isinstance(self.by, Tensor):
            return torch.add(u, self.push, alpha=self.by)
        by = self.by.to(u.device, u.real.dtype if u.is_complex() else u.dtype)
        return torch.addcmul(u, by.reshape(-1, *(1,) * (u.ndim - 1)), self.push)


@dataclass(frozen=True, kw_only=True)
class Guided(Sampler):
    """Reverse diffusion with an estimate of E[x₀ | u, y] in the place of D(u, σ), whatever the integrator.

    A subclass has one method, :meth:`guide`, and where the published method does more after a step, :meth:`after`.

    Parameters
    ----------
    integrator
        How a state goes to the next noise level; each method's default is the one it was published with.
    clip
        Estimates are brought into the prior's ``value_range``, where it states one and images are real: there the mean
        of any posterior lies, so that no better estimate is lost. It keeps samples from running away where the
        derivative of a network is far from that of an exact denoiser, as it is at high noise levels.
    """

    integrator: Integrator = Ancestral()
    clip: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.integrator, Integrator):
            raise TypeError(f"{self.name} expects an Integrator, got {type(self.integrator).__name__}.")

    @property
    def memory(self) -> int:
        return self.integrator.memory

    @abstractmethod
    def guide(self, problem: Problem, u: Tensor, level: Level, noise: Noise) -> Guess:
        """The estimate at u = x₀ + σ z."""

    def after(self, problem: Problem, u: Tensor, level: Level, noise: Noise) -> Tensor:
        """The state at the next level, changed once more; as it is unless overridden."""
        return u

    def step(self, problem: Problem, state: SamplerState) -> SamplerState:
        level, noise, guesses = self.level(problem, state), self.noise(problem, state), list[Guess]()

        def estimate(u: Tensor, here: Level) -> Tensor:
            guesses.append(self.guide(problem, u, here, noise))
            mean = guesses[-1].mean
            bounds = self.prior(problem).value_range if self.clip else None
            return mean if bounds is None or mean.is_complex() else mean.clamp(*bounds)

        move = self.integrator.step(estimate, state.u, level, noise, state.memory)
        u = self.after(problem, guesses[0].pushed(move.u), level, noise)
        columns = zip(*(guess.records for guess in guesses), strict=True)
        records = tuple(values[0] if len(values) == 1 else torch.stack(values).amax(0) for values in columns)
        return self.advance(state, u, move.x0, *records, memory=move.memory)
