"""Samplers whose particles interact inside an item and never across items."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self

import torch
from torch import Tensor

from recon.operators.tensors import per_item
from recon.solvers.problem import Problem
from recon.solvers.sampling.integrators.integrator import Level, Noise
from recon.solvers.sampling.prior_samples import start
from recon.solvers.sampling.random import keyed
from recon.solvers.sampling.sampler import Sampler, SamplerState
from recon.solvers.sampling.scatter import misfit

CHOICE = 4095
"""Draw that says which particle is the item's image."""


@dataclass(frozen=True, kw_only=True)
class ParticleSampler(Sampler):
    """A sampler that carries J particles per item, which may interact; items do not.

    States and estimates are ``(batch, J, *shape)``. A subclass writes ``step`` with these:

    * :meth:`noise` draws ``(batch, J, *shape)``; the first particles draw the same numbers however many there are;
    * :meth:`denoised` is D(u, σ) of all particles, in calls of at most ``chunk`` images;
    * :meth:`rows` is the problem with every item J times, ``u.flatten(0, 1)`` the states to go with it and
      :meth:`row_level` their levels: what guidance, ``scatter`` and ``tangent`` take;
    * ``advance(state, u, x0, ...)`` ends the step. When the schedule is through, the particles must be equally weighted
      samples: a method with weights resamples in its last step.

    The image of an item is one particle, drawn uniformly, or their mean. :func:`recon.solvers.sample` takes all J of a
    run as samples: :meth:`whole` is the same sampler whose image is the ensemble, ``(batch, J, *shape)``, reordered at
    random.

    Parameters
    ----------
    particles
        J.
    output
        The image: a ``"particle"``, which is a sample, or the ``"mean"`` of all, which is none.
    chunk
        Largest number of images in one call of the prior; all at once by default.
    """

    whole_ensemble: bool = field(init=False, repr=False, default=False)
    ensemble: ClassVar[bool] = True
    particles: int = 64
    output: Literal["particle", "mean"] = "particle"
    chunk: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("particles", 2), ("chunk", 1)):
            value = getattr(self, name)
            bad = isinstance(value, bool) or not isinstance(value, int) or value < least
            if bad and not (name == "chunk" and value is None):
                raise ValueError(f"{self.name} expects {name} >= {least}, got {value!r}.")
        if self.output not in ("particle", "mean"):
            raise ValueError(f"{self.name} expects output 'particle' or 'mean', got {self.output!r}.")

    def whole(self) -> Self:
        """The same sampler with all particles as its image, ``(batch, J, *shape)``."""
        clone = copy.copy(self)
        object.__setattr__(clone, "whole_ensemble", True)
        return clone

    # ---------------------------------------------------------------- what steps are made of

    def init(self, problem: Problem, initial: Tensor | None = None) -> SamplerState:
        """Noise at the highest level for each particle, or noisy versions of ``initial`` there."""
        state = super().init(problem, initial)
        shape = (self.particles, *problem.shape)
        sigma = self.sigmas(problem)[:1].expand(len(state.u))
        z = keyed(self.seed, state.stream, state.step, shape, problem.dtype)
        if initial is None:
            u = start(self.prior(problem), sigma, z)
        else:
            u = initial[:, None] + per_item(sigma.to(z.device, problem.data.real.dtype), z, z.ndim - 1) * z
        memory = (torch.zeros_like(u),) * self.memory
        return state._replace(u=u, estimate=torch.zeros_like(u), memory=memory)

    def noise(self, problem: Problem, state: SamplerState) -> Noise:
        """The random numbers of the next step, ``(batch, J, *shape)`` each."""
        draw = super().noise(problem, state)
        return _Particular(draw, state.u)

    def rows(self, problem: Problem) -> Problem:
        """The problem with each item as often as there are particles, one after the other."""
        count = len(problem.data)
        return problem.select(torch.arange(count).repeat_interleave(self.particles))

    def row_level(self, level: Level) -> Level:
        """The levels of :meth:`rows`."""
        sigma, lower, upper = (v.repeat_interleave(self.particles) for v in (level.sigma, level.lower, level.upper))
        return Level(sigma, lower, upper, level.most)

    def denoised(self, problem: Problem, u: Tensor, sigma: Tensor) -> Tensor:
        """D(u, σ) for ``(batch, J, *shape)`` and σ per item."""
        return self.rows_denoised(problem, u.flatten(0, 1), sigma.repeat_interleave(u.shape[1])).reshape(u.shape)

    def rows_denoised(self, problem: Problem, u: Tensor, sigma: Tensor) -> Tensor:
        """D(u, σ) for ``(rows, *shape)`` and σ per row."""
        prior, size = self.prior(problem), max(self.chunk or len(u), 1)
        return torch.cat([prior(part, s) for part, s in zip(u.split(size), sigma.split(size), strict=True)])

    # ---------------------------------------------------------------- what the loop reads

    def image(self, state: SamplerState) -> Tensor:
        particles = state.estimate
        if self.output == "mean" and not self.whole_ensemble:
            return particles.mean(1)
        zeros = torch.zeros_like(state.step)
        keys = keyed(self.seed, state.stream, zeros, (self.particles,), torch.float64, CHOICE)
        order = keys.argsort(1) if self.whole_ensemble else keys.argmax(1, keepdim=True)
        index = order.reshape(*order.shape, *(1,) * (particles.ndim - 2)).to(particles.device)
        chosen = particles.gather(1, index.expand(*order.shape, *particles.shape[2:]))
        return chosen if self.whole_ensemble else chosen[:, 0]

    def measure(self, problem: Problem, state: SamplerState) -> dict[str, Tensor]:
        """``misfit``: the mean over the particles of ‖Σ_y^−½ (y − A x)‖²/m."""
        fit = misfit(self.rows(problem), state.estimate.flatten(0, 1)).reshape(-1, self.particles).mean(1)
        return {"misfit": fit, **dict(zip(self.recorded, state.records, strict=True))}


class _Particular:
    """Noise like the particles where nothing else is asked for."""

    def __init__(self, draw: Noise, u: Tensor) -> None:
        self._draw, self._u = draw, u

    def __call__(self, draw: int, like: Tensor | None = None) -> Tensor:
        return self._draw(draw, self._u if like is None else like)
