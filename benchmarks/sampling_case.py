"""The question that everybody samples in ``benchmarks.sampling``: a mask, a network, noise levels, steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import log
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.sampling_network import Meter, Metered
from recon.operators import GaussianNoise, Mask
from recon.priors import EDMDiffusion
from recon.solvers import NoiseSchedule, Problem
from recon.solvers.sampling.random import keyed

ALPHA_MIN = 0.05
"""Scale of the image in the variance-preserving state at the highest noise level, t = 1."""
SIGMA_Y = 0.1
ITERATIONS = 2
"""Iterations of conjugate gradients in moment matching, with one adjoint derivative more at the end."""


class Candidate(NamedTuple):
    """A sampler: ``run(None)`` draws its own noise, ``run(noise)`` takes that of a step from an iterator.

    ``same`` says whether it then computes what recon does, and ``note`` what is different.
    """

    name: str
    run: Callable[[Iterator[Tensor] | None], Tensor]
    same: bool = True
    note: str = ""


@dataclass(frozen=True)
class Levels(NoiseSchedule):
    """σ = √(1/α² − 1) with α = ALPHA_MIN^(t²) at t = 1, …, 1/steps and 0: the levels that all libraries know."""

    def __call__(self, steps: int) -> Tensor:
        t = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
        return (torch.exp(-2 * log(ALPHA_MIN) * t.square()) - 1).sqrt()


@dataclass(frozen=True)
class Case:
    """One network, size and batch; images have σ_data = 1 and are taken for what the network says they are."""

    network: Metered
    pixels: int
    batch: int
    steps: int
    device: torch.device

    @property
    def meter(self) -> Meter:
        return self.network.meter

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return (self.batch, 1, self.pixels, self.pixels)

    @property
    def mask(self) -> Tensor:
        """About half of the pixels."""
        row = torch.arange(self.pixels)
        return ((7 * row[:, None] + 3 * row[:, None] * row + 5 * row.square()) % 11 < 5).float().to(self.device)

    @property
    def data(self) -> Tensor:
        """``(batch, 1, pixels, pixels)``."""
        streams = torch.arange(self.batch)
        x, z = (keyed(7, streams, 0 * streams + i, self.shape[1:], torch.float32).to(self.device) for i in (1, 2))
        return self.mask * ((0.5 * x).clamp(-1, 1) + SIGMA_Y * z)

    @property
    def prior(self) -> EDMDiffusion:
        size = (self.pixels, self.pixels)
        options = {"sigma_data": 1.0, "sigma_min": 1e-4, "sigma_max": 2e2, "value_range": (-1.0, 1.0)}
        return EDMDiffusion(self.network, size, **options)  # type: ignore[arg-type]

    @property
    def problem(self) -> Problem:
        return Problem(Mask(self.mask), self.data[:, 0], GaussianNoise(SIGMA_Y), self.prior)

    def noise(self) -> Iterator[Tensor]:
        """The white noise that recon's samplers draw: of the start, and of each step."""
        streams = torch.arange(self.batch, device=self.device)
        for step in range(self.steps + 1):
            yield keyed(0, streams, 0 * streams + step, self.shape[1:], torch.float32)

    def alone(self) -> Case:
        """The same with one image."""
        return replace(self, batch=1)
