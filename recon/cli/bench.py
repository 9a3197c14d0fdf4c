"""Running a benchmark from the command line."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from recon.config.grid import BenchSpec, load_bench

if TYPE_CHECKING:
    from rich.console import Console

    from recon.bench.run import Summary
    from recon.bench.store import Store
    from recon.run.reporter import Reporter


@dataclass(frozen=True)
class BenchOptions:
    """The options of ``recon bench``."""

    overrides: Sequence[str] = ()
    out: Path | None = None
    workers: int | None = None
    cluster: str | None = None
    retry_failed: bool = False
    dry_run: bool = False
    quiet: bool = False
    as_json: bool = False


def bench_command(file: Path, options: BenchOptions) -> int:
    """Check the benchmark, run what is left of it, and say what became of it; the exit code."""
    spec = load_bench(file, options.overrides, options.out)

    from rich.console import Console

    console = Console(soft_wrap=False)
    if options.dry_run:
        return _dry_run(spec, console, as_json=options.as_json)

    command = again(file, options)
    try:
        summary = _run(spec, file, options, console)
    except KeyboardInterrupt:  # before the first cell or after the last
        print(f"Interrupted. To continue:\n  {command}", file=sys.stderr)
        return 130
    if summary.interrupted:
        print(f"Interrupted. To continue:\n  {command}", file=sys.stderr)
    if summary.stopped:
        print(summary.stopped, file=sys.stderr)
    return summary.exit_code


def _run(spec: BenchSpec, file: Path, options: BenchOptions, console: Console) -> Summary:
    """Run what is left, and say what became of it."""
    from recon.bench.run import open_run, run_bench
    from recon.run.reporter import Bar, Lines, Reporter

    silent = options.quiet or options.as_json
    reporter: Reporter = Reporter() if silent else Bar(console) if console.is_terminal else Lines(console)
    run = open_run(spec, again(file, options), retry_failed=options.retry_failed)
    if run.summary.stale and not silent:
        were = "was made by other code and is" if run.summary.stale == 1 else "were made by other code and are"
        print(f"{cells(run.summary.stale)} {were} done again.")
    if options.workers is not None or options.cluster is not None:
        from recon.bench.cluster import run_on_cluster

        summary = run_on_cluster(run, reporter, options.workers, options.cluster)
    else:
        summary = run_bench(run, reporter, lambda: _start_over(file, options))
    _tell(spec, summary, options, None if summary.interrupted or summary.stopped else _report(run.store))
    return summary


def again(file: Path, options: BenchOptions) -> str:
    """The command that makes or continues the run."""
    words = ["recon", "bench", str(file)]
    for text in options.overrides:
        words += ["--set", text]
    if options.out is not None:
        words += ["--out", str(options.out)]
    if options.workers is not None:
        words += ["--workers", str(options.workers)]
    if options.cluster is not None:
        words += ["--cluster", options.cluster]
    return shlex.join(words)


def _start_over(file: Path, options: BenchOptions) -> None:
    """Replace this process, of which a thread hangs, by a new one that goes on behind it."""
    words = shlex.split(again(file, options))[1:]
    words += ["--quiet"] * options.quiet + ["--json"] * options.as_json
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", "recon", *words])


def _report(store: Store) -> Path | None:
    """Where the report is; None where it cannot be written, which is said."""
    from recon.files import DataError
    from recon.reports.benchmark import write_report

    try:
        return write_report(store, store.folder)
    except DataError as error:
        print(error, file=sys.stderr)
        return None


def _tell(spec: BenchSpec, summary: Summary, options: BenchOptions, page: Path | None) -> None:
    """Say what became of the cells; where nothing but errors is wanted, how many have no result."""
    from recon.bench.run import RETRIED, STATUSES

    found = {status: summary.statuses[status] for status in STATUSES if summary.statuses[status]}
    counts = ", ".join(f"{number} {status}" for status, number in found.items())
    if options.as_json:
        said = {"folder": str(spec.folder), "report": None if page is None else str(page)}
        said |= {name: getattr(summary, name) for name in ("total", "before", "stale", "interrupted", "stopped")}
        print(json.dumps({**said, "statuses": found}, indent=2, ensure_ascii=False))
    elif not options.quiet:
        before = f", {summary.before} of them done before" if summary.before else ""
        print(f"{cells(summary.total)}{before}: {counts or 'none done'}.")
        print(f"Run in {spec.folder}" if page is None else f"Report in {os.path.normpath(page)}")
    lost = sum(found.get(status, 0) for status in RETRIED)
    if lost and (options.quiet or options.as_json):
        print(f"{lost} of {cells(summary.total)} without a result: {counts}; see {spec.folder}.", file=sys.stderr)


def cells(number: int) -> str:
    """So many cells in words."""
    return f"{number} cell" if number == 1 else f"{number} cells"


def _dry_run(spec: BenchSpec, console: Console, *, as_json: bool) -> int:
    """Print the grid and an estimate."""
    from recon.bench.atomic import finite
    from recon.bench.forecast import forecast

    rows = list(forecast(spec))
    left = sum(row.left for row in rows)
    if as_json:
        found = {
            "cells": sum(row.cells for row in rows),
            "seconds": left,
            "rows": [{**asdict(row), "left": row.left} for row in rows],
        }
        print(json.dumps(finite(found), indent=2, ensure_ascii=False))
        return 0
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("dataset", "operator", "noise", "method"):
        table.add_column(heading, overflow="fold")
    for heading in ("cells", "done", "s each"):
        table.add_column(heading, justify="right")
    for row in rows:
        each = "–" if row.seconds is None else f"{'' if row.measured else '~ '}{row.seconds:.3g}"
        table.add_row(*row.names.values(), str(row.cells), str(row.done), each)
    console.print(table, highlight=False)
    for row in rows:
        if row.error:
            names = row.names
            print(f"{names['method']} on {names['dataset']}, {names['operator']}, {names['noise']}: {row.error}")
    count, done = sum(row.cells for row in rows), sum(row.done for row in rows)
    told = any(not row.measured for row in rows)
    if isfinite(left):
        time = f"about {duration(left)} left in one process{' where all iterations are made' if told else ''}"
    else:
        time = "nothing limits how long they take"
    print(f"{cells(count)}, {done} of them done; {time}. Nothing was written.")
    return 0


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    for size, unit in ((86400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.2g} s"
