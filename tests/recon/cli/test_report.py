"""``recon report``: the page of a run that lies in a folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recon.bench.store import Cell, Store
from recon.cli import main


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Two cells of a grid of three."""
    names = {"dataset": "photos", "operator": "blur", "noise": "white", "method": "tv", "seed": 0}
    cells = [Cell(f"{i}{i}key", f"slot{i}", 0, item=f"image {i}", measurement="m", **names) for i in range(3)]
    store = Store(tmp_path / "run")
    (tmp_path / "run").mkdir()
    store.begin({"name": "halves", "metrics": ["psnr"], "command": "recon bench halves.yaml"}, "recon: 1\n", cells)
    store.save_measurement("m", {"data": np.ones((8, 8)), "truth": np.eye(8)})
    for cell, psnr in zip(cells[:2], (30.0, 31.0), strict=True):
        figures = {"metrics": {"psnr": psnr}, "iterations": 5, "seconds": {"solve": 0.5}, "item": cell.item}
        record = {**names, **figures, "key": cell.key, "slot": cell.slot, "measurement": "m", "status": "ok"}
        store.save(record, {"image": np.eye(8, dtype=np.float32)})
    return tmp_path / "run"


def test_writes_the_page_and_the_tables(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run)]) == 0
    assert capsys.readouterr().out == f"Report in {run / 'report.html'}; 1 of 3 cells are not done yet\n"
    text = (run / "report.html").read_text("utf-8")
    assert "30.50" in text
    assert "<b>1</b> not run" in text
    assert "recon bench halves.yaml" in text
    assert "30.50" in (run / "tables.md").read_text("utf-8")


def test_to_another_folder_without_pictures(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(run), "--out", str(tmp_path / "elsewhere"), "--images", "0", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"report": str(tmp_path / "elsewhere" / "report.html"), "cells": 3, "done": 2}
    assert not (run / "report.html").exists()
    assert "data:image/png" not in (tmp_path / "elsewhere" / "report.html").read_text("utf-8")


def test_a_folder_without_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "holds no benchmark run" in captured.err
    assert captured.err.count("\n") == 1


def test_a_folder_that_cannot_be_written(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "blocked").write_text("a file where a folder should be")
    assert main(["report", str(run), "--out", str(run / "blocked" / "deeper")]) == 2
    assert "cannot be written" in capsys.readouterr().err
