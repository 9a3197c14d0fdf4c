"""What is said of the samples of one item."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from torch import Tensor

from recon.operators.operator import Shape
from recon.solvers import CoverageCurve, PosteriorSamples, Problem, Sampler, sample
from recon.solvers.sampling.scatter import known

Callback = Callable[[int, Mapping[str, Tensor]], None]


@dataclass(frozen=True)
class Drawn:
    """The samples of an item, on the CPU.

    Attributes
    ----------
    samples, complete
        ``(samples, *shape)``, colours leading, and ``(samples,)``: which of them count.
    std, quantiles
        Per pixel, ``shape`` and ``(quantiles, *shape)``; None where there are too few samples, or none are wanted.
    levels
        Which quantiles.
    diversity
        Of the whole image: ``participation``, ``dimension`` and ``distance``; empty for a single sample.
    data_consistency
        E‖AX − y‖²/σ² per measurement; None for noise whose covariance is not known.
    calls, calls_per_image
        Of operator and denoiser, for the batch that the item was solved in, and for one sample.
    """

    samples: Tensor
    complete: Tensor
    std: Tensor | None = None
    quantiles: Tensor | None = None
    levels: tuple[float, ...] = ()
    diversity: dict[str, float] = field(default_factory=dict)
    data_consistency: float | None = None
    calls: dict[str, int] = field(default_factory=dict)
    calls_per_image: dict[str, float] = field(default_factory=dict)

    @property
    def several(self) -> bool:
        """Whether there is a spread."""
        return len(self.samples) > 1

    @property
    def kept(self) -> Tensor:
        """The complete samples."""
        return self.samples if bool(self.complete.all()) else self.samples[self.complete]

    def record(self) -> dict[str, Any]:
        """As the sidecar says it."""
        return {
            "count": len(self.samples),
            "complete": int(self.complete.sum()),
            "data_consistency": self.data_consistency,
            "diversity": self.diversity or None,
            "quantiles": list(self.levels) or None,
            "calls": self.calls,
            "calls_per_image": self.calls_per_image,
        }


def draw(
    solver: Sampler,
    problem: Problem,
    samples: int,
    streams: Sequence[int],
    chunk: int | None,
    scratch: Path | None,
    callback: Callback | None,
) -> PosteriorSamples:
    """The samples of a batch; those of several chunks lie in a file in ``scratch``, which goes with their last use."""
    if chunk is None or scratch is None or samples * len(streams) <= chunk:
        return sample(solver, problem, samples, items=streams, chunk=chunk, callback=callback)
    path = scratch / f".{uuid4().hex}.npy"
    try:
        return sample(solver, problem, samples, items=streams, chunk=chunk, store=path, callback=callback)
    finally:
        for made in scratch.glob(f"{path.stem}.*npy"):
            with suppress(OSError):
                made.unlink()


def drawn_of(found: PosteriorSamples, problem: Problem, rows: slice, shape: Shape, quantiles: Sequence[float]) -> Drawn:
    """What a batch of samples tells of the rows that are one item; ``shape`` is that of its image."""
    samples, complete = found.samples[:, rows], found.complete[:, rows]
    part = PosteriorSamples(samples, complete, found.result)
    whole = complete.all(1).cpu()
    one = PosteriorSamples(samples.reshape(len(samples), 1, -1), whole[:, None], found.result)
    several = len(samples) > 1
    consistency = None
    if known(problem.noise):
        chosen = torch.arange(len(problem.data))[rows]
        mean = float(part.data_consistency(problem.select(chosen)).mean())
        consistency = mean if isfinite(mean) else None
    numbers = zip(("participation", "dimension", "distance"), one.diversity, strict=True) if several else ()
    return Drawn(
        samples.reshape(len(samples), *shape).cpu(),
        whole,
        std=part.std.reshape(shape).cpu() if several else None,
        quantiles=part.quantiles(quantiles).reshape(len(quantiles), *shape).cpu() if several and quantiles else None,
        levels=tuple(quantiles),
        diversity={name: float(value) for name, value in numbers if isfinite(float(value))},
        data_consistency=consistency,
        calls=dict(found.calls),
        calls_per_image=dict(found.calls_per_image),
    )


def coverage_curve(samples: Tensor, truth: Tensor) -> CoverageCurve | None:
    """How often the intervals of one image's pixels hold the truth; None where there are fewer than two samples.

    The intervals are those of :func:`recon.metrics.coverage`.
    """
    found = PosteriorSamples.of(samples, ndim=truth.ndim)
    if int(found.count) < 2:
        return None
    return CoverageCurve.of(found.level_of(truth.to(samples.dtype), "student").reshape(1, -1))
