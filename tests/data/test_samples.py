"""The sample data are what the script makes, small, and accounted for."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import h5py
import numpy as np
import pytest
from PIL import Image

DATA = Path(__file__).resolve().parents[2] / "data"
OTHERS = (DATA, DATA / "denoisers", DATA / "__pycache__")
SAMPLES = sorted(path for path in DATA.rglob("*") if path.is_file() and path.parent not in OTHERS)


PHOTOS = [path.relative_to(DATA).as_posix() for path in SAMPLES if path.parent.name == "photos"]
"""Listed from the first to the last one."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything made anew."""
    folder = tmp_path_factory.mktemp("data")
    script().main(folder)
    return folder


def script() -> ModuleType:
    """data/make_samples.py as a module."""
    spec = importlib.util.spec_from_file_location("make_samples", DATA / "make_samples.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def arrays(path: Path) -> dict[str, np.ndarray]:
    """What a sample holds."""
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            return {name: entry[()] for name, entry in file.items()}
    if path.suffix == ".npy":
        return {"data": np.load(path)}
    with Image.open(path) as image:
        return {"data": np.asarray(image)}


@pytest.mark.slow
def test_the_script_makes_these_samples_and_no_others(made: Path) -> None:
    names = {path.relative_to(made) for path in made.rglob("*") if path.is_file()}
    assert names == {path.relative_to(DATA) for path in SAMPLES}


@pytest.mark.parametrize("name", [path.relative_to(DATA).as_posix() for path in SAMPLES])
def test_samples_are_reproducible(made: Path, name: str) -> None:
    shipped, again = arrays(DATA / name), arrays(made / name)
    assert shipped.keys() == again.keys()
    for key, values in shipped.items():
        assert values.dtype == again[key].dtype
        if values.dtype.kind in "fc":  # Fourier transforms may round differently elsewhere
            step = max(1e-5, float(np.finfo(values.dtype).eps))
            np.testing.assert_allclose(values, again[key], rtol=0, atol=step * float(np.abs(values).max()))
        else:
            assert np.mean(values != again[key]) < 1e-3


def test_samples_are_small() -> None:
    sizes = [path.stat().st_size for path in SAMPLES]
    assert max(sizes) < 1_000_000
    assert sum(sizes) < 4_000_000


def test_every_sample_is_accounted_for() -> None:
    text = (DATA / "README.md").read_text(encoding="utf-8")
    first, last = min(PHOTOS), max(PHOTOS)
    text += " ".join(f"`{name}`" for name in PHOTOS) if f"`{first}` ... `{last}`" in text else ""
    assert [path.relative_to(DATA).as_posix() for path in SAMPLES if f"`{path.relative_to(DATA)}`" not in text] == []
