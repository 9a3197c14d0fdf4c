"""Solves cells, one after the other, in one process."""

from __future__ import annotations

import time
import traceback
import weakref
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from math import isfinite
from typing import Any

import torch

from recon.bench.atomic import StoreError
from recon.bench.guard import MemoryLimit, TimeLimit, guarded
from recon.bench.kept import arrays_of, of_samples
from recon.bench.machine import device_name, machine
from recon.bench.measurements import Measurements
from recon.bench.plan import Plan
from recon.bench.scores import scores
from recon.bench.store import FORMAT, Cell, Store
from recon.bench.timing import Timed, timed
from recon.bench.tools import Toolbox
from recon.bench.writer import Writer
from recon.config.errors import ConfigError
from recon.config.grid import BenchSpec, seedless
from recon.config.values import StopSpec, plain
from recon.files import DataError
from recon.reports.panels import Array
from recon.run.errors import Interrupted, ItemError, out_of_memory, translated
from recon.solvers import Reason

PREPARATION = 60.0
"""Seconds that reading, measuring and compiling may take beyond the limit of a solve."""
GIB = 2**30
_SAID = (ConfigError, DataError, ItemError, TypeError, ValueError)
"""Errors whose message is a sentence."""


@dataclass(frozen=True)
class Failure:
    """How a cell ended that has no result."""

    status: str
    sentence: str
    trace: str

    @property
    def error(self) -> dict[str, str]:
        """As records hold it."""
        return {"sentence": self.sentence, "traceback": self.trace}


