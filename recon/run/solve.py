"""One batch of items, from problem to images."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from recon.config.errors import ConfigError, Mark
from recon.operators.noise import GaussianNoise
from recon.run import weights
from recon.run.errors import Interrupted, ItemError, out_of_memory
from recon.run.guess import first_guess
from recon.run.prepare import Case
from recon.solvers import Auto, Problem, Reason, Result, Sampler, Solver, Tuned, sample

Callback = Callable[[int, Mapping[str, Tensor]], None]


@dataclass(frozen=True)
class Solved:
    """What came out for one item, on the CPU.

    Attributes
    ----------
    image, guess, samples, std
        Of the image's shape, colours leading; samples ``(samples, *shape)``. None where there are none.
    guess_name
        What the first guess is.
    solver, why
        The solver that ran; why, where it was chosen automatically, else "".
    weight
        The λ that was found, how and by how many solves; None where it was given.
    reason
        The gravest of the reasons of the item's rows.
    history
        Measurements ``(records,)``, the mean over the rows.
    """

    case: Case
    image: Tensor
    guess: Tensor | None
    guess_name: str
    solver: Solver
    why: str
    weight: dict[str, Any] | None
    samples: Tensor | None
    std: Tensor | None
    reason: Reason
    iterations: int
    history: dict[str, Tensor]
    seconds: float


@dataclass(frozen=True)
class Bench:
    """Solves batches.

    Attributes
    ----------
    samples
        How many samples of each item a sampling solver draws.
    mark
        Where the job names the solver.
    """

    solver: Solver
    device: torch.device
    samples: int
    mark: Mark

    def solve(self, cases: Sequence[Case], callback: Callback | None = None) -> list[Solved]:
        """All items of a batch, which share operator, noise and prior.

        Raises
        ------
        ConfigError
            If the solver cannot take the operator or the prior.
        ItemError
            If memory runs out, or the computation fails in another way.
        Interrupted
            If the solver was interrupted.
        """
        try:
            return self._solve(cases, callback)
        except (ConfigError, ItemError, Interrupted):
            raise
        except Exception as error:
            if out_of_memory(error):
                n = len(cases)
                advice = "lower batch_size or the size of the images" if n > 1 else "make the images smaller"
                raise ItemError(f"memory ran out on {self.device} with {n} at a time; {advice}.") from error
            sentence = " ".join(str(error).split()) or "no message"
            known = isinstance(error, ValueError | TypeError)
            raise ItemError(sentence if known else f"{type(error).__name__}: {sentence}") from error

    def _solve(self, cases: Sequence[Case], callback: Callback | None) -> list[Solved]:
        start = time.perf_counter()
        problem = self._problem(cases)
        solver, why = self.solver, ""
        try:
            if isinstance(solver, Auto):
                solver, why = solver.choice(problem)
            solver.require(problem.flatten().lifted)
        except (TypeError, ValueError) as error:
            raise ConfigError(self.mark, " ".join(str(error).split())) from error
        sought = cases[0].sought
        if sought is not None:
            sought.require(problem)
        clean = problem.data if problem.noise is None else problem.noise.most_likely(problem.data)
        guess = first_guess(problem.operator, clean)
        samples: Tensor | None = None
        std: Tensor | None = None
        tuned: Tuned | None = None
        if isinstance(solver, Sampler):
            drawn = sample(solver, problem, self.samples, items=_streams(cases), callback=callback)
            # Where no sample of an item is complete there is no mean; the last good iterates stand in, and the reason.
            result, image = drawn.result, torch.where(drawn.mean.isnan(), drawn.samples.mean(0), drawn.mean)
            if self.samples > 1:
                samples, std = drawn.samples, drawn.std
        else:
            initial = guess[0] if guess is not None and solver.warm_start else None
            if sought is not None:
                tuned = sought.tune(problem, solver, initial, callback)
                result = tuned.result
            else:
                result = solver.solve(problem, initial, callback=callback)
            image = result.image
        if Reason.INTERRUPTED in result.reasons:
            raise Interrupted
        seconds = time.perf_counter() - start
        out, row = [], 0
        for case in cases:
            rows = slice(row, row + len(case.data))
            row = rows.stop
            out.append(
                Solved(
                    case,
                    image=_shaped(image[rows], case),
                    guess=None if guess is None else _shaped(guess[0][rows], case),
                    guess_name="" if guess is None else guess[1],
                    solver=solver,
                    why=why,
                    weight=None if tuned is None else weights.record(tuned, rows),
                    samples=None if samples is None else torch.stack([_shaped(s[rows], case) for s in samples]),
                    std=None if std is None else _shaped(std[rows], case),
                    **_records(result, rows),
                    seconds=seconds / len(cases),
                )
            )
        return out

    def _problem(self, cases: Sequence[Case]) -> Problem:
        first = cases[0]
        data = torch.cat([case.data for case in cases]).to(self.device)
        noise: Any = first.noise
        if first.sigma is not None:
            sigmas = [case.sigma for case in cases for _ in case.data]
            noise = GaussianNoise(torch.tensor(sigmas, dtype=first.data.real.dtype, device=self.device))
        return Problem(first.operator, data, noise, first.prior, first.fidelity)


def _streams(cases: Sequence[Case]) -> list[int]:
    """Random streams that belong to the item's name and colour, so that no other item changes them."""
    return [zlib.crc32(f"{case.item.id}/{row}".encode()) for case in cases for row in range(len(case.data))]


def _shaped(rows: Tensor, case: Case) -> Tensor:
    return rows.reshape(*case.lead, *case.operator.domain_shape).detach().cpu()


def _records(result: Result, rows: slice) -> dict[str, Any]:
    """Reason, iterations and history of an item: over its rows and samples the gravest, the most and the mean."""
    count = result.iterations.shape[-1]
    chosen = list(range(count))[rows]
    runs = result.iterations.reshape(-1, count)
    reasons = [result.reasons[sample * count + i] for sample in range(len(runs)) for i in chosen]
    gravest = Result(result.image, tuple(reasons), result.iterations, {}).reason
    most = int(runs[:, chosen].max())
    history: dict[str, Tensor] = {}
    kept = result.history["iteration"] <= most
    for key, value in result.history.items():
        if value.ndim > 1:
            value = value.reshape(len(value), -1, count)[:, :, chosen].flatten(1).nanmean(1)
        history[key] = value[kept]
    return {"reason": gravest, "iterations": most, "history": history}
