"""Parameters found on validation items, which are never among those reconstructed."""

from __future__ import annotations

import time
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from math import exp, inf, log
from typing import TYPE_CHECKING, Any

from recon.bench.atomic import StoreError
from recon.bench.guard import MemoryLimit, TimeLimit
from recon.bench.scores import scores
from recon.bench.store import FORMAT, Cell
from recon.bench.timing import limited
from recon.config.bench import HIGHER
from recon.config.tunes import Tune
from recon.files import DataError
from recon.run.errors import Interrupted, translated
from recon.run.solve import Solved
from recon.solvers import Reason
from recon.solvers.tuning.search import Search, minimum, run_all

if TYPE_CHECKING:
    from recon.bench.engine import Engine


def tune(engine: Engine, cell: Cell) -> dict[str, Any]:
    """Find the parameter that a cell needs, and store how.

    The score is the mean over the validation items of the dataset, measured with the first seed. A range is searched
    on a logarithmic scale from its middle, downhill in half decades and then by golden sections; of given values all
    are tried. A value whose solve diverges, or reaches the time limit, scores worst.

    Raises
    ------
    StoreError
        If nothing can be written.
    """
    settings = engine.spec.combinations[cell.place].method.tune
    assert settings is not None
    trials = _Trials(engine, cell)
    error = value = None
    try:
        value, met = _search(settings, trials)
    except (StoreError, KeyboardInterrupt, Interrupted):
        raise
    except Exception as problem:
        met = False
        error = {"sentence": " ".join(str(problem).split()), "traceback": "".join(traceback.format_exception(problem))}
    record = _record(engine, cell, trials, trials.start) | {"value": value, "inside": met, "error": error}
    engine.store.save_tuning(record)
    return record


def _record(engine: Engine, cell: Cell, trials: _Trials, start: float) -> dict[str, Any]:
    settings = engine.spec.combinations[cell.place].method.tune
    assert settings is not None
    return {
        "format": FORMAT,
        "key": cell.tuning,
        "dataset": cell.dataset,
        "operator": cell.operator,
        "noise": cell.noise,
        "method": cell.method,
        "parameter": settings.name,
        "value": None,
        "inside": False,
        "metric": trials.metric,
        "tried": sorted([lam, score] for lam, score in trials.tried.items()),
        "items": [ref.id for ref in engine.plan.validation(cell.place)],
        "seed": engine.spec.seeds[0],
        "seconds": time.perf_counter() - start,
        "error": None,
        "finished": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }


def _search(settings: Tune, trials: _Trials) -> tuple[float, bool]:
    """The best value, and whether it lies inside the range rather than at an end of it."""
    if settings.values:
        for value in settings.values:
            trials.score(value)
    else:
        low, high = log(settings.low), log(settings.high)

        def evaluate(_: list[int], points: list[float]) -> list[float]:
            return [trials.score(exp(t)) if low <= t <= high else inf for t in points]

        steps: Search = minimum((low + high) / 2, trials.tol, trials.most, reach=high - low)
        run_all([steps], evaluate)
    best = min(trials.tried, key=lambda value: trials.tried[value])
    if trials.tried[best] == inf:
        raise ValueError(f"no value of {settings.name} that was tried gives a reconstruction.")
    tried = sorted(trials.tried)
    return best, best not in (tried[0], tried[-1])


class _Trials:
    """Scores of values, less being better."""

    def __init__(self, engine: Engine, cell: Cell) -> None:
        self.engine, self.cell, self.start = engine, cell, time.perf_counter()
        options = engine.spec.tuning.params
        self.metric, self.tol, self.most = options["metric"], options["tol"], options["max_solves"]
        self.tried: dict[float, float] = {}

    def score(self, value: float) -> float:
        """The mean over the validation items, the negative of what is to be large."""
        if value not in self.tried:
            total = 0.0
            for ref in self.engine.plan.validation(self.cell.place):
                total += self._one(value, ref)
                if total == inf:
                    break
            self.tried[value] = total / len(self.engine.plan.validation(self.cell.place))
        return self.tried[value]

    def _one(self, value: float, ref: Any) -> float:
        engine, place, seed = self.engine, self.cell.place, self.engine.spec.seeds[0]
        key = engine.plan.measurement_key(place, ref, seed)
        item = engine.measurements.get(place, ref, seed, key)
        if item.truth is None:
            raise DataError(f"{item.source} has no truth, by which a parameter could be found.")
        tools = engine.tools.get(place, value)
        bench = tools.seeded(seed)
        try:
            with translated(bench.device, 1), engine.guard(self._give_up):
                posed = bench.pose([tools.workshop.case(item)])
                posed = replace(posed, solver=limited(posed.solver, engine.spec.limits.params["seconds"]))
                solved = bench.collect(posed, bench.answer(posed), 0.0)[0]
        except (TimeLimit, MemoryLimit):
            return inf
        if solved.reason in (Reason.DIVERGED, Reason.TIME_LIMIT):
            return inf
        if self.metric == "mse":
            return _mse(solved)
        found, _, notes = scores([self.metric], solved, posed.problem, tools.workshop.simulated)
        if self.metric not in found:
            raise DataError(" ".join(notes))
        return -found[self.metric] if self.metric in HIGHER else found[self.metric]

    def _give_up(self, status: str) -> None:
        """Record that the search hangs, and end the process that it holds."""
        error = self.engine.limit(status, hangs=True).error
        try:
            self.engine.store.save_tuning(_record(self.engine, self.cell, self, self.start) | {"error": error})
        finally:
            self.engine.leave()


def _mse(solved: Solved) -> float:
    item = solved.case.item
    assert item.truth is not None
    difference = item.restored(solved.image) - item.restored(item.truth)
    return float(difference.abs().double().square().mean())
