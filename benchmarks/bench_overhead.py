"""What a benchmark run of ten thousand tiny cells costs beyond the solving.

    python -m benchmarks.bench_overhead [--cells 10000] [--many] [--check] [--json]

The method does nothing. Printed are the time of a cell beyond its solve, the resident memory after a tenth of the cells
and after all, and how long it takes to start the finished run again, to watch it, to write its report and to open that
in a browser (Chromium by playwright, where they are installed). ``--many`` spreads the cells over a hundred conditions
instead of one. ``--check`` ends with exit code 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from recon.bench.memory import resident
from recon.bench.run import Opened, open_run, run_bench
from recon.bench.store import Store
from recon.config.grid import load_bench
from recon.reports.benchmark import write_report
from recon.run.reporter import Reporter

GOALS = {"ms per cell": 5.0, "grown MiB": 25.0, "restart s": 10.0, "watch s": 10.0, "report s": 60.0, "open s": 2.0}
"""Most of each figure."""
METHODS = 10
SIDE = 8

SOLVER = """
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from recon.solvers import MaxIter, Rule, Solver


class State(NamedTuple):
    x: Tensor


@dataclass(frozen=True, kw_only=True)
class Nothing(Solver):
    '''Returns the data.'''

    stop: Rule = MaxIter(1)
    number: int = 0

    def init(self, problem, initial=None):
        return State(problem.data)

    def step(self, problem, state):
        return state

    def image(self, state):
        return state.x
"""

BENCH = """\
recon: 1
datasets: [{{id: made, name: numpy, path: data}}]
operators: [identity]
noise: [{{name: gaussian, sigma: {{each: {levels}}}}}]
methods:
  - {{id: nothing, solver: {{name: "nothing.py:Nothing", number: {{each: {numbers}}}}}}}
metrics: [psnr, nmse]
device: cpu
"""


class Sampled(Reporter):
    """Takes the resident memory when a tenth of the cells are done, and at the end."""

    def __init__(self) -> None:
        self.total = self.count = 0
        self.memory: list[int] = []

    def start(self, total: int) -> None:
        self.total = total

    def item(self, record: Mapping[str, Any], *, skipped: bool = False) -> None:
        self.count += 1
        if self.count in (self.total // 10, self.total):
            self.memory.append(resident())


def make(folder: Path, cells: int, conditions: int) -> Path:
    """A benchmark of about so many cells."""
    (folder / "data").mkdir()
    stream = np.random.default_rng(0)
    for number in range(max(1, cells // (METHODS * conditions))):
        np.save(folder / "data" / f"item{number:05d}.npy", stream.random((SIDE, SIDE)).astype(np.float32))
    (folder / "nothing.py").write_text(SOLVER)
    levels = [round(0.1 + number / 1000, 3) for number in range(conditions)]
    file = folder / "bench.yaml"
    file.write_text(BENCH.format(levels=levels, numbers=list(range(METHODS))))
    return file


def opened(file: Path) -> Opened:
    """The run, ready to be worked at."""
    return open_run(load_bench(file), f"recon bench {file.name}")


def measure(folder: Path, cells: int, conditions: int = 1) -> dict[str, float]:
    """All figures of a run made in a folder."""
    file = make(folder, cells, conditions)
    found: dict[str, float] = {}
    start, run = time.perf_counter(), opened(file)
    found["plan s"] = time.perf_counter() - start
    reporter = Sampled()
    start, used = time.perf_counter(), time.process_time()
    summary = run_bench(run, reporter, lambda: os._exit(1))
    wall, used = time.perf_counter() - start, time.process_time() - used
    assert summary.exit_code == 0, summary
    store = Store(run.spec.folder)
    solved = sum(sum(record["seconds"]["all"]) for record in store.records())
    found["cells"] = float(summary.total)
    found["ms per cell"] = 1e3 * (wall - solved) / summary.total
    found["CPU ms per cell"] = 1e3 * (used - solved) / summary.total
    found["grown MiB"] = (reporter.memory[-1] - reporter.memory[0]) / 2**20
    start = time.perf_counter()
    again = run_bench(opened(file), Reporter(), lambda: os._exit(1))
    found["restart s"] = time.perf_counter() - start
    assert again.before == again.total
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "recon", "watch", str(store.folder), "--once"], check=True, capture_output=True
    )
    found["watch s"] = time.perf_counter() - start
    start = time.perf_counter()
    page = write_report(store, store.folder)
    found["report s"] = time.perf_counter() - start
    found["page MiB"] = page.stat().st_size / 2**20
    shown = seconds_to_open(page)
    return found if shown is None else {**found, "open s": shown}


def seconds_to_open(page: Path) -> float | None:
    """Seconds until a browser has loaded and laid out a page; None without a browser."""
    browser = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if browser is None:
        return None
    with sync_playwright() as playwright:
        opened_browser = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        tab = opened_browser.new_page(viewport={"width": 1280, "height": 900})
        start = time.perf_counter()
        tab.goto(page.as_uri(), wait_until="load")
        tab.evaluate("document.body.getBoundingClientRect().height")
        seconds = time.perf_counter() - start
        opened_browser.close()
    return seconds


def main() -> int:
    """Measure, print, and compare with the goals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=10000, help="about how many cells")
    parser.add_argument("--many", action="store_true", help="a hundred conditions instead of one")
    parser.add_argument("--check", action="store_true", help="exit code 1 where a goal is missed")
    parser.add_argument("--json", action="store_true", help="print JSON rather than a table")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        found = measure(Path(folder), given.cells, 100 if given.many else 1)
    if given.json:
        print(json.dumps(found, indent=2))
    else:
        for name, value in found.items():
            goal = f"  (at most {GOALS[name]:g})" if name in GOALS else ""
            print(f"{name:>16s} {value:10.3f}{goal}")
    missed = [name for name, most in GOALS.items() if found.get(name, 0.0) > most]
    if given.check and missed:
        print(f"missed: {', '.join(missed)}", file=sys.stderr)
    return int(given.check and bool(missed))


if __name__ == "__main__":
    sys.exit(main())
