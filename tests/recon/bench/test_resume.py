"""Runs that are killed, interrupted, out of space or doubled, and what is left of them."""

from __future__ import annotations

import errno
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recon.bench.store import Store
from recon.bench.writer import AHEAD
from recon.cli import main
from tests.recon.bench.running import (
    ROOT,
    make_bench,
    results,
    start,
    store_of,
    tables,
    times_solved,
    wait_until,
    written,
)

TV = """\
  - {id: tv, prior: {name: tv, lam: {each: [0.05, 0.1]}}, solver: {name: pdhg, stop: {max_iter: 8}}}
"""
IN_FLIGHT = AHEAD + 1
"""Cells at most that one process is solving or writing at a time."""


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Interrupts arrive, which they do not in processes that a shell has started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before or signal.SIG_DFL)


@pytest.fixture
def bench_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """``bench_in(folder, *words)``: the exit code of ``recon bench`` in this process."""

    def run(folder: Path, *words: str) -> int:
        monkeypatch.chdir(folder)
        return main(["bench", "bench.yaml", "-q", *words])

    return run


def killed(folder: Path, stream: random.Random, least: int, most: int) -> None:
    """Start the run and kill it at a random moment after some new cells."""
    store = store_of(folder)
    before, more = len(store.finished()), stream.randint(least, most)
    process = start(folder)
    wait_until(lambda: len(store.finished()) >= before + more, process)
    time.sleep(stream.uniform(0, 0.05))
    assert process.poll() is None, process.communicate()
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert len(store.finished()) > before


def same(folder: Path, whole: Path) -> None:
    """Two runs have found the same to the last bit."""
    assert results(store_of(folder)) == results(store_of(whole))
    assert tables(store_of(folder)) == tables(store_of(whole))


def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path: Path, bench_in: Callable[..., int]) -> None:
    folder, whole = tmp_path / "killed", tmp_path / "whole"
    for place, pause in ((folder, 0.01), (whole, 0.01)):
        make_bench(place, items=4, steps=2, pause=pause, more=TV)
    assert bench_in(whole) == 0
    killed(folder, random.Random(1), 6, 12)
    before = written(store_of(folder))
    assert bench_in(folder) == 0
    after = written(store_of(folder))
    assert len(after) == 4 * 2 * 4
    assert {key: after[key] for key in before} == before, "no finished cell was written again"
    again = times_solved(folder)
    assert len(again) == 4 * 2 * 2
    assert sum(count - 1 for count in again.values()) <= IN_FLIGHT
    same(folder, whole)


@pytest.mark.slow
def test_two_hundred_cells_killed_five_times(tmp_path: Path) -> None:
    folder, whole = tmp_path / "killed", tmp_path / "whole"
    for place in (folder, whole):
        make_bench(place, items=10, steps=3, sigmas=(0.05, 0.1), pause=0.01, more=TV)
    process = start(whole)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    stream = random.Random(time.time_ns())
    for _ in range(5):
        before = written(store_of(folder))
        killed(folder, stream, 1, 30)
        after = written(store_of(folder))
        assert {key: after[key] for key in before} == before
    before = written(store_of(folder))
    process = start(folder)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    after = written(store_of(folder))
    assert {key: after[key] for key in before} == before
    assert len(after) == 200
    assert f"200 cells, {len(before)} of them done before: 200 ok." in out
    again = times_solved(folder)
    assert len(again) == 120
    assert sum(count - 1 for count in again.values()) <= 5 * IN_FLIGHT
    assert not list((store_of(folder).folder / "claims").iterdir())
    same(folder, whole)


