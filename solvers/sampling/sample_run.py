"""The chunks of a run of a sampler, and what has come out of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recon.operators.operator import Shape
from recon.solvers.problem import Problem
from recon.solvers.result import Reason, Result
from recon.solvers.sampling.sample_file import SampleFile, mapped

IMAGE = ""


class SampleRun:
    """A run over rows: runs of the sampler times items, each row one or ``several`` samples.

    Attributes
    ----------
    flat
        The problem with one batch dimension.
    done
        How many rows have been run.
    """

    def __init__(
        self, problem: Problem, samples: int, several: int, chunk: int | None, store: str | Path | None
    ) -> None:
        self.problem, self.flat, self.several, self.samples = problem, problem.flatten(), several, samples
        self.count = prod(problem.batch)
        self.layout = (-(-samples // several), *problem.batch)
        self.rows, self.done, self.iterations = prod(self.layout), 0, 0
        self.size = max(1, self.rows if chunk is None else chunk // several)
        self.store = None if store is None else Path(store)
        self.results: list[Result] = []
        self.sinks: dict[str, _Memory | SampleFile] = {}
        self._open(IMAGE, problem.shape, problem.dtype)

    def chunks(self) -> list[range]:
        """Numbers of the rows of each chunk, run by run and in each item by item."""
        return [range(start, min(start + self.size, self.rows)) for start in range(0, max(self.rows, 1), self.size)]

    def part(self, images: Tensor | None, rows: range) -> Tensor | None:
        """Those of images that broadcast to all runs which belong to some rows."""
        if images is None:
            return None
        self.problem.operator.check(images, self.problem.shape)
        try:
            whole = images.expand(*self.layout, *self.problem.shape)
        except RuntimeError:
            wanted = (*self.layout, *self.problem.shape)
            raise ValueError(f"expected images that broadcast to {wanted}, got {tuple(images.shape)}.") from None
        return whole[torch.unravel_index(torch.tensor(list(rows), dtype=torch.long), self.layout)]

    def callback(self, callback: Callable[..., None] | None) -> Callable[..., None] | None:
        """The callback with iterations that count on from those of earlier chunks."""
        before = self.iterations
        return None if callback is None else lambda number, measured: callback(before + number, measured)

    def add(self, rows: range, result: Result) -> bool:
        """Take up the images of a chunk; whether to go on."""
        complete = torch.tensor([reason is Reason.COMPLETED for reason in result.reasons], dtype=torch.bool)
        self._put(IMAGE, rows, result.image, complete)
        for name, images in result.components.items():
            self._put(name, rows, images, complete)
        self.done += len(rows)
        self.iterations += int(result.iterations.max()) if result.iterations.numel() else 0
        self.results.append(replace(result, image=result.image.new_empty(0), components={}))
        return Reason.INTERRUPTED not in result.reasons

    def fail(self) -> None:
        """Keep the samples of a run that ends in an error where there are any in a file."""
        for sink in self.sinks.values():
            if self.done:
                sink.close()
            else:
                sink.discard()

    def finish(self) -> tuple[Tensor, Result]:
        """Samples ``(samples, *batch, *shape)`` and their result; those that were not begun are NaN and interrupted."""
        made = {}
        for name, sink in self.sinks.items():
            sink.close()
            made[name] = sink.images if isinstance(sink, _Memory) else mapped(sink.path)
        missing = self.rows - self.done
        of = torch.arange(self.samples)[:, None] // self.several * self.count + torch.arange(self.count)
        reasons = [*(r for result in self.results for r in result.reasons), *([Reason.INTERRUPTED] * missing)]
        iterations = torch.cat([*(r.iterations for r in self.results), torch.zeros(missing, dtype=torch.long)])
        history = joined([r.history for r in self.results], [len(r.reasons) for r in self.results], missing)
        batch = (self.samples, *self.problem.batch)
        result = Result(
            made[IMAGE],
            tuple(reasons[row] for row in of.flatten().tolist()),
            iterations[of].reshape(batch),
            {key: value[:, of].reshape(-1, *batch) if value.ndim > 1 else value for key, value in history.items()},
            components={name: images for name, images in made.items() if name != IMAGE},
        )
        return made[IMAGE], result

    def _open(self, name: str, shape: Shape, dtype: torch.dtype) -> _Memory | SampleFile:
        whole = (self.samples, *self.problem.batch, *shape)
        if self.store is None:
            self.sinks[name] = _Memory(self.problem.data.new_empty(whole, dtype=dtype), self.samples * self.count)
        else:
            path = self.store if name == IMAGE else self.store.with_suffix(f".{name}.npy")
            self.sinks[name] = SampleFile(path, whole, dtype, self.samples * self.count)
        return self.sinks[name]

    def _put(self, name: str, rows: range, images: Tensor, complete: Tensor) -> None:
        """Images of rows, ``(rows, [several,] *shape)``, to where the samples lie that they are."""
        ensemble = self.several > 1 and name == IMAGE
        if ensemble:
            images = images.flip(1).transpose(0, 1)  # the particle that the sampler alone would give comes first
        shape = tuple(images.shape[1 + ensemble :])
        sink = self.sinks.get(name) or self._open(name, shape, images.dtype)
        row = torch.tensor(list(rows), dtype=torch.long)
        for place in range(self.several):
            number = row // max(self.count, 1) * self.several + place
            kept = number < self.samples
            chosen = images[place] if ensemble else images
            where = number * self.count + row % max(self.count, 1)
            if bool(kept.any()):
                sink.write(where[kept], chosen[kept.to(images.device)], complete[kept])


class _Memory:
    """Samples in memory, written as to a :class:`SampleFile`."""

    def __init__(self, images: Tensor, rows: int) -> None:
        self.images, self.missing = images, torch.ones(rows, dtype=torch.bool)
        self.flat = images.view(rows, -1) if images.numel() else images.reshape(rows, 0)

    def write(self, rows: Tensor, images: Tensor, complete: Tensor) -> None:
        """Write some rows by their numbers, those that are not complete as they are."""
        self.flat[rows.to(self.flat.device)] = images.reshape(len(rows), -1).to(self.flat)
        self.missing[rows] = False

    def close(self) -> None:
        """Fill rows that have not been written with NaN."""
        self.flat[self.missing.to(self.flat.device)] = torch.nan

    def discard(self) -> None:
        """Nothing lies anywhere else."""


def joined(histories: Sequence[Mapping[str, Tensor]], sizes: Sequence[int], missing: int) -> dict[str, Tensor]:
    """Histories of chunks as one of all rows: iterations are those of a chunk, seconds the sum over chunks."""
    iterations = sorted({int(i) for history in histories for i in history["iteration"]})
    keys = sorted({key for history in histories for key in history if key not in ("iteration", "seconds")})
    rows = sum(sizes) + missing
    found: dict[str, Any] = {key: torch.full((len(iterations), rows), torch.nan, dtype=torch.float64) for key in keys}
    seconds, start = torch.zeros(len(iterations), dtype=torch.float64), 0
    for history, size in zip(histories, sizes, strict=True):
        own = history["iteration"].tolist()
        for place, iteration in enumerate(iterations):
            passed = [float(s) for i, s in zip(own, history["seconds"].tolist(), strict=True) if i <= iteration]
            seconds[place] += max(passed, default=0.0)
            for key in keys:
                if iteration in own and key in history:
                    found[key][place, start : start + size] = history[key][own.index(iteration)]
        start += size
    return {**found, "iteration": torch.tensor(iterations, dtype=torch.long), "seconds": seconds}
