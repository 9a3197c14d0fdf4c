"""What is timed, and what is not, on a clock that only solves move."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from recon.bench import timing
from recon.bench.timing import limited, shortened, timed
from recon.run.prepare import Case
from recon.run.solve import Bench
from recon.solvers import CGLS, DPS, MaxIter, MaxSeconds, Solver
from tests.recon.bench.tiny import engine_of, lay_out

CLOCK = {"now": 0.0}
CALLS: list[int] = []
COSTS = [5.0, 1.0, 3.0, 2.0]
"""Seconds that the first, second, ... solve takes."""


class State(NamedTuple):
    x: torch.Tensor


@dataclass(frozen=True, kw_only=True)
class Clocked(Solver):
    """Takes the seconds that are its turn, in its last iteration."""

    def init(self, problem: Any, initial: Any = None) -> State:
        return State(torch.zeros_like(problem.data))

    def step(self, problem: Any, state: State) -> State:
        CALLS.append(self.stop.max_iter)  # type: ignore[arg-type]
        return State(problem.operator.adjoint(problem.data))

    def image(self, state: State) -> torch.Tensor:
        return state.x


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Bench, Case]:
    """A bench and a case; each solve takes the next of :data:`COSTS` on the clock."""
    monkeypatch.chdir(tmp_path)
    engine = engine_of(lay_out(tmp_path))
    cell = engine.plan.cells[0]
    tools = engine.tools.get(cell.place)
    case = tools.workshop.case(engine.measurements.of(cell))
    bench = Bench(Clocked(stop=MaxIter(1)), torch.device("cpu"), 1, tools.bench.mark)
    CLOCK["now"], solves = 0.0, iter(COSTS)
    CALLS.clear()
    answer = Bench.answer

    def slow(self: Bench, *args: Any, **options: Any) -> Any:
        CLOCK["now"] += next(solves)
        return answer(self, *args, **options)

    monkeypatch.setattr(Bench, "answer", slow)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: CLOCK["now"])
    return bench, case


def test_the_median_of_the_repeats(parts: tuple[Bench, Case]) -> None:
    done = timed(*parts, 3, 0, None, nullcontext)
    assert done.seconds["all"] == [5, 1, 3]
    assert (done.seconds["solve"], done.seconds["first"], done.seconds["warm_up"]) == (3, 5, 0)
    assert done.solved.seconds == 3
    assert len(CALLS) == 3


def test_warming_up_is_apart(parts: tuple[Bench, Case]) -> None:
    done = timed(*parts, 2, 4, None, nullcontext)
    assert done.seconds["warm_up"] == 5
    assert done.seconds["all"] == [1, 3]
    assert done.seconds["solve"] == 2


def test_calls_are_those_of_one_solve(parts: tuple[Bench, Case]) -> None:
    done = timed(*parts, 3, 2, None, nullcontext)
    assert done.calls == {"forward": 0, "adjoint": 1, "normal": 0, "denoise": 0, "solve_normal": 0, "vjp": 0}
    assert done.memory["kind"] == "rss"


def test_limits_hold_around_each_solve(parts: tuple[Bench, Case]) -> None:
    entered = []

    @contextmanager
    def guard() -> Iterator[None]:
        entered.append(CLOCK["now"])
        yield

    timed(*parts, 3, 2, None, guard)
    assert entered == [0, 0, 5, 6, 9], "the guess, the warm-up, and three solves"


def test_the_device_is_waited_for_on_both_sides(parts: tuple[Bench, Case], monkeypatch: pytest.MonkeyPatch) -> None:
    """On a device that does its work once it is waited for, as a GPU may."""
    queued: list[float] = []

    def lazily(self: Bench, *args: Any, **options: Any) -> Any:
        queued.append(7.0)
        return answer(self, *args, **options)

    def wait(device: torch.device) -> None:
        CLOCK["now"] += sum(queued)
        queued.clear()

    bench, case = parts
    monkeypatch.undo()
    monkeypatch.setattr(timing.time, "perf_counter", lambda: CLOCK["now"])
    answer = Bench.answer
    monkeypatch.setattr(Bench, "answer", lazily)
    monkeypatch.setattr(timing, "synchronise", wait)
    queued.append(100.0)
    done = timed(bench, case, 2, 0, None, nullcontext)
    assert done.seconds["all"] == [7, 7], "not what was queued before, and all that the solve queued"


def test_only_cuda_needs_waiting_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    timing.synchronise(torch.device("cpu"))
    timing.synchronise(torch.device("cuda:0"))
    assert waited == [torch.device("cuda:0")]


def test_a_solver_stops_itself_at_the_limit() -> None:
    assert limited(CGLS(stop=MaxIter(5)), None) == CGLS(stop=MaxIter(5))
    assert limited(CGLS(stop=MaxIter(5)), 3.0).stop == MaxIter(5) | MaxSeconds(3.0)
    assert limited(DPS(), 3.0) == DPS(), "a sampler runs through its schedule"


def test_warming_up_is_a_few_iterations() -> None:
    assert shortened(CGLS(stop=MaxIter(5)), 2).stop.max_iter == 2
    assert shortened(CGLS(stop=MaxIter(1)), 2).stop.max_iter == 1
    assert shortened(DPS(steps=50), 2).steps == 2  # type: ignore[attr-defined]
