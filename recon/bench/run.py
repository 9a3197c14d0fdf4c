"""A whole run: what is left to do, done in this process."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recon.bench.atomic import StoreError
from recon.bench.engine import Engine
from recon.bench.machine import environment
from recon.bench.plan import Plan
from recon.bench.store import Cell, Store, label_of
from recon.bench.writer import Writer
from recon.config.errors import ConfigError
from recon.config.grid import BenchSpec
from recon.config.nodes import display
from recon.config.show import to_yaml
from recon.run.devices import device_of
from recon.run.errors import Interrupted
from recon.run.reporter import Reporter

STATUSES = ("ok", "diverged", "timeout", "out_of_memory", "failed")
RETRIED = ("timeout", "out_of_memory", "failed")
"""What ``--retry-failed`` does anew; a divergence is a result."""


@dataclass
class Summary:
    """What became of a run.

    Attributes
    ----------
    total
        How many cells the grid has.
    before
        How many of them had been done.
    stale
        How many had been done by other code, and are done again.
    statuses
        Statuses of all cells that are done, now or before.
    interrupted
        Whether the run was told to stop.
    stopped
        Why the run had to stop, "" where it did not.
    """

    total: int = 0
    before: int = 0
    stale: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    interrupted: bool = False
    stopped: str = ""

    @property
    def exit_code(self) -> int:
        """0 all cells have a result, 1 some have none, 130 interrupted."""
        if self.interrupted:
            return 130
        return 1 if self.stopped or any(self.statuses[status] for status in RETRIED) else 0


@dataclass(frozen=True)
class Opened:
    """A run that is ready to be worked at."""

    spec: BenchSpec
    store: Store
    cells: Sequence[Cell]
    todo: Sequence[Cell]
    summary: Summary


def open_run(spec: BenchSpec, command: str, *, retry_failed: bool = False) -> Opened:
    """Lay out the folder of a run, or take up what is in it.

    Cells that were being worked at when a process died come last, so that one that kills its process does not keep the
    others from being done.

    Raises
    ------
    ConfigError
        If a dataset has no items, the device is not there, or the folder cannot be written.
    """
    device = device_of(spec.combinations[0].job)
    cells = Plan(spec).cells
    store = Store(spec.folder)
    about = {
        "format": 1,
        "name": spec.name,
        "metrics": list(spec.metrics),
        "command": command,
        "environment": environment(device),
    }
    try:
        spec.folder.mkdir(parents=True, exist_ok=True)
        store.begin(about, to_yaml(spec.plain()), cells)
    except (OSError, StoreError) as error:
        mark, folder = spec.output.at("path"), display(spec.folder)
        raise ConfigError(mark, f"nothing can be written to the folder {folder!r}: {error}") from error
    if retry_failed:
        for key in {cell.tuning for cell in cells if cell.tuning}:
            found = store.tuning(key)
            if found is not None and found["error"] is not None:
                store.forget_tuning(key)
    done, statuses = store.finished(), Counter[str]()
    for key in [cell.key for cell in cells if cell.key in done]:
        record = store.record(key)
        if record is None or (retry_failed and record["status"] in RETRIED):
            store.forget(key)
            done.discard(key)
        else:
            statuses[record["status"]] += 1
    others = _slots(store, done - {cell.key for cell in cells})
    todo = [cell for cell in cells if cell.key not in done]
    summary = Summary(len(cells), len(cells) - len(todo), sum(cell.slot in others for cell in todo), statuses)
    claimed = set(store.claims())
    return Opened(spec, store, cells, sorted(todo, key=lambda cell: cell.key in claimed), summary)


def _slots(store: Store, keys: set[str]) -> set[str]:
    records = (store.record(key) for key in keys)
    return {record["slot"] for record in records if record is not None}


def run_bench(run: Opened, reporter: Reporter, leave: Callable[[], None]) -> Summary:
    """Do what is left of a run in this process.

    What another process has finished meanwhile is left out, and what it is working at comes last.

    Parameters
    ----------
    leave
        Ends the process where a cell hangs that cannot be interrupted; the next run goes on behind it.
    """
    summary = run.summary
    reporter.start(summary.total)
    reporter.skipped(summary.before)
    writer = Writer()
    try:
        engine = Engine(run.spec, run.store, leave, writer)
        waiting, put_off = deque(run.todo), set[str]()
        while waiting:
            cell = waiting.popleft()
            record = run.store.record(cell.key)
            if record is None and cell.key not in put_off and run.store.taken(cell.key):
                put_off.add(cell.key)
                waiting.append(cell)
                continue
            if record is None:
                reporter.begin([cell.label])
                record = engine.run(cell)
            summary.statuses[record["status"]] += 1
            reporter.item(line_of(record))
    except (KeyboardInterrupt, Interrupted):
        summary.interrupted = True
    except StoreError as error:
        summary.stopped = str(error)
    finally:
        reporter.stop()
        try:
            writer.close()
        except StoreError as error:
            summary.stopped = str(error)
    return summary


def line_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """A cell's record as reporters print those of items."""
    brief = {"id": label_of(record), "status": "done", "metrics": record["metrics"], "reason": record["reason"]}
    if record["status"] in RETRIED:
        return brief | {"status": "failed", "error": f"{record['status']}: {record['error']['sentence']}"}
    if record["status"] == "diverged":
        brief["status"] = "diverged"
    return brief | {"iterations": record["iterations"], "seconds": record["seconds"]["solve"]}


def groups(cells: Sequence[Cell]) -> Iterator[list[Cell]]:
    """Cells in a row that share a measurement."""
    part: list[Cell] = []
    for cell in cells:
        if part and part[-1].measurement != cell.measurement:
            yield part
            part = []
        part.append(cell)
    if part:
        yield part
