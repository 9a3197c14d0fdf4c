"""Wheel and sdist hold every module, and what is installed from them works away from the checkout."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import recon

Python = Callable[..., subprocess.CompletedProcess[str]]

FLOORS = ("recon", "operators", "priors", "solvers")
# Without --ignore-installed, an install elsewhere takes the environment's own editable install away.
PIP = (
    *("-m", "pip", "--disable-pip-version-check", "install", "--quiet"),
    *("--no-deps", "--no-build-isolation", "--ignore-installed"),
)
NAMES = """
import recon
from recon.registry import members
print(recon.__file__)
print([member.names[0] for member in members("recon.operators.linear.LinearOperator")])
"""


class Built(NamedTuple):
    """A copy of the checkout, and what was built from it."""

    source: Path
    wheel: Path
    sdist: Path


@pytest.fixture(scope="module")
def built(python: Python, checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Builds the sdist, and the wheel from the sdist, without a network."""
    folder = tmp_path_factory.mktemp("build")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(checkout / name, source)
    for name in FLOORS:
        ignored = shutil.ignore_patterns("__pycache__", ".*_cache")
        shutil.copytree(checkout / name, source / name, symlinks=True, ignore=ignored)
    python("-m", "build", "--no-isolation", "--outdir", str(folder / "dist"), str(source), cwd=folder)
    (wheel,), (sdist,) = (folder / "dist").glob("*.whl"), (folder / "dist").glob("*.tar.gz")
    return Built(source, wheel, sdist)


@pytest.fixture(scope="module")
def expected(built: Built) -> set[str]:
    """Every file of the four floors, by the path that it has in the package ``recon``."""
    found = set()
    for floor in FLOORS:
        for path in (built.source / floor).rglob("*"):
            if path.is_file():
                inside = path.relative_to(built.source).as_posix()
                found.add(inside if floor == "recon" else f"recon/{inside}")
    return found


def test_the_wheel_holds_every_module(built: Built, expected: set[str]) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        held = {name for name in archive.namelist() if name.startswith("recon/")}
    assert {"recon/operators/linear.py", "recon/solvers/iterate.py", "recon/cli/app.py", "recon/py.typed"} <= held
    assert held == expected


def test_the_sdist_holds_every_module(built: Built, expected: set[str]) -> None:
    with tarfile.open(built.sdist) as archive:
        held = {member.name.partition("/")[2] for member in archive.getmembers() if not member.isdir()}
    assert expected <= held
    assert {"pyproject.toml", "README.md", "LICENSE"} <= held


def test_the_wheel_installs_nothing_but_recon(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
        metadata = archive.read(f"recon_imaging-{recon.__version__}.dist-info/METADATA").decode()
    assert tops == {"recon", f"recon_imaging-{recon.__version__}.dist-info"}
    assert f"\nVersion: {recon.__version__}\n" in metadata
    assert "\nName: recon-imaging\n" in metadata
    assert "\nRequires-Python: >=3.11\n" in metadata


@pytest.mark.parametrize("kind", ["wheel", "sdist", pytest.param("source", marks=pytest.mark.slow)])
def test_a_plain_install_works_anywhere(python: Python, built: Built, kind: str, tmp_path: Path) -> None:
    target = tmp_path / "target"
    python(*PIP, "--target", str(target), str(getattr(built, kind)), cwd=tmp_path)
    assert python("-m", "recon", "--version", cwd=tmp_path, path=target).stdout == f"recon {recon.__version__}\n"
    package, names = python("-c", NAMES, cwd=tmp_path, path=target).stdout.strip().split("\n")
    assert Path(package) == target / "recon" / "__init__.py"
    assert "ray_transform" in names
    assert (target / "bin" / "recon").is_file()


def test_an_editable_install_follows_the_checkout(python: Python, built: Built, tmp_path: Path) -> None:
    python(*PIP, "--prefix", str(tmp_path), "--editable", str(built.source), cwd=tmp_path)
    (site,) = {path.parent for path in tmp_path.rglob("__editable__*.pth")}
    added = built.source / "recon" / "added_later.py"
    added.write_text("from recon.registry import members\n")
    # -S keeps an editable install of this very checkout out, and with it torch, so the rooms are only looked up.
    code = f"""
import site; site.addsitedir({str(site)!r})
import recon
from recon.added_later import members
from importlib.machinery import PathFinder
print(recon.__file__)
print(PathFinder.find_spec("recon.operators", recon.__path__).origin)
print([member.names[0] for member in members("recon.operators.linear.LinearOperator")])
"""
    try:
        package, room, names = python("-S", "-c", code, cwd=tmp_path).stdout.strip().split("\n")
    finally:
        added.unlink()
    assert Path(package) == built.source / "recon" / "__init__.py"
    assert Path(room).resolve() == built.source / "operators" / "__init__.py"
    assert "ray_transform" in names


def test_recon_runs_in_the_checkout(python: Python, checkout: Path) -> None:
    assert python("-m", "recon", "--version", cwd=checkout).stdout == f"recon {recon.__version__}\n"
