"""The two commands of a newcomer, as far as they go without installing anything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")

OLD = """#!/bin/sh
exec '{python}' -c 'import sys; sys.version_info = (3, 9, 2); exec(sys.argv[2])' "$@"
"""


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run make in a folder, apart from the make that runs these tests."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(
        ["make", *words], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture
def fresh(checkout: Path, tmp_path: Path) -> Path:
    """A folder with nothing but the Makefile and pyproject.toml."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(checkout / name, tmp_path)
    return tmp_path


def script(path: Path, text: str) -> str:
    """Write an executable file."""
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def test_ci_calls_make_test_and_nothing_else(checkout: Path) -> None:
    file = checkout / ".ci" / "run"
    assert os.access(file, os.X_OK)
    lines = file.read_text().splitlines()
    assert lines == ["#!/usr/bin/env bash", "set -euo pipefail", 'cd "$(dirname "$0")/.."', "make test"]


@pytest.mark.parametrize("target", ["demo", "test"])
def test_an_old_python_is_refused_in_a_sentence(fresh: Path, target: str) -> None:
    old = script(fresh / "old", OLD.format(python=sys.executable))
    done = make(fresh, target, f"PYTHON={old}")
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == (
        f"recon needs Python 3.11 or newer, and {old} is 3.9; name another one: make {target} PYTHON=python3.12"
    )
    assert not (fresh / ".venv").exists()


def test_a_missing_python_is_named(fresh: Path) -> None:
    done = make(fresh, "demo", "PYTHON=python-that-is-not-there")
    assert done.returncode != 0
    assert "python-that-is-not-there" in done.stderr


def test_the_environment_is_made_once_and_renewed_with_pyproject(fresh: Path) -> None:
    calls = fresh / "calls"
    script(fresh / "log", f"#!/bin/sh\necho \"$@\" >> '{calls}'\n")
    binaries = fresh / ".venv" / "bin"
    binaries.mkdir(parents=True)
    for name in ("python", "pip"):
        shutil.copy(fresh / "log", binaries / name)

    def demo() -> list[str]:
        calls.unlink(missing_ok=True)
        assert make(fresh, "demo").returncode == 0
        return calls.read_text().splitlines()

    install = "-m pip install --quiet --editable ."
    assert demo() == [install, "examples/demo.py"]
    assert demo() == ["examples/demo.py"]
    later = (fresh / ".venv" / "runtime").stat().st_mtime + 10
    os.utime(fresh / "pyproject.toml", (later, later))
    assert demo() == [install, "examples/demo.py"]
