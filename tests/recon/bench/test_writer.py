import threading
import time
from pathlib import Path

import pytest

from recon.bench import writer
from recon.bench.atomic import StoreError
from recon.bench.writer import AHEAD, BYTES, Writer


def test_the_files_of_a_set_are_written_in_order_and_then_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    monkeypatch.setattr(writer, "write_bytes", lambda path, content: steps.append(f"{path.name} {content.decode()}"))
    some = Writer()
    some.put([(tmp_path / "a.npz", b"1"), (tmp_path / "a.json", b"2")], lambda: steps.append("then"))
    some.close()
    assert steps == ["a.npz 1", "a.json 2", "then"]


def test_the_caller_goes_on_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    may, done = threading.Event(), []
    monkeypatch.setattr(writer, "write_bytes", lambda *_: may.wait(10))
    some = Writer()
    some.put([(tmp_path / "a", b"")], lambda: done.append(True))
    assert not done, "the disk is not done yet"
    may.set()
    some.flush()
    assert done
    some.close()


@pytest.mark.parametrize(("sets", "size"), [(AHEAD, 1), (1, BYTES)])
def test_it_waits_where_too_much_is_under_way(
    sets: int, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may = threading.Event()
    monkeypatch.setattr(writer, "write_bytes", lambda *_: may.wait(10))
    some = Writer()
    for number in range(sets):
        some.put([(tmp_path / f"{number}", b"x" * size)])
    threading.Timer(0.2, may.set).start()
    start = time.monotonic()
    some.put([(tmp_path / "one more", b"x")])
    assert time.monotonic() - start > 0.15
    some.close()


@pytest.mark.parametrize("how", ["put", "flush", "close"])
def test_what_could_not_be_written_is_said_at_the_next_opportunity(how: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told: list[bool] = []
    some = Writer()
    some.put([(tmp_path / "file" / "a.json", b"1")], lambda: told.append(True))
    time.sleep(0.1)
    with pytest.raises(StoreError, match=r"file/a.json cannot be written"):
        some.put([(tmp_path / "b.json", b"1")]) if how == "put" else getattr(some, how)()
    assert not told
    some.close()


def test_what_rests_on_a_measurement_is_written_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell that was there before its measurement would have stayed without, had the process died in between."""
    may, steps = threading.Event(), []

    def write(path: Path, _: bytes) -> None:
        if path.name == "measurement":
            may.wait(10)
        steps.append(path.name)

    monkeypatch.setattr(writer, "write_bytes", write)
    some = Writer()
    some.put([(tmp_path / "measurement", b"")], ground=True)
    some.put([(tmp_path / "cell", b"")])
    time.sleep(0.05)
    assert steps == []
    may.set()
    some.close()
    assert steps == ["measurement", "cell"]


def test_what_rests_on_a_measurement_that_could_not_be_written_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may, steps = threading.Event(), []

    def write(path: Path, _: bytes) -> None:
        if path.name == "measurement":
            may.wait(10)
            raise StoreError("the disk is full")
        steps.append(path.name)

    monkeypatch.setattr(writer, "write_bytes", write)
    some = Writer()
    some.put([(tmp_path / "measurement", b"")], ground=True)
    some.put([(tmp_path / "cell", b"")], lambda: steps.append("then"))
    may.set()
    for _ in range(2):
        with pytest.raises(StoreError, match="the disk is full"):
            some.flush()
    some.close()
    assert steps == []
