"""One solve, timed: what it took, apart from what came before and after."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields, replace
from functools import partial
from statistics import median
from typing import Any

import torch

from recon.bench.memory import Peak
from recon.run.prepare import Case
from recon.run.solve import Answer, Bench, Posed, Solved
from recon.solvers import MaxIter, MaxSeconds, Sampler, Solver
from recon.solvers.counting import CALLS, counted

Guard = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Timed:
    """A solved case with what the solve took.

    Attributes
    ----------
    seconds
        ``solve``, the median of ``all``; ``first``, the first of them; ``warm_up``, before any was timed; ``guess``,
        for the first guess; ``transfer``, for data to the device and the image back.
    """

    posed: Posed
    solved: Solved
    seconds: dict[str, Any]
    memory: dict[str, int | str]
    calls: dict[str, int]


def synchronise(device: torch.device) -> None:
    """Wait until the device has done everything it was told to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def timed(bench: Bench, case: Case, repeats: int, warm_up: int, most: float | None, guard: Guard) -> Timed:
    """Solve a case as often as asked, each time from the same start.

    During the first solve calls are counted, and images compared with the truth when the solver measures.

    Parameters
    ----------
    warm_up
        Iterations to run before, 0 for none.
    most
        Seconds after which the solver stops by itself; None for no limit.
    guard
        Makes the limits that hold around each solve.
    """
    with guard():
        transfer = _elapsed(lambda: case.data.to(bench.device), bench.device)[0] if bench.device.type != "cpu" else 0.0
        guess, posed = _elapsed(lambda: bench.pose([case]), bench.device)
    warm = 0.0
    if warm_up:
        short = replace(_anew(posed), solver=shortened(posed.solver, warm_up))
        with guard():
            warm = _elapsed(lambda: bench.answer(short), bench.device)[0]
    posed = replace(posed, solver=limited(posed.solver, most))
    peak = Peak(bench.device)
    every: list[float] = []
    answer: Answer | None = None
    calls: dict[str, int] = {}
    for _ in range(repeats):
        with guard():
            if answer is None:
                asked = _anew(posed)
                with counted(asked.problem.operator, asked.problem.prior) as counter:
                    peak.start()
                    elapsed, answer = _elapsed(partial(bench.answer, asked, compare=True), bench.device)
                    memory = peak.read()
                calls = dict(counter)
            else:
                elapsed, _ = _elapsed(partial(bench.answer, _anew(posed)), bench.device)
        every.append(elapsed)
    assert answer is not None
    if bench.device.type != "cpu":
        transfer += _elapsed(lambda: answer.image.cpu(), bench.device)[0]
    solved = bench.collect(posed, answer, median(every))[0]
    seconds = {
        "solve": median(every),
        "all": every,
        "first": every[0],
        "warm_up": warm,
        "guess": guess,
        "transfer": transfer,
    }
    return Timed(posed, solved, seconds, memory, {name: calls.get(name, 0) for name in CALLS})


def _anew(posed: Posed) -> Posed:
    """The same question without what a solve of it has kept for the next."""
    return replace(posed, problem=replace(posed.problem))


def limited(solver: Solver, seconds: float | None) -> Solver:
    """The solver that stops itself after some seconds, where it takes a stopping rule."""
    if seconds is None or not _takes_stop(solver):
        return solver
    return replace(solver, stop=solver.stop | MaxSeconds(seconds))


def shortened(solver: Solver, iterations: int) -> Solver:
    """The solver that stops after a few iterations; a sampler with as few steps."""
    if isinstance(solver, Sampler):
        return replace(solver, steps=max(2, min(iterations, solver.steps)))
    return replace(solver, stop=solver.stop | MaxIter(iterations)) if _takes_stop(solver) else solver


def _takes_stop(solver: Solver) -> bool:
    return any(field.name == "stop" and field.init for field in fields(solver))


def _elapsed(work: Callable[[], Any], device: torch.device) -> tuple[float, Any]:
    synchronise(device)
    start = time.perf_counter()
    made = work()
    synchronise(device)
    return time.perf_counter() - start, made
