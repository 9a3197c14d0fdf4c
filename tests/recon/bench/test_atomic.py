import errno
import json
import os
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest

from recon.bench.atomic import StoreError, as_json, as_npz, read_arrays, read_json, write_bytes


def test_a_file_replaces_the_one_before_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_bytes(tmp_path / "new" / "a.json", b"1")
    write_bytes(tmp_path / "new" / "a.json", b"22")
    assert (tmp_path / "new" / "a.json").read_bytes() == b"22"
    assert os.listdir(tmp_path / "new") == ["a.json"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_what_was_there(step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "a.json"
    write_bytes(path, b"whole")
    monkeypatch.setattr(os, step, full)
    with pytest.raises(StoreError) as error:
        write_bytes(path, b"new")
    assert str(error.value) == f"{path} cannot be written (No space left on device); what is complete stays."
    assert path.read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    """The clean-up once raised an error of its own in place of the sentence."""
    (tmp_path / "cells").write_text("no folder")
    with pytest.raises(StoreError, match=r"cells/a.json cannot be written \(Not a directory\); what is complete stays"):
        write_bytes(tmp_path / "cells" / "a.json", b"1")


def test_the_name_appears_once_the_content_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda *a: (steps.append("fsync"), fsync(*a)))
    monkeypatch.setattr(os, "replace", lambda *a: (steps.append("replace"), replace(*a)))
    write_bytes(tmp_path / "a", b"content")
    assert steps == ["fsync", "replace"]


def test_json_has_null_for_what_it_cannot_hold() -> None:
    value = {"a": [1.5, nan, (inf, -inf)], 3: True, "b": None, "c": Path("x"), "d": "é", "e": np.float64(2.5)}
    text = as_json(value).decode()
    assert json.loads(text) == {"a": [1.5, None, [None, None]], "3": True, "b": None, "c": "x", "d": "é", "e": 2.5}
    assert text.endswith("\n")


def test_numbers_come_back_as_they_were(tmp_path: Path) -> None:
    numbers = [0.1, 1 / 3, 1e-300, 123456789.123456789]
    write_bytes(tmp_path / "a.json", as_json(numbers))
    assert read_json(tmp_path / "a.json") == numbers


def test_arrays_come_back_bit_for_bit(tmp_path: Path) -> None:
    arrays = {"image": np.random.default_rng(0).random((3, 4), dtype=np.float32), "history/gap": np.array([1.0, nan])}
    arrays["complex"] = arrays["image"].astype(np.complex64)
    write_bytes(tmp_path / "a.npz", as_npz(arrays))
    found = read_arrays(tmp_path / "a.npz")
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


def test_what_is_not_there(tmp_path: Path) -> None:
    assert read_json(tmp_path / "none.json") is None
    assert read_arrays(tmp_path / "none.npz") == {}
