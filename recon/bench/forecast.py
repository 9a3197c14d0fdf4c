"""How long a run will take, before it runs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from recon.bench.engine import Engine
from recon.bench.plan import Plan
from recon.bench.store import Cell, Store
from recon.bench.timing import shortened, synchronise
from recon.bench.tools import Tools
from recon.config.grid import BenchSpec
from recon.run.errors import Interrupted
from recon.run.solve import Posed
from recon.solvers import Sampler

SHORT, LONG = 2, 10
"""Iterations of the two solves from whose difference the rest is told."""
ENOUGH = 0.1
"""Seconds by which they have to differ; the longer one is made longer until they do."""


@dataclass(frozen=True)
class Row:
    """The cells of a method under one condition.

    Attributes
    ----------
    seconds
        What one is expected to take; None where a trial failed, for which ``error`` says why.
    measured
        Whether that is the median of cells that are done, rather than told from a few iterations, and then the most
        that the method's iterations could take.
    solves
        Solves beyond the cells that a parameter to be found may need.
    """

    names: dict[str, str]
    cells: int
    done: int
    seconds: float | None
    measured: bool
    solves: int
    error: str = ""

    @property
    def left(self) -> float:
        """Seconds that are left, zero where nothing is known."""
        return (self.seconds or 0.0) * (self.cells - self.done + self.solves)


def forecast(spec: BenchSpec) -> Iterator[Row]:
    """The rows of a run, in the order of the grid; nothing is written where the run goes."""
    plan, store = Plan(spec), Store(spec.folder)
    done = store.finished()
    cells: dict[int, list[Cell]] = {}
    for cell in plan.cells:
        cells.setdefault(cell.place, []).append(cell)
    with TemporaryDirectory(prefix="recon-") as folder:
        engine = Engine(spec, Store(Path(folder)), lambda: os._exit(1))
        for place, some in cells.items():
            finished = [cell for cell in some if cell.key in done]
            known = [seconds for cell in finished if (seconds := _seconds(store.record(cell.key))) is not None]
            tune = spec.combinations[place].method.tune
            solves = 0
            if tune is not None and store.tuning(some[0].tuning) is None:
                tries = len(tune.values) or int(spec.tuning.params["max_solves"])
                solves = tries * len(plan.validation(place))
            names = spec.combinations[place].names
            row = Row(names, len(some), len(finished), median(known) if known else None, True, solves)
            if not known and len(finished) < len(some):
                row = _tried(engine, some[0], row)
            yield row


def _tried(engine: Engine, cell: Cell, row: Row) -> Row:
    """The row with what a few iterations of one cell tell."""
    tune = engine.spec.combinations[cell.place].method.tune
    try:
        item = engine.measurements.of(cell)
        tools = engine.tools.get(cell.place, None if tune is None else tune.middle)
        posed = tools.bench.pose([tools.workshop.case(item)])
        return replace(row, seconds=_told(engine, tools, posed), measured=False)
    except Interrupted:
        raise KeyboardInterrupt from None
    except Exception as error:
        return replace(row, measured=False, error=" ".join(str(error).split()))


def _told(engine: Engine, tools: Tools, posed: Posed) -> float:
    solver = posed.solver
    most = float(solver.steps) if isinstance(solver, Sampler) else solver.stop.max_iter
    _brief(tools, posed, SHORT)  # compiles
    short, _ = _brief(tools, posed, SHORT)
    count = LONG
    while True:
        seconds, made = _brief(tools, posed, count)
        whole = count >= most or (made < count and not isinstance(solver, Sampler))
        if whole or seconds - short > ENOUGH:
            break
        count *= 4
    expected = seconds if whole else seconds + (seconds - short) / (count - SHORT) * (most - count)
    limit = engine.spec.limits.params["seconds"]
    return float(engine.spec.timing.params["repeats"]) * min(expected, inf if limit is None else float(limit))


def _brief(tools: Tools, posed: Posed, count: int) -> tuple[float, int]:
    """Seconds of a solve of so many iterations at most, and how many it made."""
    short = replace(posed, solver=shortened(posed.solver, count))
    start = time.perf_counter()
    answer = tools.bench.answer(short)
    synchronise(tools.bench.device)
    return time.perf_counter() - start, int(answer.result.iterations.max())


def _seconds(record: dict[str, Any] | None) -> float | None:
    found = None if record is None else record.get("seconds")
    return None if found is None else float(sum(found["all"]) + found.get("load", 0.0))
