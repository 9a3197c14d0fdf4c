"""Imports point down only, and every outside library stays in the few files that adapt it."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("operators", "priors", "solvers", "recon")
ADAPTERS = {
    "PIL": ("recon/files/", "recon/reports/"),
    "astropy": ("recon/files/",),
    "cufinufft": ("operators/mri/kernels/",),
    "dask": ("recon/bench/cluster.py", "recon/run/"),
    "dask_jobqueue": ("recon/run/cluster.py",),
    "deepinv": ("operators/bridges/", "recon/metrics/"),
    "diffusers": ("priors/learned/diffusers_diffusion.py",),
    "distributed": ("recon/bench/cluster.py", "recon/run/"),
    "finufft": ("operators/ct/kernels/", "operators/mri/kernels/"),
    "h5py": ("recon/files/",),
    "imagecodecs": ("recon/files/",),
    "jinja2": ("recon/reports/",),
    "matplotlib": ("recon/reports/",),
    "nibabel": ("recon/files/",),
    "numba": (
        "operators/ct/kernels/",
        "operators/functionals/kernels/",
        "operators/mri/kernels/",
        "solvers/sampling/kernels/",
    ),
    "odl": ("operators/bridges/",),
    "pydantic": ("recon/config/",),
    "pydicom": ("recon/files/",),
    "rich": ("recon/cli/", "recon/run/reporter.py"),
    "ruamel": ("recon/config/",),
    "safetensors": ("priors/learned/diffusion_file.py", "priors/learned/weights.py"),
    "skimage": ("recon/metrics/",),
    "tifffile": ("recon/files/",),
    "triton": ("operators/ct/kernels/gpu/", "solvers/sampling/kernels/philox_gpu.py"),
    "typer": ("recon/cli/",),
    "zarr": ("recon/files/",),
}
ANYWHERE = {"llvmlite", "numpy", "scipy", "torch"}


def sources() -> Iterator[Path]:
    """Every module of the four floors, by its real place."""
    for floor in FLOORS:
        for folder, _, files in os.walk(ROOT / floor):  # which does not follow links
            yield from (Path(folder, name) for name in files if name.endswith(".py"))


def imported(path: Path) -> Iterator[str]:
    """Names of the modules that a file imports, at the top or inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} has a relative import; write it in full."
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def floor_of(module: str) -> int | None:
    """The floor a module lives on; None for other people's."""
    parts = module.split(".")
    if parts[0] != "recon":
        return None
    room = parts[1] if len(parts) > 1 else ""
    return FLOORS.index(room) if room in FLOORS[:3] else 3


def test_there_are_sources_on_every_floor() -> None:
    found = {path.relative_to(ROOT).parts[0] for path in sources()}
    assert found == set(FLOORS)


@pytest.mark.parametrize("floor", FLOORS)
def test_arrows_point_down(floor: str) -> None:
    upward = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sources()
        if path.relative_to(ROOT).parts[0] == floor
        for module in imported(path)
        if (target := floor_of(module)) is not None and target > FLOORS.index(floor)
    ]
    assert upward == []


def test_rooms_are_imported_by_their_full_names() -> None:
    short = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sources()
        for module in imported(path)
        if module.split(".")[0] in FLOORS[:3]
    ]
    assert short == []


def test_libraries_stay_in_their_adapters() -> None:
    stray = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sources()
        for module in imported(path)
        if (library := module.split(".")[0]) not in sys.stdlib_module_names | ANYWHERE | {"recon", "__future__"}
        and not path.relative_to(ROOT).as_posix().startswith(ADAPTERS.get(library, ()))
    ]
    assert stray == []


@pytest.mark.parametrize(
    ("module", "floor"),
    [("recon.operators.mask.Mask", 0), ("recon.priors", 1), ("recon.solvers.cg", 2), ("recon.cli", 3), ("recon", 3)],
)
def test_floors_are_told_apart(module: str, floor: int) -> None:
    assert floor_of(module) == floor


def test_imports_inside_functions_count(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text("def f():\n    from recon.solvers import cg\n    import odl.space\n")
    assert list(imported(file)) == ["recon.solvers.cg", "odl.space"]
