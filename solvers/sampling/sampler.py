"""What all posterior samplers share: the state, the schedule, the random numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from numbers import Integral
from reprlib import repr as shortened
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.operators.tensors import per_item
from recon.priors.learned.diffusion import DiffusionPrior
from recon.solvers.problem import Problem, UnstatedNoise
from recon.solvers.result import Result
from recon.solvers.sampling.integrators.integrator import Level, Noise
from recon.solvers.sampling.prior_samples import start
from recon.solvers.sampling.random import keyed
from recon.solvers.sampling.scatter import known, misfit, scatter
from recon.solvers.sampling.schedule import NoiseSchedule, levels_at, noise_levels
from recon.solvers.sampling.value_range import check_values
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule


class SamplerState(NamedTuple):
    """Per item: the state u = x₀ + σ z, the current estimate of x₀, steps done, random stream, measurements.

    ``memory`` are images that the integrator, or the method, keeps from step to step.
    """

    u: Tensor
    estimate: Tensor
    step: Tensor
    stream: Tensor
    records: tuple[Tensor, ...]
    memory: tuple[Tensor, ...] = ()


def checked_streams(streams: object, owner: str) -> tuple[int, ...]:
    """Random streams as integers of 64 bits; one sentence for anything else."""
    given: list[Any] = list(streams) if isinstance(streams, Iterable) and not isinstance(streams, str) else [streams]
    numbers = [int(s) for s in given if isinstance(s, Integral)]
    if not isinstance(streams, Iterable) or numbers != given or any(not -(2**63) <= n < 2**63 for n in numbers):
        raise ValueError(f"{owner} expects streams to be integers of 64 bits, got {shortened(streams)}.")
    return tuple(numbers)


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

    derivative_free: ClassVar[bool] = False
    """Whether the method takes operators that are known by their values only."""

    white: ClassVar[bool] = False
    """Whether the method is for white noise only: Gaussian, with one σ per item."""

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
        if not -(2**63) <= self.seed < 2**64:
            raise ValueError(f"{self.name} expects a seed of at most 64 bits, got {self.seed}.")
        if self.noise_schedule is not None and not isinstance(self.noise_schedule, NoiseSchedule):
            raise TypeError(f"{self.name} expects a NoiseSchedule, got {type(self.noise_schedule).__name__}.")
        if self.streams is not None:
            object.__setattr__(self, "streams", checked_streams(self.streams, self.name))
        object.__setattr__(self, "stop", MaxIter(self.steps))
        super().__post_init__()

    def require(self, problem: Problem) -> None:
        """Refuse what is not a diffusion prior for images of the problem's shape with Gaussian noise."""
        prior = self.prior(problem)
        if isinstance(problem.noise, UnstatedNoise):
            raise ValueError(
                f"{self.name} samples a posterior, which depends on the noise; state it, as noise=GaussianNoise(0.1)."
            )
        if not known(problem.noise):
            given = type(problem.noise if problem.noise is not None else problem.likelihood).__name__
            raise CapabilityError(
                f"{self.name} is made for noise with a covariance (GaussianNoise, CorrelatedNoise, PoissonNoise or "
                f"BeerLambertNoise), got {given}."
            )
        if self.white and scatter(problem, problem.data).white is None:
            given = type(problem.noise).__name__
            raise CapabilityError(f"{self.name} needs white Gaussian noise with one sigma per item, got {given}.")
        if problem.operator.values_only and not self.derivative_free:
            raise CapabilityError(
                f"{self.name} needs the derivative of the operator, and {problem.operator.name} is known by its values "
                "only; use EnKG."
            )
        if problem.dtype in (torch.float16, torch.bfloat16, torch.complex32):
            raise TypeError(f"{self.name} samples in single or double precision; use problem.to(dtype=torch.float32).")
        prior.check(problem.zeros())
        self.sigmas(problem)
        if self.streams is not None and len(self.streams) != len(problem.data):
            raise ValueError(f"{self.name} got {len(self.streams)} streams for {len(problem.data)} items.")

    def solve(self, problem: Problem, initial: Tensor | None = None, **options: Any) -> Result:
        """Run the loop, once the data have been compared with the values of the prior's images.

        Data of images in [−1, 1] are refused where the prior is for images in [0, 1], and warned of the other way
        round: see :func:`recon.solvers.sampling.value_range.check_values`. :func:`recon.solvers.iterate` does not look.
        """
        check_values(problem.flatten())
        return super().solve(problem, initial, **options)

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
        sigma = self.sigmas(problem)[:1].expand(count)
        z = keyed(self.seed, stream, step, problem.shape, problem.dtype)
        if initial is None:
            u = start(prior, sigma, z)
        else:
            u = initial + per_item(sigma.to(z.device, problem.data.real.dtype), z, len(problem.shape)) * z
        nan = torch.full((count,), torch.nan, device=device)
        records = tuple(nan.clone() for _ in self.recorded)
        return SamplerState(u, problem.zeros(), step, stream, records, (problem.zeros(),) * self.memory)

    def sigmas(self, problem: Problem) -> Tensor:
        """The ``steps + 1`` noise levels, the last one 0."""
        return noise_levels(self.prior(problem), self.noise_schedule, self.steps)

    @property
    def memory(self) -> int:
        """How many images steps leave for the next one."""
        return 0

    def level(self, problem: Problem, state: SamplerState) -> Level:
        """The noise levels between which the next step goes."""
        steps, sigmas = state.step.tolist(), self.sigmas(problem)
        if steps and max(steps) >= self.steps:
            raise ValueError(f"{self.name} has {self.steps} steps; the schedule has been run through.")
        return levels_at(sigmas, steps)

    def noise(self, problem: Problem, state: SamplerState) -> Noise:
        """The random numbers of the next step."""
        step, size, dtype = state.step + 1, problem.shape, problem.dtype

        def white(draw: int, like: Tensor | None = None) -> Tensor:
            if like is None:
                return keyed(self.seed, state.stream, step, size, dtype, draw)
            return keyed(self.seed, state.stream, step, tuple(like.shape[1:]), like.dtype, draw)

        return white

    def advance(
        self, state: SamplerState, u: Tensor, x0: Tensor, *records: Tensor, memory: tuple[Tensor, ...] = ()
    ) -> SamplerState:
        """The state after a step; its estimate is the sample u itself where the schedule ends."""
        step = state.step + 1
        ends = [number == self.steps for number in step.tolist()]
        if any(ends):
            last = torch.tensor(ends, device=u.device).reshape(-1, *(1,) * (u.ndim - 1))
            x0 = u if all(ends) else torch.where(last, u, x0)
        return SamplerState(u, x0, step, state.stream, records, memory)

    # ---------------------------------------------------------------- what the loop reads

    def image(self, state: SamplerState) -> Tensor:
        return state.estimate

    def measure(self, problem: Problem, state: SamplerState) -> dict[str, Tensor]:
        """``misfit``: ‖Σ_y^−½ (y − A x)‖²/m with m the number of real measurements; about 1 for posterior samples."""
        fit = misfit(problem, state.estimate)
        return {"misfit": fit, **dict(zip(self.recorded, state.records, strict=True))}
