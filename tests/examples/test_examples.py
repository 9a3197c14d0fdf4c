"""The examples run as their docstrings say, and say what is true."""

from __future__ import annotations

import re
import runpy
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from recon.priors import DnCNN

EXAMPLES = Path(__file__).parents[2] / "examples"

Run = Callable[..., str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """``run("ct_tv", "--iterations", "5")`` runs a script in an empty folder and returns what it printed."""
    monkeypatch.chdir(tmp_path)

    def _run(name: str, *words: str, folder: Path = EXAMPLES) -> str:
        monkeypatch.setattr(sys, "argv", [f"{name}.py", *words])
        runpy.run_path(str(folder / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return _run


def decibels(said: str) -> list[float]:
    """The scores in dB that were printed, in order."""
    return [float(number) for number in re.findall(r"([\d.]+) dB", said)]


def test_ct_tv(run: Run) -> None:
    said = run("ct_tv", "--iterations", "200")
    fbp, tv = decibels(said)
    assert 19 < fbp < 25 < 33 < tv
    assert "The iteration limit was reached before the stopping tolerance. After 200 iterations" in said
    assert Path("ct_tv.png").stat().st_size > 10_000


def test_few_view_ct_priors(run: Run) -> None:
    fbp, tv, tgv, adaptive, graph = decibels(run("few_view_ct_priors", "--iterations", "60"))
    assert fbp < 14 < 20 < min(tv, tgv, adaptive, graph)
    assert Path("few_view_ct_priors.png").stat().st_size > 10_000


def test_mri_wavelet(run: Run) -> None:
    zero_filled, wavelets, both = decibels(run("mri_wavelet", "--iterations", "60"))
    assert 23 < zero_filled < 25 < 28.5 < wavelets < 30 < 32 < both


@pytest.mark.slow
def test_mri_t2(run: Run) -> None:
    said = run("mri_t2")
    sense, tv, _, newton, both = (float(number) for number in re.findall(r"([\d.]+) %", said))
    assert newton < 0.5 * sense < 8
    assert both < 0.5 * tv < 3
    assert Path("mri_t2.png").stat().st_size > 10_000


def test_deblur_pnp(run: Run) -> None:
    torch.manual_seed(0)
    torch.save(DnCNN(layers=3, features=4).state_dict(), "weights.pth")
    said = run("deblur_pnp", "weights.pth", "--layers", "3", "--features", "4", "--iterations", "1")
    tv, pnp = decibels(said)
    assert 28.2 < tv < 30
    assert pnp > 0
    assert "1 iterations" in said


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_from_deepinv(run: Run) -> None:
    said = run("from_deepinv")
    match = re.fullmatch(r"recon and deepinv differ by at most (\S+) in images of values up to (\S+)\.\n", said)
    assert match is not None
    assert float(match[1]) < 1e-4 < 0.5 < float(match[2])


@pytest.mark.slow
def test_demo(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = EXAMPLES.parent
    for name in ("examples", "configs", "data"):  # a copy, which has no results of earlier runs
        shutil.copytree(root / name, tmp_path / name)
    monkeypatch.setenv("PYTHONPATH", str(root))
    said = run("demo", folder=tmp_path / "examples")
    assert re.search(r"filtered backprojection +2\d\.\d\d +0\.\d{3} +1 ", said)
    assert re.search(r"total variation +4\d\.\d\d +0\.99\d +\d+ ", said)
    assert f"Preview: {tmp_path / 'out' / 'demo.png'}" in said
    assert (tmp_path / "out" / "demo.png").stat().st_size > 10_000
