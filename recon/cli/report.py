"""The report of a benchmark run from the command line."""

from __future__ import annotations

import json
from pathlib import Path

from recon.config.errors import ConfigError


def report_command(folder: Path, out: Path | None, images: int, *, quiet: bool, as_json: bool) -> int:
    """Write the report of a run, finished or not, and say where it is; exit code 0."""
    from recon.bench.atomic import StoreError
    from recon.bench.store import Store
    from recon.files import DataError
    from recon.reports.benchmark import write_report

    try:
        run = Store.open(folder)
        page = write_report(run, folder if out is None else out, images)
    except (StoreError, DataError) as error:
        raise ConfigError("recon report", str(error)) from None
    done = sum(1 for _ in run.records())
    if as_json:
        print(json.dumps({"report": str(page), "cells": run.expected, "done": done}, indent=2, ensure_ascii=False))
    elif not quiet:
        left = "" if done == run.expected else f"; {run.expected - done} of {run.expected} cells are not done yet"
        print(f"Report in {page}{left}")
    return 0
