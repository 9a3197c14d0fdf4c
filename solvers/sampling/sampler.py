"""What all posterior samplers share: the state, the schedule, the random numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.operators.noise import GaussianNoise
from recon.operators.tensors import item_sum, per_item
from recon.priors.learned.diffusion import DiffusionPrior
from recon.solvers.problem import Problem
from recon.solvers.sampling.ancestral import ancestral, start
from recon.solvers.sampling.random import normal
from recon.solvers.sampling.schedule import NoiseSchedule, noise_levels
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule


class SamplerState(NamedTuple):
    """Per item: the state u = x₀ + σ z, the current estimate of x₀, steps done, random stream, measurements."""

    u: Tensor
    estimate: Tensor
    step: Tensor
    stream: Tensor
    records: tuple[Tensor, ...]


class Level(NamedTuple):
    """Per item: the noise level σ of a state and the next one, in double precision on the CPU."""

    sigma: Tensor
    lower: Tensor


@dataclass(frozen=True, kw_only=True)
class Sampler(Solver):
    """A method that draws x ~ p(x | y) with a diffusion prior, running through a fixed schedule of noise levels.

    The image is the sample once the schedule has been run through; before that, the current estimate of x₀.
    Random numbers are keyed by (seed, stream, step): a sample does not depend on its neighbours in the batch. Samplers
    take no stopping rule, for a schedule cut short gives no sample. :func:`recon.solvers.sample` draws several
    samples per item.

    Parameters
    ----------
    steps
        Number of steps, one call of the prior each.
    seed
        Seed of the random numbers; 0 is a seed.
    noise_schedule
        Noise levels; by default evenly spaced ones of the prior's training, or of :class:`VPSchedule` for priors
        that hold at any level.
    streams
        Random stream of each item, 64-bit integers; by default 0, 1, 2, … in the order of the batch.
    """

    schedule: ClassVar[bool] = True
    measures: ClassVar[frozenset[str]] = frozenset({"change", "misfit"})
    recorded: ClassVar[tuple[str, ...]] = ()
    """Names of the measurements that steps leave in the state."""

    stop: Rule = field(init=False, repr=False, default=MaxIter(1))
    steps: int = 1000
    seed: int = 0
    noise_schedule: NoiseSchedule | None = None
    streams: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 2:
            raise ValueError(f"{self.name} expects steps >= 2, got {self.steps!r}.")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise TypeError(f"{self.name} expects an integer seed, got {self.seed!r}.")
        if self.noise_schedule is not None and not isinstance(self.noise_schedule, NoiseSchedule):
            raise TypeError(f"{self.name} expects a NoiseSchedule, got {type(self.noise_schedule).__name__}.")
        if self.streams is not None:
            object.__setattr__(self, "streams", tuple(int(s) for s in self.streams))
        object.__setattr__(self, "stop", MaxIter(self.steps))
        super().__post_init__()

    def require(self, problem: Problem) -> None:
        """Refuse what is not a diffusion prior for images of the problem's shape with Gaussian noise."""
        prior = self.prior(problem)
        if not isinstance(problem.noise, GaussianNoise):
            given = type(problem.noise if problem.noise is not None else problem.likelihood).__name__
            raise CapabilityError(f"{self.name} is made for GaussianNoise, got {given}.")
        if isinstance(problem.noise.sigma, Tensor) and problem.noise.sigma.ndim > 1:
            raise CapabilityError(f"{self.name} needs Gaussian noise with one sigma per item, got one per measurement.")
        if problem.dtype in (torch.float16, torch.bfloat16, torch.complex32):
            raise TypeError(f"{self.name} samples in single or double precision; use problem.to(dtype=torch.float32).")
        prior.check(problem.zeros())
        noise_levels(prior, self.noise_schedule, self.steps)
        if self.streams is not None and len(self.streams) != len(problem.data):
            raise ValueError(f"{self.name} got {len(self.streams)} streams for {len(problem.data)} items.")

    def prior(self, problem: Problem) -> DiffusionPrior:
        """The problem's diffusion prior."""
        if not isinstance(problem.prior, DiffusionPrior):
            given = "none" if problem.prior is None else problem.prior.name
            raise CapabilityError(
                f"{self.name} needs a diffusion prior such as VPDiffusion or GaussianPrior, got {given}."
            )
        return problem.prior

    # ---------------------------------------------------------------- what steps are made of

    def init(self, problem: Problem, initial: Tensor | None = None) -> SamplerState:
        """Noise at the highest level, or the noisy version of ``initial`` there."""
        prior, count, device = self.prior(problem), len(problem.data), problem.data.device
        streams = range(count) if self.streams is None else self.streams
        stream = torch.tensor(list(streams), dtype=torch.long, device=device)
        step = torch.zeros(count, dtype=torch.long)
        z = normal(self.seed, stream, step, problem.shape, problem.dtype)
        sigma = noise_levels(prior, self.noise_schedule, self.steps)[:1].expand(count)
        if initial is None:
            u = start(prior, sigma, z)
        else:
            u = initial + per_item(sigma.to(z.device, problem.data.real.dtype), z, len(problem.shape)) * z
        nan = torch.full((count,), torch.nan, device=device)
        return SamplerState(u, problem.zeros(), step, stream, tuple(nan.clone() for _ in self.recorded))

    def level(self, problem: Problem, state: SamplerState) -> Level:
        """The noise levels between which the next step goes."""
        if bool((state.step >= self.steps).any()):
            raise ValueError(f"{self.name} has {self.steps} steps; the schedule has been run through.")
        sigmas = noise_levels(self.prior(problem), self.noise_schedule, self.steps)
        return Level(sigmas[state.step], sigmas[state.step + 1])

    def ancestor(self, state: SamplerState, x0: Tensor, level: Level) -> Tensor:
        """The next state by an ancestral step with the estimate ``x0``, with the noise of this step."""
        z = normal(self.seed, state.stream, state.step + 1, tuple(x0.shape[1:]), x0.dtype)
        return ancestral(state.u, x0, level.sigma, level.lower, z)

    def advance(self, state: SamplerState, u: Tensor, x0: Tensor, *records: Tensor) -> SamplerState:
        """The state after a step; its estimate is the sample u itself where the schedule ends."""
        step = state.step + 1
        last = (step == self.steps).to(u.device).reshape(-1, *(1,) * (u.ndim - 1))
        return SamplerState(u, torch.where(last, u, x0), step, state.stream, records)

    # ---------------------------------------------------------------- what the loop reads

    def image(self, state: SamplerState) -> Tensor:
        return state.estimate

    def measure(self, problem: Problem, state: SamplerState) -> dict[str, Tensor]:
        """``misfit``: ‖y − A x‖²/(σ_y² m) with m the number of real measurements; about 1 for posterior samples."""
        ndim = len(problem.operator.range_shape)
        residual = problem.data - problem.operator(state.estimate)
        count = residual[0].numel() * (2 if residual.is_complex() else 1)
        misfit = item_sum(residual.abs().square(), ndim) / (noise_variance(problem) * count)
        return {"misfit": misfit, **dict(zip(self.recorded, state.records, strict=True))}


def noise_variance(problem: Problem) -> Tensor:
    """σ_y² per item, in the precision of the data."""
    assert isinstance(problem.noise, GaussianNoise)
    real = problem.data.real if problem.data.is_complex() else problem.data
    sigma = torch.as_tensor(problem.noise.sigma, dtype=real.dtype, device=real.device)
    return sigma.square().expand(len(problem.data))
