"""A folder with a small job that works, and the command line run in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from recon.cli import main

JOB = """\
recon: 1
input: {name: numpy, path: x.npy}
operator: identity
noise: {name: gaussian, sigma: 0.1}
prior: {name: tv, lam: 0.1}
solver: {name: pdhg, stop: {max_iter: 3}}
output: {path: out, formats: [npz], preview: no, convergence: no}
device: cpu
"""


class Ran(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: job.yaml and the 6 × 8 data x.npy."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.yaml").write_text(JOB)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((6, 8)).astype(np.float32))
    return tmp_path


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """``run("info", "tv")``: the exit code and what was printed."""

    def _run(*words: str) -> Ran:
        capsys.readouterr()
        code = main(list(words))
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return _run
