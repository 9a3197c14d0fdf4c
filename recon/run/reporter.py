"""What a run tells while it goes on: a bar on a terminal, lines elsewhere, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

Record = Mapping[str, Any]


class Reporter:
    """Says nothing; the others say something of what they are told here."""

    def start(self, total: int) -> None:
        """A run over so many items begins."""

    def skipped(self, count: int) -> None:
        """So many items were done before, and are not told one by one."""

    def begin(self, ids: list[str]) -> None:
        """These items are being solved."""

    def iteration(self, number: int, limit: float) -> None:
        """The solver has finished an iteration; ``limit`` is the most there will be."""

    def chosen(self, why: str) -> None:
        """A solver was chosen automatically; said once for each sentence."""

    def item(self, record: Record, *, skipped: bool = False) -> None:
        """An item is finished, has failed, or was done before."""

    def stop(self) -> None:
        """The run is over, one way or another."""


class Lines(Reporter):
    """One plain line per item."""

    def __init__(self, console: Console) -> None:
        self.console, self.total, self.count = console, 0, 0

    def start(self, total: int) -> None:
        self.total = total

    def skipped(self, count: int) -> None:
        self.count += count

    def chosen(self, why: str) -> None:
        _say(self.console, why)

    def item(self, record: Record, *, skipped: bool = False) -> None:
        self.count += 1
        place = f"[{self.count:{len(str(self.total))}d}/{self.total}]"
        self.console.print(f"{place} {line(record, skipped=skipped)}", markup=False, highlight=False, soft_wrap=True)


class Bar(Reporter):
    """A progress bar with rate and time left, and a line for each item that failed."""

    def __init__(self, console: Console) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self.console = console
        self.progress: Progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self.items: TaskID | None = None
        self.steps: TaskID | None = None

    def start(self, total: int) -> None:
        self.items = self.progress.add_task("items", total=total, rate="")
        self.steps = self.progress.add_task("", total=None, visible=False, rate="")
        self.progress.start()

    def skipped(self, count: int) -> None:
        if self.items is not None:
            self.progress.advance(self.items, count)

    def begin(self, ids: list[str]) -> None:
        if self.steps is not None:
            name = ids[0] if len(ids) == 1 else f"{ids[0]} and {len(ids) - 1} more"
            self.progress.reset(self.steps, description=name, total=None, visible=True, rate="")

    def iteration(self, number: int, limit: float) -> None:
        if self.steps is not None:
            total = None if limit == float("inf") else limit
            self.progress.update(self.steps, completed=number, total=total, rate=self._rate(self.steps, "it/s"))

    def chosen(self, why: str) -> None:
        _say(self.console, why)

    def item(self, record: Record, *, skipped: bool = False) -> None:
        if self.items is None:
            return
        self.progress.advance(self.items)
        self.progress.update(self.items, rate=self._rate(self.items, "items/s"))
        if record["status"] != "done":
            self.console.print(line(record), markup=False, highlight=False)

    def _rate(self, task: TaskID, unit: str) -> str:
        speed = self.progress.tasks[self.progress.task_ids.index(task)].speed
        if speed is None:
            return ""
        if speed < 0.1:
            return f"{1 / speed:.3g} s each"
        return f"{speed:.0f} {unit}" if speed >= 100 else f"{speed:.3g} {unit}"

    def stop(self) -> None:
        self.progress.stop()


def _say(console: Console, why: str) -> None:
    console.print(f"Solver chosen: {why}", markup=False, highlight=False, soft_wrap=True)


def line(record: Record, *, skipped: bool = False) -> str:
    """An item in one line."""
    if record["status"] == "failed":
        return f"{record['id']}  failed: {record['error']}"
    if skipped:
        return f"{record['id']}  done before, skipped"
    text = f"{record['id']}  {record['reason']}, {record['iterations']} iterations, {record['seconds']:.3g} s"
    if record.get("lam"):
        text += f", {_weight(record['lam'])}"
    metrics = record["metrics"]
    if "psnr" in metrics:
        text += f", PSNR {metrics['psnr']:.2f} dB"
        if "first_guess_psnr" in metrics:
            text += f" (first guess {metrics['first_guess_psnr']:.2f})"
    return text


def _weight(found: Record) -> str:
    """The λ that was found, and by what."""
    lam = found["lam"]
    numbers = ", ".join(f"{value:.4g}" for value in (lam if isinstance(lam, list) else [lam]))
    missed = "" if found["met"] else ", which it does not meet"
    return f"lam {numbers} by {found['criterion']}{missed} ({found['evaluations']} tried)"
