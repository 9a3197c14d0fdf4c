"""Running a job from the command line."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.config.resolve import JobSpec, load_job

if TYPE_CHECKING:
    from rich.console import Console

    from recon.run.job import Summary


def reconstruct_command(
    file: Path,
    overrides: Sequence[str],
    out: Path | None,
    *,
    quiet: bool,
    as_json: bool,
    debug: bool,
    workers: int | None = None,
    cluster: str | None = None,
) -> int:
    """Check the job, run it, and say what became of it; the exit code."""
    job = load_job(file, overrides, out)
    spread = workers is not None or cluster is not None

    from rich.console import Console

    from recon.run.job import run_job
    from recon.run.reporter import Bar, Lines, Reporter

    console = Console(soft_wrap=False)
    silent = quiet or as_json
    reporter = Reporter() if silent else Bar(console) if console.is_terminal else Lines(console)
    command = again(file, overrides, out, workers, cluster)
    try:
        if spread:
            from recon.run.spread import spread_job

            summary = spread_job(job, reporter, workers, cluster)
        else:
            summary = run_job(job, reporter, debug=debug)
    except KeyboardInterrupt:  # before the first item or after the last
        print(f"Interrupted. To continue:\n  {command}", file=sys.stderr)
        return 130
    if as_json:
        print(json.dumps(_report(job, summary), indent=2, ensure_ascii=False))
    elif not quiet:
        _print_table(console, summary)
        console.print(f"Results in {job.folder}", highlight=False, markup=False, soft_wrap=True)
    if summary.exit_code == 2:
        print(_why(summary.records[0]), file=sys.stderr)
    elif silent:
        for record in summary.failed:
            print(f"{record['id']}: {_why(record)}", file=sys.stderr)
    if summary.interrupted:
        done = sum(record["status"] == "done" for record in summary.records)
        print(f"Interrupted: {done} of {summary.total} items are done. To continue:", file=sys.stderr)
        print(f"  {command}", file=sys.stderr)
    return summary.exit_code


def again(
    file: Path, overrides: Sequence[str], out: Path | None, workers: int | None = None, cluster: str | None = None
) -> str:
    """The command that continues an interrupted run."""
    words = ["recon", "reconstruct", str(file)]
    for text in overrides:
        words += ["--set", text]
    if out is not None:
        words += ["--out", str(out)]
    if workers is not None:
        words += ["--workers", str(workers)]
    if cluster is not None:
        words += ["--cluster", cluster]
    return shlex.join(words)


def _report(job: JobSpec, summary: Summary) -> dict[str, Any]:
    keys = ("id", "status", "reason", "kind", "iterations", "seconds", "metrics", "error", "files")
    items = [
        {**{key: record[key] for key in keys if key in record}, "skipped": record["id"] in summary.skipped}
        for record in summary.records
    ]
    return {
        "folder": str(job.folder),
        "total": summary.total,
        "done": summary.total - len(summary.failed) if not summary.interrupted else len(items) - len(summary.failed),
        "failed": len(summary.failed),
        "skipped": len(summary.skipped),
        "interrupted": summary.interrupted,
        "items": items,
    }


def _why(record: Any) -> str:
    return str(record.get("error") or record.get("sentence"))


def _print_table(console: Console, summary: Summary) -> None:
    """One row per item: why it stopped, after how much work, and how good it is where the truth is known."""
    from rich.table import Table

    known = any(record.get("metrics") for record in summary.records)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("item", overflow="fold")
    table.add_column("reason")
    for heading in ("iterations", "seconds", *(("PSNR dB", "first guess dB") if known else ())):
        table.add_column(heading, justify="right")
    for record in summary.records:
        reason = record.get("reason", "failed")
        if record["id"] in summary.skipped:
            reason += ", done before"
        metrics = record.get("metrics") or {}
        scores = [metrics.get("psnr"), metrics.get("first_guess_psnr")] if known else []
        table.add_row(
            record["id"],
            reason,
            str(record.get("iterations", "")),
            f"{record['seconds']:.3g}" if "seconds" in record else "",
            *("" if score is None else f"{float(score):.2f}" for score in scores),
        )
    console.print(table, highlight=False)
