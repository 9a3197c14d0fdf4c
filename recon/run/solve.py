"""One batch of items, from problem to images."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recon.config.errors import ConfigError, Mark
from recon.operators.noise import GaussianNoise
from recon.run import weights
from recon.run.errors import Interrupted, translated
from recon.run.guess import problem_guess
from recon.run.posterior import Drawn, draw, drawn_of
from recon.run.prepare import Case
from recon.run.records import records
from recon.solvers import Auto, PosteriorSamples, Problem, Reason, Result, Sampler, Solver, Tuned

Callback = Callable[[int, Mapping[str, Tensor]], None]


@dataclass(frozen=True)
class Solved:
    """What came out for one item, on the CPU.

    Attributes
    ----------
    image, guess
        Of the image's shape, colours leading; no guess where there is none.
    components
        Parts of the image that the prior tells apart, by name, of its shape.
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
    drawn
        The samples of a sampling solver, and what they tell.
    """

    case: Case
    image: Tensor
    guess: Tensor | None
    guess_name: str
    solver: Solver
    why: str
    weight: dict[str, Any] | None
    reason: Reason
    iterations: int
    history: dict[str, Tensor]
    seconds: float
    components: dict[str, Tensor] = field(default_factory=dict)
    drawn: Drawn | None = None


@dataclass(frozen=True)
class Posed:
    """A batch as the question that the solver gets.

    Attributes
    ----------
    why
        Why the solver was chosen, "" where the job names it.
    guess
        The first guess and what it is, None where there is none.
    """

    cases: tuple[Case, ...]
    problem: Problem
    solver: Solver
    why: str
    guess: tuple[Tensor, str] | None

    @property
    def initial(self) -> Tensor | None:
        """Where the solver starts, None for its own start."""
        return self.guess[0] if self.guess is not None and self.solver.warm_start else None

    @property
    def truth(self) -> Tensor | None:
        """The true images as the solver has images, None where not all are known or they are of another shape."""
        shapes = [(*case.lead, *case.operator.domain_shape) for case in self.cases]
        truths = [case.item.truth for case in self.cases]
        if any(t is None or tuple(t.shape) != shape for t, shape in zip(truths, shapes, strict=True)):
            return None
        return torch.cat([t.reshape(-1, *self.problem.shape) for t in truths if t is not None])


@dataclass(frozen=True)
class Answer:
    """What a solver made of a batch; images are on its device."""

    result: Result
    image: Tensor
    drawn: PosteriorSamples | None = None
    tuned: Tuned | None = None


@dataclass(frozen=True)
class Bench:
    """Solves batches.

    Attributes
    ----------
    samples
        How many samples of each item a sampling solver draws.
    mark
        Where the job names the solver.
    chunk
        How many images a sampling solver works on at once; None for all.
    quantiles
        Which quantiles of the samples are wanted.
    scratch
        Where samples are kept in a file rather than in memory if there are several chunks; None for memory.
    """

    solver: Solver
    device: torch.device
    samples: int
    mark: Mark
    chunk: int | None = None
    quantiles: tuple[float, ...] = ()
    scratch: Path | None = None

    def solve(self, cases: Sequence[Case], report: Callable[[int, float], None] | None = None) -> list[Solved]:
        """All items of a batch, which share operator, noise and prior.

        Parameters
        ----------
        report
            Called as ``report(iteration, limit)`` after every iteration, of at most ``limit``.

        Raises
        ------
        ConfigError
            If the solver cannot take the operator or the prior.
        ItemError
            If memory runs out, or the computation fails in another way.
        Interrupted
            If the solver was interrupted.
        """
        start = time.perf_counter()
        with translated(self.device, len(cases)):
            posed = self.pose(cases)
            callback = None
            if report is not None:
                limit = self._limit(posed)

                def callback(number: int, measured: Mapping[str, Tensor]) -> None:
                    report(number, limit)

            answer = self.answer(posed, callback)
            return self.collect(posed, answer, time.perf_counter() - start)

    def _limit(self, posed: Posed) -> float:
        """Most iterations that there will be."""
        limit = posed.solver.settled(posed.problem).stop.max_iter
        if self.chunk is None or not isinstance(posed.solver, Sampler):
            return limit
        return limit * -(-self.samples * len(posed.problem.data) // self.chunk)

    def pose(self, cases: Sequence[Case]) -> Posed:
        """The question, on the device, with its first guess."""
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
        return Posed(tuple(cases), problem, solver, why, problem_guess(problem))

    def answer(self, posed: Posed, callback: Callback | None = None, *, compare: bool = False) -> Answer:
        """What the solver makes of the question; with ``compare`` it keeps track of the error along its way.

        There it knows the truth and no λ is sought.
        """
        solver, problem, cases = posed.solver, posed.problem, posed.cases
        if isinstance(solver, Sampler):
            streams = _streams(cases)
            drawn = draw(solver, problem, self.samples, streams, self.chunk, self.scratch, callback)
            mean = drawn.mean
            # Where no sample of an item is complete there is no mean; the last good iterates stand in, and the reason.
            image = torch.where(mean.isnan(), drawn.samples.nan_to_num().mean(0), mean) if mean.isnan().any() else mean
            answer = Answer(drawn.result, image, drawn)
        elif cases[0].sought is not None:
            tuned = cases[0].sought.tune(problem, solver, posed.initial, callback)
            answer = Answer(tuned.result, tuned.result.image, tuned=tuned)
        else:
            truth = posed.truth if compare else None
            result = solver.solve(problem, posed.initial, truth=truth, callback=callback)
            answer = Answer(result, result.image)
        if Reason.INTERRUPTED in answer.result.reasons:
            raise Interrupted
        return answer

    def collect(self, posed: Posed, answer: Answer, seconds: float) -> list[Solved]:
        """The answer item by item, on the CPU."""
        guess, out, row = posed.guess, [], 0
        for case in posed.cases:
            rows = slice(row, row + len(case.data))
            row = rows.stop
            out.append(
                Solved(
                    case,
                    image=_shaped(answer.image[rows], case),
                    guess=None if guess is None else _shaped(guess[0][rows], case),
                    guess_name="" if guess is None else guess[1],
                    solver=posed.solver,
                    why=posed.why,
                    weight=None if answer.tuned is None else weights.record(answer.tuned, rows),
                    drawn=None if answer.drawn is None else self._drawn(answer.drawn, posed, rows, case),
                    components={name: _shaped(part[rows], case) for name, part in answer.result.components.items()},
                    **records(answer.result, rows),
                    seconds=seconds / len(posed.cases),
                )
            )
        return out

    def _drawn(self, found: PosteriorSamples, posed: Posed, rows: slice, case: Case) -> Drawn:
        shape = (*case.lead, *case.operator.domain_shape)
        return drawn_of(found, posed.problem, rows, shape, self.quantiles)

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
