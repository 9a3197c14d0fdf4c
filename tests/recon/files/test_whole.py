"""Files that are there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from recon.files import DataError
from recon.files.whole import whole, write_text


def test_the_file_is_there_when_the_block_has_ended(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "a.txt"
    with whole(target) as name:
        name.write_text("content")
        assert not target.exists()
    assert target.read_text() == "content"
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write_text(target, "before")

    def break_off() -> None:
        with whole(target) as name:
            name.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError) as error:
        write_text(tmp_path / "file" / "a.txt", "content")
    assert str(error.value) == f"{tmp_path / 'file' / 'a.txt'} cannot be written (File exists)."
