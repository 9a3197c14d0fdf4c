"""Limits of time and memory that hold even where a computation hangs."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from recon.bench.memory import resident


class TimeLimit(BaseException):
    """The time is up."""


class MemoryLimit(BaseException):
    """The memory is used up."""


GRACE = 2.0
"""Seconds beyond the limit before a solver that has not stopped itself is interrupted."""
STUCK = 5.0
"""Seconds after that before what cannot be interrupted is given up, with its process."""
EVERY = 0.05
"""Seconds between two looks."""


@contextmanager
def guarded(
    seconds: float | None, memory: float | None, give_up: Callable[[str], None], *, grace: float = GRACE
) -> Iterator[None]:
    """Interrupt the block when its time or memory is used up.

    The thread that runs the block gets a :class:`TimeLimit` or a :class:`MemoryLimit`. Where that has no effect, since
    the thread is inside code that does not return to Python, ``give_up`` is called from another thread, with
    ``"timeout"`` or ``"out_of_memory"``; it is expected to end the process.

    Parameters
    ----------
    seconds
        Longest time, to which ``grace`` is added; None for no limit.
    memory
        Most resident memory beyond what is in use now, in bytes; None for no limit.
    """
    if seconds is None and memory is None:
        yield
        return
    watched = _Watched(
        None if seconds is None else time.monotonic() + seconds + grace,
        None if memory is None else resident() + memory,
        give_up,
        threading.get_ident(),
        threading.current_thread() is threading.main_thread(),
    )
    with _alarm():
        _WATCH.take(watched)
        try:
            try:
                yield
            finally:
                _WATCH.drop(watched)
        finally:
            _WATCH.drop(watched)  # once more, for an interrupt that arrives on the way there


@dataclass(eq=False)
class _Watched:
    """A block under way: when it must end, how much memory the process may have then, and whose it is."""

    end: float | None
    most: float | None
    give_up: Callable[[str], None]
    thread: int
    in_main: bool
    status: str = ""
    interrupted: float = 0.0
    over: bool = False

    def look(self) -> None:
        """Interrupt the block where a limit is passed, and give it up where that has had no effect."""
        now = time.monotonic()
        if self.status:
            if now > self.interrupted + STUCK:
                self.give_up(self.status)
        elif self.most is not None and resident() > self.most:
            self._interrupt(MemoryLimit, "out_of_memory", now)
        elif self.end is not None and now >= self.end:
            self._interrupt(TimeLimit, "timeout", now)

    def _interrupt(self, error: type[BaseException], status: str, now: float) -> None:
        self.status, self.interrupted = status, now
        if self.in_main:
            _pending.append(error)
            os.kill(os.getpid(), signal.SIGALRM)
        else:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self.thread), ctypes.py_object(error))


class _Watch:
    """The one thread of a process that looks at clock and memory; blocks come and go without waking it."""

    def __init__(self) -> None:
        self.blocks: list[_Watched] = []
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None

    def take(self, block: _Watched) -> None:
        """Look after a block."""
        with self.lock:
            self.blocks.append(block)
            if self.thread is None or not self.thread.is_alive():
                self.thread = threading.Thread(target=self._run, daemon=True, name="recon-watch")
                self.thread.start()

    def drop(self, block: _Watched) -> None:
        """Do so no longer; an interrupt that is on its way arrives in here, and leaves the rest to the thread."""
        block.over = True
        with self.lock:
            self.blocks = [other for other in self.blocks if other is not block]

    def _run(self) -> None:
        while True:
            time.sleep(EVERY)
            with self.lock:
                self.blocks = [block for block in self.blocks if not block.over]
                for block in self.blocks:
                    block.look()


_WATCH = _Watch()
_pending: list[type[BaseException]] = []


@contextmanager
def _alarm() -> Iterator[None]:
    """SIGALRM raises what the watch has found, where this is the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        if _pending:
            raise _pending.pop()

    before = signal.signal(signal.SIGALRM, ring)
    try:
        yield
    finally:
        _pending.clear()
        signal.signal(signal.SIGALRM, before)
