"""A run watched from outside."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.config.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Group

    from recon.bench.progress import Progress

STATUSES = ("ok", "diverged", "timeout", "out_of_memory", "failed")


def watch_command(folder: Path, *, every: float, once: bool, as_json: bool) -> int:
    """Show how far a run is until it is done; exit code 0."""
    from recon.bench.atomic import StoreError
    from recon.bench.progress import Progress
    from recon.bench.store import Store

    try:
        progress = Progress(Store.open(folder)).look()
    except StoreError as error:
        raise ConfigError("recon watch", str(error)) from None
    if as_json:
        print(json.dumps(_counts(progress), ensure_ascii=False, indent=2))
        return 0

    from rich.console import Console
    from rich.live import Live

    console = Console()
    start, before = time.monotonic(), progress.done
    if once or not console.is_terminal:
        console.print(_shown(progress, 0.0))
        return 0
    with Live(_shown(progress, 0.0), console=console, auto_refresh=False) as live:
        while progress.done < progress.total:
            time.sleep(every)
            progress.look()
            rate = (progress.done - before) / (time.monotonic() - start)
            live.update(_shown(progress, rate), refresh=True)
    return 0


def _counts(progress: Progress) -> dict[str, Any]:
    methods = {method: dict(count) for method, count in progress.statuses.items()}
    return {"total": progress.total, "done": progress.done, "methods": methods, "working": progress.working}


def _shown(progress: Progress, rate: float) -> Group:
    from rich.console import Group
    from rich.padding import Padding
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    from recon.cli.bench import duration

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("method", overflow="fold")
    shown = [status for status in STATUSES if any(count[status] for count in progress.statuses.values())]
    for heading in ("cells", *shown, "mean PSNR dB"):
        table.add_column(heading, justify="right")
    for method, count in progress.statuses.items():
        values = progress.psnr.get(method)
        mean = f"{sum(values) / len(values):.2f}" if values else "–"
        table.add_row(method, str(count["all"]), *(str(count[status]) for status in shown), mean)
    left = f", {duration((progress.total - progress.done) / rate)} left" if rate else ""
    words = Text(f"{progress.store.name}: {progress.done} of {progress.total} cells{left}")
    working = [Text(f"at work: {label}", style="dim") for label in progress.working[:8]]
    bar = Padding(ProgressBar(total=max(1, progress.total), completed=progress.done), (0, 0, 1, 0))
    return Group(words, bar, table, *working)
