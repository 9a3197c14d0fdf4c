"""recon data: what is in files, and exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from tests.recon.cli.conftest import Ran

Run = Callable[..., Ran]


def test_list_of_a_file(run: Run, folder: Path) -> None:
    with h5py.File("a.h5", "w") as file:
        file["scan/data"] = np.ones((3, 4, 5), np.float32)
        file["scan/data"].attrs["units"] = "counts"
        file["scan/pitch"] = 0.5
    ran = run("data", "list", "a.h5")
    assert ran.code == 0
    head, data, pitch = ran.out.splitlines()
    assert head.startswith("a.h5: HDF5, ")
    assert head.endswith("read with input hdf5")
    assert data.split() == ["scan/data", "3", "×", "4", "×", "5", "float32", "counts"]
    assert pitch.split() == ["scan/pitch", "one", "number", "float64", "0.5"]


def test_list_of_a_folder_goes_on_after_a_bad_file(run: Run, folder: Path) -> None:
    (folder / "bad.npy").write_bytes(b"no")
    ran = run("data", "list", ".")
    assert ran.code == 1
    assert any(line.split()[:4] == ["x.npy", "NumPy", "array", "data"] for line in ran.out.splitlines())
    assert "bad.npy is of no format that recon reads: it begins with the bytes 6e 6f" in ran.err


def test_show_draws_and_saves(run: Run, folder: Path) -> None:
    np.save("y.npy", np.pad(np.ones((30, 30)), 30))
    ran = run("data", "show", "y.npy", "--save", "thumb.png")
    assert ran.code == 0
    assert "data: 0 to 1" in ran.out
    picture = ran.out.split("data: 0 to 1\n")[1].splitlines()
    assert any("@@@@" in line for line in picture)
    assert not picture[0]
    with Image.open("thumb.png") as image:
        assert image.size == (90, 90)


def test_show_as_json(run: Run, folder: Path) -> None:
    found = json.loads(run("data", "show", "x.npy", "--json").out)
    assert found["format"] == "NumPy array"
    assert found["inputs"] == ["numpy"]
    assert found["arrays"][0]["shape"] == [6, 8]


def test_mistakes_are_one_sentence(run: Run, folder: Path) -> None:
    assert run("data", "show", "none.npy") == Ran(2, "", "recon data: there is no file or folder none.npy.\n")
    (folder / "empty.h5").touch()
    assert run("data", "show", "empty.h5") == Ran(1, "", "empty.h5 is empty.\n")
    assert run("data", "show", "x.npy", "--key", "dato").err == "x.npy has no 'dato'; did you mean 'data'?\n"
    assert run("data", "show", "x.npy", "--index", "3").code == 1


def test_list_of_several_paths(run: Run, folder: Path) -> None:
    """As a shell expands *.npy."""
    (folder / "more").mkdir()
    np.save("more/y.npy", np.ones(3))
    ran = run("data", "list", "x.npy", "more", "x.npy")
    assert ran.code == 0
    assert [line.split()[0] for line in ran.out.splitlines()] == ["file", "x.npy", "more/y.npy"]


def test_list_of_a_folder_of_folders(run: Run, folder: Path) -> None:
    (folder / "all" / "first").mkdir(parents=True)
    (folder / "all" / "second").mkdir()
    message = "recon data: the folder all holds no files but the folders first, second; list one of them.\n"
    assert run("data", "list", "all") == Ran(2, "", message)
    assert run("data", "list", "all/first").err == "recon data: the folder all/first holds no files.\n"
