"""Drawing several samples per item, some at a time."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recon.priors.learned.structured_noise import StructuredNoise
from recon.solvers.counting import counted
from recon.solvers.iterate import iterate
from recon.solvers.problem import Problem
from recon.solvers.result import Reason
from recon.solvers.sampling.particles import ParticleSampler
from recon.solvers.sampling.posterior_samples import PosteriorSamples
from recon.solvers.sampling.sample_run import SampleRun
from recon.solvers.sampling.sampler import Sampler, checked_streams
from recon.solvers.sampling.value_range import check_values


def sample(
    sampler: Sampler,
    problem: Problem,
    samples: int = 1,
    *,
    items: Sequence[int] | None = None,
    chunk: int | None = None,
    store: str | Path | None = None,
    initial: Tensor | None = None,
    truth: Tensor | None = None,
    callback: Callable[[int, Mapping[str, Tensor]], None] | None = None,
    **options: Any,
) -> PosteriorSamples:
    """Draw ``samples`` from p(x | y) for every item of the problem.

    Sample s of item i draws from random stream i + 2³²·s, so that neither more samples nor other items nor chunks
    change it. Of a :class:`ParticleSampler` with J particles, each run gives J samples, which are not independent. An
    interrupt (Ctrl-C) ends the run and keeps what is complete.

    Parameters
    ----------
    items
        The number i < 2³² of each item (batch flattened in row-major order), 0, 1, 2, … by default: give it where a
        larger set is worked through in parts.
    chunk
        How many images, samples times items, are worked on at once; all by default. It bounds the memory beside that
        of the samples. Results do not depend on it, up to what a network or a linear-algebra library makes of another
        batch size by rounding.
    store
        A .npy file for the samples, ``(samples, *batch, *shape)``, which are then written chunk by chunk, read when
        they are asked for, and never all in memory. Samples that are not complete are NaN there. What else a sample
        consists of (``result.components``) goes to files beside it, ``NAME.noise.npy``.
    initial, truth
        As for :func:`recon.solvers.iterate`; they broadcast to ``(samples, *batch, *shape)``.
    callback
        As for :func:`recon.solvers.iterate`; iterations count on from chunk to chunk.
    options
        Passed on to :func:`recon.solvers.iterate`.

    Errors: ValueError for numbers that make no sense, and for data that no image with the prior's values explains (see
    :meth:`recon.solvers.Sampler.solve`); OSError, in one sentence, where ``store`` cannot be written.
    """
    if not isinstance(sampler, Sampler):
        given = f"the class {sampler.__name__}" if isinstance(sampler, type) else type(sampler).__name__
        raise TypeError(f"sample() draws with a Sampler such as MMPS(steps=50), got {given}.")
    if not isinstance(problem, Problem):
        raise TypeError(f"sample() draws for a Problem, got {type(problem).__name__}.")
    if isinstance(samples, bool) or not isinstance(samples, int) or samples < 1:
        raise ValueError(f"expected samples to be a whole number from 1 up, got {samples!r}.")
    if chunk is not None and (isinstance(chunk, bool) or not isinstance(chunk, int) or chunk < 1):
        raise ValueError(f"expected chunk to be a whole number from 1 up, got {chunk!r}.")
    if sampler.streams is not None:
        raise ValueError("sample() sets the random streams itself; leave streams of the sampler out.")
    count = prod(problem.batch)
    numbers = list(range(count) if items is None else checked_streams(items, "sample()"))
    if len(numbers) != count or any(not 0 <= i < 2**32 for i in numbers):
        raise ValueError(f"expected {count} item numbers between 0 and 2^32 - 1, got {numbers}.")
    check_values(problem.flatten())
    several, runner = 1, sampler
    if isinstance(sampler, ParticleSampler):
        several, runner = sampler.particles, sampler.whole()
    run = SampleRun(problem, samples, several, chunk, store)
    second = problem.noise.prior if isinstance(problem.noise, StructuredNoise) else None
    with counted(problem.operator, problem.prior, second, shape=problem.shape) as calls:
        try:
            for rows in run.chunks():
                streams = tuple(numbers[row % count] + (row // count << 32) for row in rows)
                part = run.flat.select(torch.tensor([row % count for row in rows], dtype=torch.long))
                result = iterate(
                    _with_streams(runner, streams),
                    part,
                    run.part(initial, rows),
                    truth=run.part(truth, rows),
                    callback=run.callback(callback),
                    **options,
                )
                if not run.add(rows, result):
                    break
        except KeyboardInterrupt:
            pass
        except BaseException:
            run.fail()
            raise
    images, result = run.finish()
    complete = torch.tensor([reason is Reason.COMPLETED for reason in result.reasons], dtype=torch.bool)
    diverged = sum(reason is Reason.DIVERGED for reason in result.reasons)
    if diverged:
        warnings.warn(
            f"{diverged} of {len(result.reasons)} samples went astray, to values that are not finite or far too large: "
            "their last sound images stay in samples, and statistics leave them out.",
            stacklevel=2,
        )
    per_image = {kind: number / max(run.done * several, 1) for kind, number in calls.images.items()}
    return PosteriorSamples(
        images, complete.reshape(samples, *problem.batch), result, calls=dict(calls), calls_per_image=per_image
    )


def _with_streams(sampler: Sampler, streams: tuple[int, ...]) -> Sampler:
    """The sampler with other random streams, and whatever else it has been set to."""
    clone = copy.copy(sampler)
    object.__setattr__(clone, "streams", streams)
    return clone
