"""Ctrl-C: what is finished stays whole, and the command that continues is printed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.recon.cli.conftest import JOB, Ran

SOLVER = """
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from torch import Tensor
from recon.solvers import Solver

class State(NamedTuple):
    x: Tensor

@dataclass(frozen=True, kw_only=True)
class Pressed(Solver):
    '''Ctrl-C is pressed while data of mean above one are reconstructed, as long as the file `pressed` is there.'''

    def init(self, problem, initial=None):
        return State(problem.data)

    def step(self, problem, state):
        if float(state.x.mean()) > 1 and Path("pressed").exists():
            signal.raise_signal(signal.SIGINT)
        return state

    def image(self, state):
        return state.x
"""


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Interrupts arrive, which they do not in processes that a shell has started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before or signal.SIG_DFL)


@pytest.fixture
def items(folder: Path) -> Path:
    (folder / "data").mkdir()
    for i in range(4):
        np.save(folder / "data" / f"s{i}.npy", np.full((6, 8), 2.0 if i == 2 else 0.5, dtype=np.float32))
    (folder / "pressed.py").write_text(SOLVER)
    text = JOB.replace("x.npy", "data").replace("{name: pdhg, stop: {max_iter: 3}}", "pressed.py:Pressed")
    (folder / "job.yaml").write_text(text)
    return folder


def test_an_interrupted_run_says_how_to_go_on_and_goes_on(items: Path, run: Callable[..., Ran]) -> None:
    (items / "pressed").touch()
    words = ("reconstruct", "job.yaml", "--set", "prior={name: tv, lam: 2}", "--out", "my results")
    ran = run(*words)
    assert ran.code == 130
    assert ran.err == (
        "Interrupted: 2 of 4 items are done. To continue:\n"
        "  recon reconstruct job.yaml --set 'prior={name: tv, lam: 2}' --out 'my results'\n"
    )
    left = {path.name for path in (items / "my results").iterdir()}
    assert left == {"s0.npz", "s0.json", "s1.npz", "s1.json"}
    (items / "pressed").unlink()
    report = json.loads(run(*words, "--json").out)
    assert [(item["id"], item["skipped"]) for item in report["items"]] == [
        ("s0", True), ("s1", True), ("s2", False), ("s3", False),
    ]  # fmt: skip


def test_an_interrupt_between_items_ends_the_run_too(
    items: Path, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    from recon.run import save

    def pressed(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(save, "written", pressed)
    ran = run("reconstruct", "job.yaml", "--json")
    assert ran.code == 130
    assert json.loads(ran.out)["interrupted"] is True
    assert list((items / "out").iterdir()) == [], "no half-written files"


@pytest.mark.slow
def test_ctrl_c_on_a_running_process(folder: Path) -> None:
    for i in range(3):
        np.save(folder / f"s{i}.npy", np.random.default_rng(i).random((96, 96)).astype(np.float32))
    (folder / "x.npy").unlink()
    text = JOB.replace("x.npy", ".").replace("max_iter: 3", "max_iter: 1500")
    (folder / "job.yaml").write_text(text)
    root = Path(__file__).parents[3]
    process = subprocess.Popen(
        [sys.executable, "-m", "recon", "reconstruct", "job.yaml"],
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("[1/3] s0")
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "To continue:\n  recon reconstruct job.yaml\n" in err
    for sidecar in (folder / "out").glob("*.json"):
        assert json.loads(sidecar.read_text())["status"] == "done"
        assert sidecar.with_suffix(".npz").exists()
    assert not list((folder / "out").glob("*.part"))