class Engine:
    """Solves the cells of a benchmark and stores what came out.

    Parameters
    ----------
    leave
        Ends the process; called after the record of a cell has been written that hangs and cannot be interrupted.
    writer
        Writes the results of a cell while the next one is solved; None to wait for them.
    """

    def __init__(self, spec: BenchSpec, store: Store, leave: Callable[[], None], writer: Writer | None = None) -> None:
        self.spec, self.store, self.leave, self.writer = spec, store, leave, writer
        self.plan = Plan(spec)
        self.measurements = Measurements(self.plan, store, writer)
        self.tools = Toolbox(spec)
        self.warmed: dict[int, Callable[[], Any]] = {}
        self._configs: dict[int, Any] = {}

    def run(self, cell: Cell) -> dict[str, Any]:
        """Solve a cell and store its record, which is returned.

        Whatever goes wrong with the cell is part of the record.

        Raises
        ------
        StoreError
            If nothing can be written.
        Interrupted
            If the solver was interrupted.
        """
        self.store.claim(cell.key)
        arrays: Mapping[str, Array] = {}
        try:
            record, arrays = self._solve(cell)
        except (StoreError, KeyboardInterrupt, Interrupted):
            self.store.release(cell.key)
            raise
        except BaseException as error:
            record = self.blank(cell) | self._failed(error)
        self.store.save(record, arrays, self.writer)
        return record

    def _solve(self, cell: Cell) -> tuple[dict[str, Any], dict[str, Array]]:
        give_up, value = partial(self._give_up, cell), self._value(cell)
        start = time.perf_counter()
        with self.guard(give_up, PREPARATION):
            item = self.measurements.of(cell)
            tools = self.tools.get(cell.place, value)
            case = tools.workshop.case(item)
        load = time.perf_counter() - start
        timing, most = self.spec.timing.params, self.spec.limits.params["seconds"]
        warmed = self.warmed.get(cell.place, lambda: None)() is case.operator
        warm_up = 0 if warmed else timing["warm_up"]
        with translated(self.tools.device, 1):
            done = timed(tools.seeded(cell.seed), case, timing["repeats"], warm_up, most, partial(self.guard, give_up))
        self.warmed[cell.place] = weakref.ref(case.operator)
        own = tools.job.solver.params.get("stop") if hasattr(tools.job.solver, "params") else None
        record = self.blank(cell, value) | self._described(done, own)
        record["seconds"]["load"] = load
        simulated = tools.workshop.simulated
        found, span, notes = scores(self.spec.metrics, done.solved, done.posed.problem, simulated)
        record |= {"metrics": found, "data_range": span, "notes": notes, "samples": of_samples(done.solved)}
        return record, arrays_of(done.solved)

    def _value(self, cell: Cell) -> float | None:
        """The value of the parameter that is to be found, which is done first where it has not been."""
        if not cell.tuning:
            return None
        found = self.store.tuning(cell.tuning)
        if found is None:
            from recon.bench.tuning import tune

            found = tune(self, cell)
        if found["error"] is not None:
            raise ValueError(f"{found['parameter']} could not be found: {found['error']['sentence']}")
        return float(found["value"])

    def guard(self, give_up: Callable[[str], None], more: float = 0.0) -> AbstractContextManager[None]:
        """The benchmark's limits, with ``more`` seconds; ``give_up`` as of :func:`recon.bench.guard.guarded`."""
        limits = self.spec.limits.params
        seconds, memory = limits["seconds"], limits["memory"]
        return guarded(None if seconds is None else seconds + more, None if memory is None else memory * GIB, give_up)

    def _give_up(self, cell: Cell, status: str) -> None:
        """Record a cell that hangs, and end the process that it holds."""
        record = self.blank(cell) | {"status": status, "error": self.limit(status, hangs=True).error}
        try:
            if self.writer is not None:
                self.writer.flush()
            self.store.save(record, {})
        finally:
            self.leave()

    # ---------------------------------------------------------------- records

    def blank(self, cell: Cell, value: float | None = None) -> dict[str, Any]:
        """What is known of a cell before it is solved."""
        device = self.tools.device
        return {
            "format": FORMAT,
            "key": cell.key,
            "slot": cell.slot,
            "status": "failed",
            "dataset": cell.dataset,
            "item": cell.item,
            "operator": cell.operator,
            "noise": cell.noise,
            "method": cell.method,
            "seed": cell.seed,
            "config": self._config(cell.place),
            "tuned": None if value is None else self._tuned(cell, value),
            "measurement": cell.measurement,
            "metrics": {},
            "data_range": None,
            "notes": [],
            "iterations": None,
            "reason": None,
            "gap": None,
            "seconds": None,
            "memory": None,
            "calls": {},
            "samples": None,
            "device": device_name(str(device)),
            "machine": machine(),
            "threads": torch.get_num_threads(),
            "error": None,
            "finished": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "history_keys": [],
        }

    def _tuned(self, cell: Cell, value: float) -> dict[str, Any]:
        tune = self.spec.combinations[cell.place].method.tune
        return {"key": cell.tuning, "parameter": "" if tune is None else tune.name, "value": value}

    def _config(self, place: int) -> Any:
        if place not in self._configs:
            job = seedless(self.spec.combinations[place].job)
            names = (
                "input",
                "preprocess",
                "operator",
                "noise",
                "fidelity",
                "prior",
                "solver",
                "samples",
                "chunk",
                "dtype",
            )
            self._configs = {**dict(list(self._configs.items())[-63:]), place: {name: job[name] for name in names}}
        return self._configs[place]

    def _described(self, done: Timed, own: Any) -> dict[str, Any]:
        """What a solve says of itself; ``own`` is the method's own stopping rule."""
        solved, most = done.solved, self.spec.limits.params["seconds"]
        allowed = own.limits.get("seconds") if isinstance(own, StopSpec) else None
        late = solved.reason is Reason.TIME_LIMIT and most is not None and (allowed is None or allowed > most)
        status = "diverged" if solved.reason is Reason.DIVERGED else "timeout" if late else "ok"
        error = {"sentence": self.limit("timeout", hangs=False).sentence, "traceback": ""} if late else None
        if status == "diverged":
            error = {"sentence": solved.reason.sentence, "traceback": ""}
        return {
            "status": status,
            "iterations": solved.iterations,
            "reason": solved.reason.value,
            "gap": _last(solved.history.get("relative_gap")),
            "solver": type(solved.solver).__name__,
            "kind": solved.solver.kind,
            "chosen_because": solved.why or None,
            "lam": solved.weight,
            "seconds": dict(done.seconds),
            "memory": done.memory,
            "calls": done.calls,
            "error": error,
            "finished": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "history_keys": sorted(solved.history),
        }

    def _failed(self, error: BaseException) -> dict[str, Any]:
        """Status and error of a cell that ended in an exception."""
        trace = "".join(traceback.format_exception(error))
        if isinstance(error, TimeLimit | MemoryLimit):
            found = self.limit("timeout" if isinstance(error, TimeLimit) else "out_of_memory", hangs=False, trace=trace)
        else:
            full = any(out_of_memory(one) for one in (error, error.__cause__) if one is not None)
            text = " ".join(str(error).split()) or "no message"
            text = text if isinstance(error, _SAID) else f"{type(error).__name__}: {text}"
            found = Failure("out_of_memory" if full else "failed", text, trace)
        return {"status": found.status, "error": found.error}

    def limit(self, status: str, *, hangs: bool, trace: str = "") -> Failure:
        """How a cell ended that reached a limit."""
        limits = plain(self.spec.limits)
        if status == "timeout":
            sentence = f"the limit of {limits['seconds']:g} s was reached"
        else:
            sentence = f"the limit of {limits['memory']:g} GiB was reached"
        end = "; the method could not be interrupted, and its process was ended." if hangs else "."
        return Failure(status, sentence + end, trace)


def _last(values: torch.Tensor | None) -> float | None:
    finite = [] if values is None else [value for value in values.tolist() if isfinite(value)]
    return finite[-1] if finite else None
