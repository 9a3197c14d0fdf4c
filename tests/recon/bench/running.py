"""Benchmarks of tiny cells, run in processes of their own and looked at from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from recon.bench.store import Store
from recon.reports.benchmark.ranking import rankings
from recon.reports.benchmark.tables import as_csv

ROOT = Path(__file__).parents[3]

SOLVERS = """
import ctypes
import os
import signal
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from recon.solvers import MaxIter, Rule, Solver


class State(NamedTuple):
    x: Tensor


def once(name):
    '''Whether this is the first call for a name, in all processes.'''
    try:
        os.close(os.open(name, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


@dataclass(frozen=True, kw_only=True)
class Logged(Solver):
    '''Landweber's iteration, which writes down in solved.log what it is started for.'''

    stop: Rule = MaxIter(3)
    step_size: float = 0.5
    pause: float = 0.0

    def init(self, problem, initial=None):
        if self.stop.max_iter == 3:  # rather than warming up
            self.note(problem)
        return State(problem.operator.adjoint(problem.data))

    def note(self, problem):
        line = f"{self.step_size} {zlib.crc32(problem.data.numpy().tobytes())}\\n"
        log = os.open("solved.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(log, line.encode())
        os.close(log)

    def step(self, problem, state):
        time.sleep(self.pause)
        left = problem.data - problem.operator(state.x)
        return State(state.x + self.step_size * problem.operator.adjoint(left))

    def image(self, state):
        return state.x


@dataclass(frozen=True, kw_only=True)
class Marked(Logged):
    '''Does something else to data whose first number is above 50.'''

    def step(self, problem, state):
        if self.stop.max_iter == 3 and float(problem.data.flatten()[0]) > 50:
            self.act()
        return super().step(problem, state)

    def act(self):
        raise ValueError("the item is marked")


class Sleeps(Marked):
    '''Hangs in Python.'''

    def act(self):
        while True:
            time.sleep(0.01)


class Stuck(Marked):
    '''Hangs in C, in a thread that no signal reaches.'''

    def act(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        ctypes.CDLL(None).sleep(3600)


class Dies(Marked):
    '''Takes its process with it.'''

    def act(self):
        os.kill(os.getpid(), signal.SIGKILL)


class DiesOnce(Marked):
    '''Takes its process with it, the first time.'''

    def act(self):
        if once("died"):
            os.kill(os.getpid(), signal.SIGKILL)


class Interrupted(Marked):
    '''Ctrl-C is pressed, the first time.'''

    def act(self):
        if once("interrupted"):
            signal.raise_signal(signal.SIGINT)
"""

BENCH = """\
recon: 1
datasets: [{{id: made, name: numpy, path: data}}]
operators: [identity, {{name: gaussian_blur, std: 0.7}}]
noise: [{{name: gaussian, sigma: {{each: {sigmas}}}}}]
methods:
  - {{id: own, solver: {{name: "solvers.py:{solver}", step_size: {{each: {steps}}}, pause: {pause}}}}}
{more}metrics: [psnr, nmse]
device: cpu
"""


def make_bench(
    folder: Path,
    *,
    items: int = 3,
    steps: int = 2,
    sigmas: tuple[float, ...] = (0.1,),
    pause: float = 0.0,
    solver: str = "Logged",
    marked: int | None = None,
    more: str = "",
) -> Path:
    """A benchmark of ``items`` × 2 operators × the noise levels × ``steps`` methods; its file.

    ``marked`` is the item that does not do well with some of the solvers; ``more`` are further lines of YAML.
    """
    (folder / "data").mkdir(parents=True)
    stream = np.random.default_rng(0)
    for number in range(items):
        image = stream.random((8, 8)).astype(np.float32)
        if number == marked:
            image += 100
        np.save(folder / "data" / f"item{number:02d}.npy", image)
    (folder / "solvers.py").write_text(SOLVERS)
    sizes = [round(0.1 + 0.05 * number, 2) for number in range(steps)]
    filled = BENCH.format(sigmas=list(sigmas), steps=sizes, pause=pause, solver=solver, more=more)
    (folder / "bench.yaml").write_text(filled)
    return folder / "bench.yaml"


def start(folder: Path, *words: str, **options: Any) -> subprocess.Popen[str]:
    """``recon bench bench.yaml`` in a process of its own, in a group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "recon", "bench", "bench.yaml", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 60.0) -> None:
    """Wait until something holds or the process is over."""
    end = time.monotonic() + seconds
    while not condition() and process.poll() is None:
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.005)


def store_of(folder: Path, name: str = "bench") -> Store:
    """The run that ``bench.yaml`` of a folder makes."""
    return Store(folder / "out" / name)


def written(store: Store) -> dict[str, tuple[int, int]]:
    """Key of every finished cell to which file its record is."""
    found = {}
    for key in store.finished():
        status = (store.folder / "cells" / key[:2] / f"{key}.json").stat()
        found[key] = (status.st_ino, status.st_mtime_ns)
    return found


def times_solved(folder: Path) -> Counter[str]:
    """How often each cell of the solvers above was started."""
    log = folder / "solved.log"
    return Counter(log.read_text().splitlines() if log.exists() else [])


def results(store: Store) -> dict[str, tuple[str, dict[str, bytes]]]:
    """Everything that a run has found, but for where, when, how fast and in how much memory."""
    place = str(store.folder.parents[1])
    found = {}
    for record in store.records():
        arrays = store.arrays(record["key"])
        kept = {name: array.tobytes() for name, array in arrays.items() if name != "history/seconds"}
        found[record["key"]] = (json.dumps(_timeless(record)).replace(place, ""), kept)
    return found


def tables(store: Store) -> str:
    """The run's tables without times."""
    return as_csv(rankings([_timeless(record) for record in store.records()], store.metrics))


def _timeless(record: Mapping[str, Any]) -> dict[str, Any]:
    gone = {"seconds": None, "memory": None, "finished": None, "threads": None}
    return {**record, **gone}
