"""A run done by workers, which know each other through the run's folder only."""

from __future__ import annotations

import os
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from recon.bench.atomic import StoreError
from recon.bench.engine import Engine
from recon.bench.run import Opened, Summary, groups, line_of
from recon.bench.store import Cell, Store
from recon.bench.tuning import tune
from recon.config.grid import BenchSpec
from recon.run.cluster import RESTARTS, prepare, workers
from recon.run.reporter import Reporter

GIVEN_UP = 75
"""Exit code of a worker that leaves a cell which hangs; its nanny starts another."""
ROUNDS = 4
"""Tasks per worker from which the methods of a measurement are one task rather than one each."""


class Bring:
    """What every worker is given when it starts: the benchmark, and from it an engine, under a name of its own."""

    def __init__(self, spec: BenchSpec, folder: Path) -> None:
        self.spec, self.folder, self.directory = spec, folder, Path.cwd()
        self.name = f"recon-bench-{uuid4().hex}"

    def setup(self, worker: Any) -> None:
        """Called by dask on each worker."""
        prepare(worker)
        if self.directory.is_dir():
            os.chdir(self.directory)
        engine = Engine(self.spec, Store(self.folder), lambda: os._exit(GIVEN_UP))
        worker.recon_engines = {**getattr(worker, "recon_engines", {}), self.name: (engine, self.directory)}

    def teardown(self, worker: Any) -> None:
        """Called by dask when the run or the worker ends."""
        getattr(worker, "recon_engines", {}).pop(self.name, None)


def _engine(name: str) -> Engine:
    from distributed import get_worker

    engine: Engine
    engine, directory = get_worker().recon_engines[name]
    if directory.is_dir():
        os.chdir(directory)
    return engine


def find_parameter(name: str, cell: Cell) -> None:
    """Find what a cell has to have found before it, with the engine of that name."""
    engine = _engine(name)
    if engine.store.tuning(cell.tuning) is None:
        tune(engine, cell)


def solve_cells(name: str, cells: Sequence[Cell], before: Any) -> list[str]:
    """Solve those of some cells that nobody has solved yet; their keys. ``before`` is what dask waits for."""
    engine = _engine(name)
    for cell in cells:
        if engine.store.record(cell.key) is None:
            engine.run(cell)
    return [cell.key for cell in cells]


def run_on_cluster(run: Opened, reporter: Reporter, count: int | None, where: str | None) -> Summary:
    """Do what is left of a run with workers; see :func:`recon.run.cluster.workers`.

    A worker that dies is replaced and its task given to another, which leaves out what had been done. A cell of which
    several workers die is recorded as failed.

    Raises
    ------
    ConfigError
        If there are no such workers.
    """
    summary = run.summary
    with workers(count, where) as client:
        from distributed.diagnostics.plugin import WorkerPlugin

        plugin = type("BringBenchmark", (Bring, WorkerPlugin), {})(run.spec, run.store.folder.absolute())
        client.register_plugin(plugin)
        reporter.start(summary.total)
        reporter.skipped(summary.before)
        try:
            _Crew(run, client, plugin.name, reporter).work()
            client.unregister_worker_plugin(plugin.name)
        except KeyboardInterrupt:
            summary.interrupted = True
        except StoreError as error:
            summary.stopped = str(error)
        finally:
            reporter.stop()
    return summary


class _Crew:
    """The tasks of a run and what comes of them."""

    def __init__(self, run: Opened, client: Any, name: str, reporter: Reporter) -> None:
        self.run, self.client, self.name, self.reporter = run, client, name, reporter
        self.tasks: dict[Any, list[Cell]] = {}
        self.submitted = 0
        self.doubts = Counter[str]()
        for key in run.store.claims():
            if not run.store.taken(key):
                run.store.release(key)

    def work(self) -> None:
        """Hand out all tasks, and take what comes back until nothing is left."""
        from distributed import as_completed

        found: dict[str, Any] = {}
        for cell in self.run.todo:
            if cell.tuning and cell.tuning not in found:
                key = f"tune-{cell.tuning}-{self.name}"
                found[cell.tuning] = self.client.submit(find_parameter, self.name, cell, key=key, pure=False)
        for cells in self._parts():
            self._submit(cells, [found[cell.tuning] for cell in cells if cell.tuning])
        waiting = as_completed(list(self.tasks))
        for future in waiting:
            cells = self.tasks.pop(future)
            if future.status == "finished":
                self._note(cells)
            else:
                for again in self._failed(cells, future):
                    waiting.add(again)

    def _parts(self) -> list[list[Cell]]:
        parts = list(groups(self.run.todo))
        number = len(self.client.scheduler_info(n_workers=-1)["workers"]) or 1
        return parts if len(parts) >= ROUNDS * number else [[cell] for cell in self.run.todo]

    def _submit(self, cells: list[Cell], before: Sequence[Any]) -> Any:
        self.submitted += 1
        key = f"solve-{cells[0].key}-{self.name}-{self.submitted}"
        future = self.client.submit(solve_cells, self.name, cells, before, key=key, pure=False)
        self.tasks[future] = cells
        return future

    def _note(self, cells: Sequence[Cell]) -> None:
        for cell in cells:
            record = self.run.store.record(cell.key)
            if record is not None:
                self.run.summary.statuses[record["status"]] += 1
                self.reporter.item(line_of(record))

    def _failed(self, cells: list[Cell], future: Any) -> list[Any]:
        """Tasks in place of one that failed: its cells one by one, or none where it was a single one.

        Workers also die with cells in hand that they have not begun, of which they leave no claim: those are not to
        blame.
        """
        error = future.exception()
        if isinstance(error, StoreError):
            raise error
        left = [cell for cell in cells if self.run.store.record(cell.key) is None]
        self._note([cell for cell in cells if cell not in left])
        killed = type(error).__name__ == "KilledWorker"
        if len(cells) > 1:
            return [self._submit([cell], []) for cell in left]
        if killed and left and left[0].key not in self.run.store.claims() and self.doubts[left[0].key] < RESTARTS:
            self.doubts[left[0].key] += 1
            return [self._submit(left, [])]
        for cell in left:
            sentence = f"the worker died {RESTARTS} times of this cell."
            if not killed:
                sentence = f"the worker failed: {' '.join(str(error).split())}"
            trace = "".join(traceback.format_exception(error))
            self.run.store.save(self._record(cell, sentence, trace), {})
        self._note(left)
        return []

    def _record(self, cell: Cell, sentence: str, trace: str) -> dict[str, Any]:
        engine = Engine(self.run.spec, self.run.store, lambda: None)
        return engine.blank(cell) | {"status": "failed", "error": {"sentence": sentence, "traceback": trace}}
