"""Several samples per item, and their statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import torch
from torch import Tensor

from recon.solvers.problem import Problem
from recon.solvers.result import Reason, Result
from recon.solvers.sampling.sampler import Sampler


@dataclass(frozen=True)
class PosteriorSamples:
    """Samples of p(x | y) for every item.

    Attributes
    ----------
    samples
        ``(samples, *batch, *shape)``.
    complete
        ``(samples, *batch)``: which of them ran through the schedule; the others are left out of the statistics.
    result
        The run they come from, whose batch is ``(samples, *batch)``.
    """

    samples: Tensor
    complete: Tensor
    result: Result

    @property
    def mean(self) -> Tensor:
        """Mean of the samples, ``(*batch, *shape)``; NaN where an item has none."""
        return torch.where(self._wide, self.samples, 0).sum(0) / self._count

    @property
    def std(self) -> Tensor:
        """Standard deviation per pixel, with the divisor samples − 1; NaN where an item has fewer than two.

        For complex images that of the complex number, √E|x − E x|².
        """
        squares = (self.samples - self.mean).abs().square()
        total = torch.where(self._wide, squares, 0).sum(0)
        return torch.where(self._count > 1, (total / (self._count - 1).clamp(min=1)).sqrt(), torch.nan)

    @property
    def _wide(self) -> Tensor:
        ndim = self.samples.ndim - self.complete.ndim
        return self.complete.reshape(*self.complete.shape, *(1,) * ndim).to(self.samples.device)

    @property
    def _count(self) -> Tensor:
        return self._wide.sum(0)


def sample(
    sampler: Sampler, problem: Problem, samples: int = 1, *, items: Sequence[int] | None = None, **options: Any
) -> PosteriorSamples:
    """Draw ``samples`` from p(x | y) for every item of the problem.

    Sample s of item i draws from random stream i + 2³²·s, so that neither more samples nor other items change it.

    Parameters
    ----------
    items
        The number i < 2³² of each item (batch flattened in row-major order), 0, 1, 2, … by default: give it where a
        larger set is worked through in parts.
    options
        Passed on to :func:`recon.solvers.iterate`.
    """
    if isinstance(samples, bool) or not isinstance(samples, int) or samples < 1:
        raise ValueError(f"expected at least one sample, got {samples!r}.")
    if sampler.streams is not None:
        raise ValueError("sample() sets the random streams itself; leave streams of the sampler out.")
    count = prod(problem.batch)
    numbers = range(count) if items is None else items
    if len(numbers) != count or any(not 0 <= i < 2**32 for i in numbers):
        raise ValueError(f"expected {count} item numbers between 0 and 2^32 - 1, got {list(numbers)}.")
    if problem.noise is None:
        sampler.require(problem.flatten())
    data = problem.data.expand(samples, *problem.data.shape)
    repeated = Problem(problem.operator, data, problem.noise, problem.prior)
    streams = tuple(i + (s << 32) for s in range(samples) for i in numbers)
    result = replace(sampler, streams=streams).solve(repeated, **options)
    complete = torch.tensor([reason is Reason.COMPLETED for reason in result.reasons], dtype=torch.bool)
    return PosteriorSamples(result.image, complete.reshape(samples, *problem.batch), result)
