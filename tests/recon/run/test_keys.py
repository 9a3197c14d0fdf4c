import shutil
from pathlib import Path

import numpy as np
import pytest

from recon.config.resolve import load_job
from recon.files import ItemRef
from recon.run.keys import file_key, item_key, job_key

JOB = """\
recon: 1
input: {name: numpy, path: x.npy}
operator: {name: mask, mask: mask.npy}
prior: {name: mine.py:Mine, lam: 2}
solver: pdhg
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    home = tmp_path / "here"
    home.mkdir()
    np.save(home / "x.npy", np.ones((4, 4)))
    np.save(home / "mask.npy", np.ones((4, 4)))
    (home / "mine.py").write_text("from recon.priors import TotalVariation\nclass Mine(TotalVariation):\n    pass\n")
    (home / "job.yaml").write_text(JOB)
    return home


def key(folder: Path, *overrides: str, out: Path | None = None) -> str:
    return job_key(load_job(folder / "job.yaml", overrides, out))


def test_what_makes_no_difference(folder: Path) -> None:
    first = key(folder)
    assert key(folder) == first
    assert key(folder, "device=cpu", "batch_size=7", out=folder / "else") == first
    moved = folder.with_name("there")
    shutil.copytree(folder, moved)
    assert key(moved) == first, "results may be moved together with their job"


@pytest.mark.parametrize(
    "change", ["prior.lam=3", "seed=1", "dtype=float64", "output.formats=[npz]", "input.slices={axis: 0}"]
)
def test_what_the_job_says_makes_another(folder: Path, change: str) -> None:
    assert key(folder, change) != key(folder)


@pytest.mark.parametrize("name", ["mask.npy", "mine.py"])
def test_what_its_files_hold_makes_another(folder: Path, name: str) -> None:
    first = key(folder)
    (folder / name).write_bytes((folder / name).read_bytes() + b"\n")
    assert key(folder) != first


def test_the_version_makes_another(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = key(folder)
    monkeypatch.setattr("recon.__version__", "99")
    assert key(folder) != first


def test_items_differ_by_their_files_and_their_name(folder: Path) -> None:
    def item(name: str, *files: Path) -> str:
        return item_key("job", ItemRef(name, "", files, lambda: None))  # type: ignore[arg-type, return-value]

    x, mask = folder / "x.npy", folder / "mine.py"
    assert len({item("a", x), item("b", x), item("a", mask), item("a", x, mask)}) == 4
    assert item("a", x) == item("a", x)


def test_a_folder_is_what_its_files_hold(folder: Path) -> None:
    first = file_key(folder)
    (folder / "more.txt").write_text("more")
    assert file_key(folder) != first


def test_the_contents_of_a_described_geometry_count(folder: Path) -> None:
    scan = folder / "scan.json"
    scan.write_text("{}")
    operator = f"operator={{name: ray_transform, geometry: {{name: astra, file: {scan}}}}}"
    (folder / "job.yaml").write_text(JOB.replace("prior: {name: mine.py:Mine, lam: 2}", "prior: tv"))
    first = key(folder, operator)
    assert key(folder, operator.replace("scan.json}", "scan.json, unit: 2}")) != first
    scan.write_text("{ }")
    assert key(folder, operator) != first