def test_an_interrupt_says_how_to_go_on_and_it_goes_on(
    tmp_path: Path, bench_in: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    make_bench(tmp_path, items=4, solver="Interrupted", marked=2)
    words = ("--set", "name=two words")
    assert bench_in(tmp_path, *words) == 130
    assert capsys.readouterr().err == ("Interrupted. To continue:\n  recon bench bench.yaml --set 'name=two words'\n")
    before = written(store_of(tmp_path))
    assert len(before) == 2 * 2, "both methods on the items before the marked one"
    assert {record["status"] for record in store_of(tmp_path).records()} == {"ok"}
    assert bench_in(tmp_path, *words) == 0
    after = written(store_of(tmp_path))
    assert len(after) == 16
    assert {key: after[key] for key in before} == before
    assert max(times_solved(tmp_path).values()) == 2
    assert sum(times_solved(tmp_path).values()) == 17


@pytest.mark.slow
def test_ctrl_c_on_a_running_process(tmp_path: Path) -> None:
    make_bench(tmp_path, items=4, pause=0.2)
    process = start(tmp_path)
    wait_until(lambda: len(store_of(tmp_path).finished()) >= 3, process)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "Interrupted. To continue:\n  recon bench bench.yaml\n"
    before = written(store_of(tmp_path))
    process = start(tmp_path)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert f"16 cells, {len(before)} of them done before: 16 ok." in out


def test_an_interrupt_before_the_first_cell(
    tmp_path: Path,
    bench_in: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from recon.bench import run

    def pressed(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    make_bench(tmp_path)
    monkeypatch.setattr(run, "environment", pressed)
    assert bench_in(tmp_path) == 130
    assert capsys.readouterr().err == "Interrupted. To continue:\n  recon bench bench.yaml\n"


def test_a_full_disk_ends_the_run_with_a_sentence(
    tmp_path: Path,
    bench_in: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_bench(tmp_path, items=6)
    left = 40

    def full(descriptor: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("recon.bench.atomic.os.fsync", full)
        assert bench_in(tmp_path) == 1
    store = store_of(tmp_path)
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.endswith("cannot be written (No space left on device); what is complete stays.\n")
    before = written(store)
    assert 8 <= len(before) <= 18
    assert not list(store.folder.rglob("*.part"))
    assert all(store.arrays(key)["image"].shape == (8, 8) for key in before)
    assert bench_in(tmp_path) == 0
    after = written(store)
    assert len(after) == 24
    assert {key: after[key] for key in before} == before


MOUNTED = """
set -e
mkdir out
mount -t tmpfs -o size=200k none out
run() { set +e; "$@" -m recon bench bench.yaml -q; echo "exit $?" >&2; set -e; }
run "$@"
find out -name '*.part' >&2
cp -a out full
mount -o remount,ro out
run "$@"
mount -o remount,rw,size=40m out
run "$@"
cp -a out whole
"""


@pytest.mark.slow
def test_a_file_system_that_is_full_and_one_that_is_read_only(tmp_path: Path) -> None:
    """On a disk of 200 KiB of its own, where the system lets a test have one."""
    if subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("the test needs a mount of its own: unshare -rm does not work here")
    make_bench(tmp_path, items=10)
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", MOUNTED, "sh", sys.executable],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    full, first, read_only, second, last = done.stderr.splitlines()
    assert full.endswith("cannot be written (No space left on device); what is complete stays.")
    assert (first, second, last) == ("exit 1", "exit 2", "exit 0")
    assert "Read-only file system" in read_only
    before, after = Store(tmp_path / "full" / "bench"), Store(tmp_path / "whole" / "bench")
    found = results(before)
    assert 5 <= len(found) < 40
    assert len(results(after)) == 40
    assert {key: results(after)[key] for key in found} == found
    assert {record["status"] for record in after.records()} == {"ok"}


def test_a_folder_that_cannot_be_made(
    tmp_path: Path, bench_in: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    make_bench(tmp_path)
    (tmp_path / "out").write_text("a file is in the way")
    assert bench_in(tmp_path) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "nothing can be written to the folder" in err


@pytest.mark.slow
def test_two_processes_on_one_run(tmp_path: Path) -> None:
    folder, whole = tmp_path / "both", tmp_path / "whole"
    for place in (folder, whole):
        make_bench(place, items=10, steps=3, pause=0.02, more=TV)
    alone = start(whole)
    assert alone.communicate(timeout=300)
    both = [start(folder), start(folder)]
    outs = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], outs
    assert all("100 cells" in out and "100 ok." in out for out, _ in outs)
    same(folder, whole)
    again = times_solved(folder)
    assert len(again) == 60
    assert sum(again.values()) <= 75, "they share the work, but for some cells that both begin at the same moment"
    assert not list(store_of(folder).folder.rglob("*.part"))


def test_a_method_under_another_name_keeps_its_results(tmp_path: Path, bench_in: Callable[..., int]) -> None:
    file = make_bench(tmp_path)
    assert bench_in(tmp_path) == 0
    before = written(store_of(tmp_path))
    file.write_text(
        file.read_text().replace("id: own", "id: ours").replace("name: gaussian_blur", "id: lens, name: gaussian_blur")
    )
    assert bench_in(tmp_path) == 0
    assert written(store_of(tmp_path)) == before
    named = {(record["operator"], record["method"]) for record in store_of(tmp_path).records()}
    methods = ("ours-step_size=0.1", "ours-step_size=0.15")
    assert named == {(operator, method) for operator in ("identity", "lens") for method in methods}


def test_what_another_process_is_working_at_comes_last(tmp_path: Path, bench_in: Callable[..., int]) -> None:
    make_bench(tmp_path)
    assert bench_in(tmp_path) == 0
    store, order = store_of(tmp_path), times_solved(tmp_path)
    first = next(store.plan()).key
    for key in store.finished():
        store.forget(key)
    (tmp_path / "solved.log").unlink()
    (store.folder / "claims" / first).write_text(f"{socket.gethostname()} {os.getppid()}")
    assert store.taken(first)
    assert bench_in(tmp_path) == 0
    assert list(times_solved(tmp_path)) == [*list(order)[1:], next(iter(order))]
    assert not store.taken(first)
