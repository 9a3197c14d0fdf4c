"""Two workers against one on a benchmark whose cells keep a core busy.

    python -m benchmarks.bench_workers [--cells 40] [--repeats 3] [--check] [--json]

Each cell is total variation by PDHG on one thread, half a second to a second. Printed are, for one worker and for two,
the seconds of the whole command and those from the start of the first cell to the end of the last, the best of the
repeats; ``--check`` ends with exit code 1 where two workers are less than 1.7 times as fast by the latter. Needs
recon-imaging[cluster], two cores, and nothing else at work on them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from recon.bench.store import Store

GOAL = 1.7
SIDE = 160
ROOT = Path(__file__).parents[1]

BENCH = """\
recon: 1
datasets: [{id: made, name: numpy, path: data}]
operators: [{name: gaussian_blur, std: 1.5}]
noise: [{name: gaussian, sigma: 0.05}]
methods: [{id: tv, prior: {name: tv, lam: 0.05}, solver: {name: pdhg, stop: {max_iter: ITERATIONS}}}]
metrics: [psnr]
device: cpu
"""


def make(folder: Path, cells: int, iterations: int) -> None:
    """A benchmark of so many cells."""
    (folder / "data").mkdir()
    stream = np.random.default_rng(0)
    for number in range(cells):
        blocks = stream.random((SIDE // 16, SIDE // 16)).repeat(16, 0).repeat(16, 1)
        np.save(folder / "data" / f"item{number:03d}.npy", blocks.astype(np.float32))
    (folder / "bench.yaml").write_text(BENCH.replace("ITERATIONS", str(iterations)))


def measured(folder: Path, name: str, workers: int) -> dict[str, float]:
    """Seconds of the command, of its cells altogether, and of one cell in the middle."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    words = ["-m", "recon", "bench", "bench.yaml", "--quiet", "--out", name, "--workers", str(workers)]
    start = time.perf_counter()
    subprocess.run([sys.executable, *words], cwd=folder, env=environment, check=True)
    command = time.perf_counter() - start
    records = list(Store(folder / name).records())
    ends = [datetime.fromisoformat(record["finished"]).timestamp() for record in records]
    solves = [record["seconds"]["solve"] for record in records]
    begin = min(end - solve for end, solve in zip(ends, solves, strict=True))
    return {"command": command, "cells": max(ends) - begin, "cell": sorted(solves)[len(solves) // 2]}


def main() -> int:
    """Measure, print, and compare with the goal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=40)
    parser.add_argument("--iterations", type=int, default=300, help="iterations of a cell")
    parser.add_argument("--repeats", type=int, default=3, help="measurements of each, of which the best counts")
    parser.add_argument("--check", action="store_true", help="exit code 1 where the goal is missed")
    parser.add_argument("--json", action="store_true", help="print JSON rather than a table")
    given = parser.parse_args()
    best: dict[int, dict[str, float]] = {}
    with TemporaryDirectory() as text:
        folder = Path(text)
        make(folder, given.cells, given.iterations)
        for repeat in range(given.repeats):
            for workers in (1, 2):
                found = measured(folder, f"run-{repeat}-{workers}", workers)
                if workers not in best or found["cells"] < best[workers]["cells"]:
                    best[workers] = found
    ratio = {name: best[1][name] / best[2][name] for name in ("command", "cells")}
    if given.json:
        print(json.dumps({"one": best[1], "two": best[2], "ratio": ratio}, indent=2))
    else:
        print(f"{'':>9s} {'command s':>10s} {'cells s':>10s} {'one cell s':>10s}")
        for workers, found in best.items():
            print(f"{workers:>9d} {found['command']:10.2f} {found['cells']:10.2f} {found['cell']:10.3f}")
        print(f"{'speed-up':>9s} {ratio['command']:10.2f} {ratio['cells']:10.2f}   (at least {GOAL} by cells)")
    return int(given.check and ratio["cells"] < GOAL)


if __name__ == "__main__":
    sys.exit(main())
