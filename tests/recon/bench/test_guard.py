"""Limits that hold: in loops, in calls that sleep, in other threads, and where nothing can be interrupted."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from recon.bench import guard
from recon.bench.guard import MemoryLimit, TimeLimit, guarded


def never(status: str) -> None:
    raise AssertionError(f"given up: {status}")


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    before = signal.getsignal(signal.SIGALRM)
    yield
    assert signal.getsignal(signal.SIGALRM) is before
    assert guard._WATCH.blocks == []
    assert guard._pending == []


def spin() -> None:
    while True:
        pass


def lasting(work: Callable[[], object]) -> float:
    """Seconds until the limit of 0.1 s has ended some work."""
    start = time.monotonic()
    with pytest.raises(TimeLimit), guarded(0.1, None, never, grace=0.0):
        work()
    return time.monotonic() - start


def test_a_loop_is_interrupted() -> None:
    assert 0.09 < lasting(spin) < 1.5


def test_a_call_that_sleeps_is_interrupted() -> None:
    assert 0.09 < lasting(lambda: time.sleep(20)) < 1.5


def test_waiting_for_a_lock_is_interrupted() -> None:
    assert 0.09 < lasting(threading.Event().wait) < 1.5


def test_what_is_in_time_is_left_alone() -> None:
    with guarded(0.2, None, never, grace=0.0):
        time.sleep(0.01)
    time.sleep(0.3)


def test_the_grace_is_added() -> None:
    with guarded(0.05, None, never, grace=0.4):
        time.sleep(0.2)


def test_without_limits_nothing_is_watched() -> None:
    with guarded(None, None, never):
        assert guard._WATCH.blocks == []


def test_exceptions_of_the_block_pass() -> None:
    with pytest.raises(ZeroDivisionError), guarded(5, None, never):
        raise ZeroDivisionError


def test_exceptions_are_not_caught_by_methods_that_catch_errors() -> None:
    def stubborn() -> None:
        try:
            spin()
        except Exception:
            spin()

    assert lasting(stubborn) < 1.5


def test_another_thread_is_interrupted_too() -> None:
    caught: list[BaseException] = []

    def work() -> None:
        try:
            with guarded(0.1, None, never, grace=0.0):
                spin()
        except TimeLimit as error:
            caught.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(5)
    assert len(caught) == 1


def test_what_cannot_be_interrupted_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread in a call that sleeps hears no exception."""
    monkeypatch.setattr(guard, "STUCK", 0.2)
    told: list[str] = []
    ended: list[str] = []

    def work() -> None:
        try:
            with guarded(0.05, None, told.append, grace=0.0):
                time.sleep(1.0)
        except TimeLimit:
            ended.append("interrupted")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(0.8)
    assert told
    assert set(told) == {"timeout"}
    assert thread.is_alive(), "the watch does not end the process by itself"
    thread.join()
    assert ended == ["interrupted"]


def test_memory_is_limited() -> None:
    held = []

    def grow() -> None:
        while True:
            held.append(np.ones(2**17))
            time.sleep(0.002)

    with pytest.raises(MemoryLimit), guarded(20, 64 * 2**20, never):
        grow()
    assert 60 < len(held) < 400


def test_memory_in_use_before_does_not_count() -> None:
    held = np.ones(2**24)
    with guarded(None, 32 * 2**20, never):
        time.sleep(0.2)
    assert held.size


def test_an_interrupt_that_comes_as_the_block_ends_leaves_nothing_behind() -> None:
    """A block that stayed in the list was later given up, and the process with it."""
    for number in range(60):
        try:
            with guarded(0.0, None, never, grace=0.0):
                time.sleep(guard.EVERY * number / 40)
        except TimeLimit:
            pass
        assert guard._WATCH.blocks == []


def test_blocks_follow_each_other_quickly() -> None:
    start = time.perf_counter()
    for _ in range(1000):
        with guarded(100, None, never):
            pass
    assert (time.perf_counter() - start) / 1000 < 1e-3
    names = [thread.name for thread in threading.enumerate()]
    assert names.count("recon-watch") == 1
