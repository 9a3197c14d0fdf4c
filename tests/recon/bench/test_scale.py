"""Ten thousand cells in one process: what a cell costs beyond its solve, and what is left at the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.recon.bench.running import ROOT


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("--many",)], ids=["one condition", "a hundred conditions"])
def test_ten_thousand_tiny_cells(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench_overhead", "--json", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["cells"] == 10000
    assert found["CPU ms per cell"] < 8, "5 on a machine that does nothing else"
    assert found["grown MiB"] < 25
    assert found["page MiB"] < 8
    assert found.get("open s", 0.0) < 2
