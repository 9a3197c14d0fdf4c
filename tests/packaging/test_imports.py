"""What importing costs, what it needs, and what importing a room by its folder's name says."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

import recon

Python = Callable[..., CompletedProcess[str]]

HEAVY = ("torch", "numpy", "scipy", "numba", "matplotlib", "deepinv", "odl", "skimage", "h5py")

LOADED = "\nimport json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"

BLOCK = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"{{name}} is blocked", name=name)

sys.meta_path.insert(0, Block())
"""


def fastest(python: Python, *words: str) -> float:
    """Seconds of the fastest of five runs, less those of an empty one: what the machine is busy with stays out."""

    def seconds(*line: str) -> float:
        start = time.perf_counter()
        python(*line)
        return time.perf_counter() - start

    empty = min(seconds("-c", "pass") for _ in range(5))
    return min(seconds(*words) for _ in range(5)) - empty


def test_import_recon_is_light(python: Python) -> None:
    loaded = json.loads(python("-c", "import recon" + LOADED).stdout)
    assert not set(HEAVY) & set(loaded)
    assert fastest(python, "-c", "import recon") < 0.5


def test_help_is_light(python: Python) -> None:
    code = "from recon.cli import main\nimport contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()):\n"
    loaded = json.loads(python("-c", code + "    assert main(['--help']) == 0" + LOADED).stdout)
    assert "typer" in loaded
    assert not {*HEAVY, "pydantic", "ruamel"} & set(loaded)
    # Rests on what is loaded; twice the 0.7 s of a quiet machine, so that a busy one does not fail it.
    assert fastest(python, "-m", "recon", "--help") < 1.4


def test_config_errors_need_no_torch(python: Python, tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text("recon: 1\ninput: {name: numpy, path: x.npy}\noperator: identitty\n")
    code = f"from recon.cli import main\nassert main(['config', 'check', {str(tmp_path / 'job.yaml')!r}]) == 2"
    done = python("-c", code + LOADED)
    assert "did you mean 'identity'?" in done.stderr
    assert not set(HEAVY) & set(json.loads(done.stdout))


def test_rooms_import_without_optional_libraries(python: Python) -> None:
    blocked = {"deepinv", "odl", "pydantic", "ruamel", "skimage", "matplotlib", "h5py", "tifffile", "typer", "rich"}
    rooms = "import recon.operators, recon.operators.bridges, recon.operators.ct, recon.priors, recon.solvers\n"
    members = "operators.RayTransform", "priors.TotalVariation", "solvers.PDHG"
    names = "".join(f"print(recon.{member}.__name__)\n" for member in members)
    done = python("-c", BLOCK.format(blocked=blocked) + rooms + names)
    assert done.stdout.split() == ["RayTransform", "TotalVariation", "PDHG"]


def test_the_block_blocks(python: Python) -> None:
    done = python("-c", BLOCK.format(blocked={"typer"}) + "import recon.cli", check=False)
    assert "typer is blocked" in done.stderr


@pytest.mark.parametrize("room", ["operators", "priors", "solvers"])
def test_a_room_imported_by_its_folder_says_what_to_write(python: Python, room: str, checkout: Path) -> None:
    done = python("-c", f"import {room}", cwd=checkout, check=False)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last == (
        f"ImportError: the folder '{room}' is the package 'recon.{room}': write `from recon.{room} import ...`."
    )


def test_rooms_are_attributes_of_recon() -> None:
    assert recon.operators is sys.modules["recon.operators"]
    assert recon.solvers is sys.modules["recon.solvers"]
    with pytest.raises(AttributeError, match="module 'recon' has no attribute 'opperators'"):
        recon.opperators  # noqa: B018
