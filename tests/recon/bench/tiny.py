"""A benchmark of a few images of 16 × 16 pixels, and its parts in this process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recon.bench.engine import Engine
from recon.bench.plan import Plan
from recon.bench.run import Summary, open_run, run_bench
from recon.bench.store import Store
from recon.config.grid import BenchSpec, load_bench
from recon.run.reporter import Reporter

BENCH = """\
recon: 1
datasets: {name: numpy, path: images, id: images}
operators: {name: gaussian_blur, std: 1}
noise: {name: gaussian, sigma: 0.05}
methods:
  - {id: tv, solver: {name: pdhg, stop: {max_iter: 5}}, prior: {name: tv, lam: 2}}
  - {id: least, solver: {name: cgls, stop: {max_iter: 3}}}
timing: {warm_up: 0}
device: cpu
"""


def squares(number: int, size: int = 16) -> np.ndarray:
    """An image of two squares, from 0 to 1."""
    image = np.zeros((size, size), dtype=np.float32)
    image[3 : 8 + number % 4, 2:9] = 0.5
    image[7:13, 6 : 10 + number % 4] = 1
    return image


def lay_out(folder: Path, count: int = 2, text: str = BENCH) -> Path:
    """The folder with so many images, named 0, 1, ..., and a benchmark of them."""
    (folder / "images").mkdir(exist_ok=True)
    for number in range(count):
        np.save(folder / "images" / f"{number}.npy", squares(number))
    (folder / "bench.yaml").write_text(text)
    return folder


def spec_of(folder: Path, *overrides: str, out: Path | None = None) -> BenchSpec:
    """The benchmark of a folder."""
    return load_bench(folder / "bench.yaml", overrides, out)


def plan_of(folder: Path, *overrides: str) -> Plan:
    """The plan of a folder's benchmark."""
    return Plan(spec_of(folder, *overrides))


def engine_of(folder: Path, *overrides: str) -> Engine:
    """An engine whose results go to ``folder/run``."""
    spec = spec_of(folder, *overrides, out=folder / "run")
    store = Store(spec.folder)
    engine = Engine(spec, store, _refuse)
    store.begin({}, "", engine.plan.cells)
    return engine


def run(folder: Path, *overrides: str, retry_failed: bool = False) -> tuple[Store, Summary]:
    """A whole run in ``folder/run``."""
    opened = open_run(spec_of(folder, *overrides, out=folder / "run"), "recon bench", retry_failed=retry_failed)
    return opened.store, run_bench(opened, Reporter(), _refuse)


def statuses(store: Store) -> Sequence[str]:
    """The statuses of all cells, in the order of the grid."""
    return [record["status"] for record in store.records()]


def _refuse() -> None:
    raise AssertionError("no process is to be left here")
