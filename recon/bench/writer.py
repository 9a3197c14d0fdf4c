"""Writes files while the next cells are solved."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from recon.bench.atomic import write_bytes

Files = Sequence[tuple[Path, bytes]]
AHEAD = 8
"""Sets of files that may be under way at once: a disk makes several durable in the time of one."""
BYTES = 2**26
"""Most bytes under way, unless it is a single set."""


class Writer:
    """Brings files to the disk in other threads, the files of each set in order.

    What is written has been put into bytes before, so that the threads only wait for the disk and take nothing from
    the solve that is timed meanwhile.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AHEAD, "recon-writer")
        self._under_way: deque[tuple[Future[None], int]] = deque()
        self._ground: Future[None] | None = None

    def put(self, files: Files, then: Callable[[], None] = lambda: None, *, ground: bool = False) -> None:
        """Write some files and call ``then``; waits where too much is under way.

        A StoreError tells that something put before could not be written.

        Parameters
        ----------
        ground
            Whether what is put later rests on it, and is written only once this is.
        """
        size = sum(len(content) for _, content in files)
        while self._under_way and (self._under_way[0][0].done() or self._full(size)):
            self._settle()
        future = self._pool.submit(_write, files, then, self._ground)
        self._under_way.append((future, size))
        self._ground = future if ground else self._ground

    def flush(self) -> None:
        """Wait until everything is written; StoreError where it could not be."""
        while self._under_way:
            self._settle()

    def close(self) -> None:
        """Wait, and end the threads."""
        try:
            self.flush()
        finally:
            self._pool.shutdown()

    def _full(self, more: int) -> bool:
        return len(self._under_way) >= AHEAD or sum(size for _, size in self._under_way) + more > BYTES

    def _settle(self) -> None:
        """Wait for the first set that is under way."""
        self._under_way.popleft()[0].result()


def _write(files: Files, then: Callable[[], None], ground: Future[None] | None) -> None:
    if ground is not None:
        ground.result()
    for path, content in files:
        write_bytes(path, content)
    then()
