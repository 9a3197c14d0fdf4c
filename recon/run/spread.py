"""A job spread over workers, which leave their results where one process would."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recon.config.errors import ConfigError
from recon.config.resolve import JobSpec
from recon.run.cluster import prepare, workers
from recon.run.devices import device_of
from recon.run.job import Summary, item_refs, run_job
from recon.run.reporter import Reporter
from recon.run.save import Shelf

PARTS = 8
"""Parts that each worker gets, so that the last ones end at about the same time."""


class Prepare:
    """Makes workers ready."""

    name = "recon-prepare"
    idempotent = True

    def setup(self, worker: Any) -> None:
        """Called by dask on each worker."""
        prepare(worker)

    def teardown(self, worker: Any) -> None:
        """Called by dask when a worker ends."""


def solve_items(job: JobSpec, ids: Sequence[str], directory: Path) -> Summary:
    """What a worker does with some items; those that another worker had finished before it died are skipped."""
    if directory.is_dir():
        os.chdir(directory)
    return run_job(job, Reporter(), only=set(ids))


def spread_job(job: JobSpec, reporter: Reporter, count: int | None, where: str | None) -> Summary:
    """Reconstruct every item of a job that has not been done already, with workers.

    See :func:`recon.run.cluster.workers`. Items that several workers die of are recorded as failed; since workers die
    with other items in hand too, such items are tried once more at the end, one at a time.

    Raises
    ------
    ConfigError
        If the job cannot run at all, or there are no such workers.
    """
    device = device_of(job)
    refs = item_refs(job)
    Shelf(job, device).open()
    summary, here = Summary(total=len(refs)), Path.cwd()
    with workers(count, where) as client:
        from distributed import as_completed
        from distributed.diagnostics.plugin import WorkerPlugin

        client.register_plugin(type("PrepareWorker", (Prepare, WorkerPlugin), {})())
        number = len(client.scheduler_info(n_workers=-1)["workers"]) or 1
        size = max(job.batch_size, len(refs) // (PARTS * number))
        ids = [ref.id for ref in refs]
        parts = [ids[start : start + size] for start in range(0, len(ids), size)]
        reporter.start(len(refs))
        try:
            tasks = {client.submit(solve_items, job, part, here, pure=False): part for part in parts}
            waiting, suspects = as_completed(list(tasks)), []
            for future in waiting:
                part = tasks.pop(future)
                if future.status == "finished":
                    _add(summary, future.result(), reporter)
                elif isinstance(future.exception(), ConfigError):
                    raise future.exception()
                elif len(part) > 1:
                    again = {client.submit(solve_items, job, [one], here, pure=False): [one] for one in part}
                    tasks |= again
                    waiting.update(list(again))
                else:
                    suspects += part
            for one in suspects:
                future = client.submit(solve_items, job, [one], here, pure=False)
                error = future.exception()
                if error is None:
                    _add(summary, future.result(), reporter)
                else:
                    _fail(job, summary, one, error, reporter)
        except KeyboardInterrupt:
            summary.interrupted = True
        finally:
            reporter.stop()
    order = {name: place for place, name in enumerate(ids)}
    summary.records.sort(key=lambda record: order[record["id"]])
    return summary


def _add(summary: Summary, part: Summary, reporter: Reporter) -> None:
    for record in part.records:
        summary.records.append(record)
        reporter.item(record, skipped=record["id"] in part.skipped)
    summary.skipped |= part.skipped
    summary.misconfigured |= part.misconfigured


def _fail(job: JobSpec, summary: Summary, item: str, error: BaseException, reporter: Reporter) -> None:
    source = next(ref.source for ref in item_refs(job) if ref.id == item)
    reason = "several workers died of it" if type(error).__name__ == "KilledWorker" else " ".join(str(error).split())
    record = Shelf(job, device_of(job)).fail(item, source, "", f"{reason}.")
    summary.records.append(record)
    reporter.item(record)
