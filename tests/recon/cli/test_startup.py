"""What the first moments of a process cost, and what they must not import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.recon.cli.conftest import JOB

BENCH = """\
recon: 1
datasets: {name: numpy, path: x.npy}
operators: {name: gaussian_blur, std: {each: [1, 2]}}
noise: {name: gaussian, sigma: 0.1}
methods: [{solver: wiener}, {solver: pdhg, prior: tv, on: {operator: "*std=2"}}]
"""

ROOT = Path(__file__).parents[3]
HEAVY = ("torch", "numpy", "scipy", "deepinv", "odl", "matplotlib", "skimage", "h5py")

PROBE = """
import contextlib, io, json, sys
from recon.cli import main
heavy = {heavy!r}
found = {{}}
for words in {commands!r}:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as err:
        code = main(words)
    found[" ".join(words)] = [code, err.getvalue(), [name for name in heavy if name in sys.modules]]
print(json.dumps(found))
"""


def python(code: str, folder: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_help_checks_and_catalogue_import_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "x.npy").touch()
    (tmp_path / "job.yaml").write_text(JOB)
    (tmp_path / "bad.yaml").write_text(JOB.replace("lam", "lambda"))
    (tmp_path / "bench.yaml").write_text(BENCH)
    (tmp_path / "bad_bench.yaml").write_text(BENCH.replace("std", "sdt"))
    commands = [
        ["--help"],
        ["--version"],
        ["info"],
        ["info", "tv"],
        ["config", "check", "job.yaml"],
        ["config", "show", "job.yaml"],
        ["config", "schema"],
        ["config", "check", "bench.yaml"],
        ["config", "show", "bench.yaml"],
        ["config", "schema", "--bench"],
        ["bench", "bad_bench.yaml"],
        ["reconstruct", "bad.yaml"],
    ]
    found = json.loads(python(PROBE.format(heavy=HEAVY, commands=commands), tmp_path))
    for words, (code, err, imported) in found.items():
        assert imported == [], f"recon {words} imported {imported}"
        assert code == (2 if "bad" in words else 0), (words, err)
    assert found["reconstruct bad.yaml"][1] == "bad.yaml:5:19: prior 'tv' takes no 'lambda'; did you mean 'lam'?\n"


@pytest.mark.parametrize(
    ("what", "limit"), [("import recon", 0.5), ("from recon.cli import main; main(['--help'])", 0.7)]
)
def test_it_starts_quickly(what: str, limit: float, tmp_path: Path) -> None:
    """Seconds of processor time of the whole process, so that a busy machine does not fail the test."""
    code = f"import os, sys\n{what}\nprint(sum(os.times()[:2]), file=sys.stderr)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert float(done.stderr.split()[-1]) < limit
