"""A whole job: item after item, batch after batch, with everything that can go wrong on the way."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from recon.config.errors import ConfigError
from recon.config.resolve import JobSpec
from recon.files import DataError, Item, ItemRef
from recon.run.angles import in_radians
from recon.run.build import Surroundings, build
from recon.run.devices import device_of
from recon.run.errors import Interrupted, ItemError
from recon.run.imports import import_foreign
from recon.run.keys import item_key, job_key
from recon.run.prepare import Case, Workshop
from recon.run.reporter import Reporter
from recon.run.save import Shelf
from recon.run.scans import with_scan
from recon.run.solve import Bench

MISSED = 10.0
"""Data consistency from which samples are said to miss the data."""


@dataclass
class Summary:
    """What became of a job.

    Attributes
    ----------
    records
        One sidecar's content per item, in order; items that an interrupt kept from being looked at are missing.
    skipped
        Ids of the items that had been done before.
    total
        How many items there are.
    interrupted
        Whether the run was told to stop.
    misconfigured
        Ids of the items that failed because of the job rather than of their data.
    """

    records: list[Mapping[str, Any]] = field(default_factory=list)
    skipped: set[str] = field(default_factory=set)
    total: int = 0
    interrupted: bool = False
    misconfigured: set[str] = field(default_factory=set)

    @property
    def failed(self) -> list[Mapping[str, Any]]:
        """Items without a good result."""
        return [record for record in self.records if record["status"] != "done"]

    @property
    def exit_code(self) -> int:
        """0 all done, 1 some items failed, 2 every item failed because of the job, 130 interrupted."""
        if self.interrupted:
            return 130
        if self.records and len(self.misconfigured) == len(self.records):
            return 2
        return 1 if self.failed else 0


def run_job(job: JobSpec, reporter: Reporter, *, debug: bool = False, only: Collection[str] | None = None) -> Summary:
    """Reconstruct every item of a job that has not been done already.

    Parameters
    ----------
    debug
        Let the first error of an item through instead of recording it.
    only
        Ids of the items to look at; all where nothing is said.

    Raises
    ------
    ConfigError
        If the job cannot run at all.
    """
    return _Run(job, reporter, debug, only).go()


def item_refs(job: JobSpec) -> list[ItemRef]:
    """The items of a job; a :class:`ConfigError` if there are none."""
    reader = build(import_foreign(job.input), Surroundings())
    try:
        found: list[ItemRef] = reader.items()
    except DataError as error:
        raise ConfigError(job.input.at("path"), str(error)) from error
    return found


class _Run:
    """One run of a job."""

    def __init__(self, job: JobSpec, reporter: Reporter, debug: bool, only: Collection[str] | None) -> None:
        self.job, self.reporter, self.debug = job, reporter, debug
        device = device_of(job)
        around = Surroundings()
        self.steps = [build(import_foreign(step), around) for step in job.preprocess]
        solver = build(import_foreign(job.solver), around)
        self.workshop = Workshop(job, getattr(torch, job.dtype), device)
        self.shelf = Shelf(job, device)
        quantiles = tuple(job.output.params["quantiles"])
        self.bench = Bench(
            solver, device, job.samples, job.solver.mark, job.chunk, quantiles, scratch=self.shelf.folder
        )
        self.refs = [ref for ref in item_refs(job) if only is None or ref.id in only]
        self.shelf.open()
        self.key = job_key(job)
        self.keys: dict[str, str] = {}
        self.waiting: list[Case] = []
        self.said: list[str] = []
        self.summary = Summary(total=len(self.refs))

    def go(self) -> Summary:
        """Everything, in order."""
        self.reporter.start(len(self.refs))
        try:
            for ref in self.refs:
                self._take(ref)
            self._solve_waiting()
        except (KeyboardInterrupt, Interrupted):
            self.summary.interrupted = True
        finally:
            self.reporter.stop()
        order = {ref.id: place for place, ref in enumerate(self.refs)}
        self.summary.records.sort(key=lambda record: order[record["id"]])
        return self.summary

    def _take(self, ref: ItemRef) -> None:
        """Skip an item that is done, else put it with those that wait for a full batch."""
        try:
            self.keys[ref.id] = item_key(self.key, ref)
        except OSError as error:
            self.keys[ref.id] = ""
            self._fail(ref.id, ref.source, DataError(f"{error.filename} cannot be read ({error.strerror})."))
            return
        record = self.shelf.done(ref.id, self.keys[ref.id])
        if record is not None:
            self.summary.skipped.add(ref.id)
            self._note(record, skipped=True)
            return
        try:
            case = self.workshop.case(self._preprocessed(ref))
        except (DataError, ItemError, ConfigError, ValueError, TypeError) as error:
            self._fail(ref.id, ref.source, error)
            return
        except Interrupted:
            raise
        except Exception as error:  # of one item, which the others do not have to pay for
            sentence = " ".join(str(error).split()) or "no message"
            self._fail(ref.id, ref.source, ItemError(f"{type(error).__name__}: {sentence}"), error)
            return
        if self.waiting and self.waiting[0].key != case.key:
            self._solve_waiting()
        self.waiting.append(case)
        if len(self.waiting) >= self.job.batch_size:
            self._solve_waiting()

    def _preprocessed(self, ref: ItemRef) -> Item:
        item = with_scan(in_radians(ref.load(), self.job.operator), self.job.operator)
        for step in self.steps:
            item = step(item)
        return item

    def _solve_waiting(self) -> None:
        cases, self.waiting = self.waiting, []
        if cases:
            self._solve(cases)

    def _solve(self, cases: list[Case]) -> None:
        """Solve a batch; where that fails, its items one by one, so that each has its own result or error."""
        self.reporter.begin([case.item.id for case in cases])
        try:
            solved = self.bench.solve(cases, self.reporter.iteration)
        except (ConfigError, ItemError) as error:
            if len(cases) == 1:
                self._fail(cases[0].item.id, cases[0].item.source, error)
                return
            for case in cases:
                self._solve([case])
            return
        for why in {one.why for one in solved} - {"", *self.said}:
            self.said.append(why)
            self.reporter.chosen(why)
        for one in solved:
            item = one.case.item
            missed = None if one.drawn is None else one.drawn.data_consistency
            if missed is not None and missed > MISSED:
                warnings.warn(
                    f"{item.id}: the samples miss the data by {missed:.3g} times the power of the noise, those of the "
                    "posterior by about 1; take more steps, another solver, or another noise level.",
                    stacklevel=2,
                )
            try:
                self._note(self.shelf.save(one, self.keys[item.id]))
            except (DataError, ValueError, TypeError, OSError) as error:
                self._fail(item.id, item.source, error)

    def _fail(self, item: str, source: str, error: Exception, cause: Exception | None = None) -> None:
        if self.debug:
            raise error from cause
        if isinstance(error, ConfigError):
            self.summary.misconfigured.add(item)
        sentence = " ".join(str(error).split())
        try:
            record = self.shelf.fail(item, source, self.keys[item], sentence)
        except DataError as unwritable:
            record = {"id": item, "status": "failed", "error": f"{sentence} Besides, {unwritable}", "files": []}
        self._note(record)

    def _note(self, record: Mapping[str, Any], *, skipped: bool = False) -> None:
        self.summary.records.append(record)
        self.reporter.item(record, skipped=skipped)
