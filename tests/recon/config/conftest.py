"""A folder with a small benchmark that is sound."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from recon.config.grid import BenchSpec, load_bench

BENCH = """\
recon: 1
datasets: [{name: numpy, path: x.npy, id: photos, validation: 1}]
operators: [identity, {name: gaussian_blur, std: 1}]
noise: {name: gaussian, sigma: 0.1}
methods:
  - {id: tv, solver: pdhg, prior: {name: tv, lam: 0.1}}
  - {id: least, solver: cgls}
"""

Load = Callable[..., BenchSpec]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """``bench(text, *overrides)`` checks a benchmark in a folder with x.npy."""
    monkeypatch.chdir(tmp_path)
    Path("x.npy").touch()

    def _load(text: str = BENCH, *overrides: str, out: Path | None = None) -> BenchSpec:
        Path("bench.yaml").write_text(text)
        return load_bench(Path("bench.yaml"), overrides, out)

    return _load
