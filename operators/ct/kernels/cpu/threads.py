"""Runs GIL-free kernels on a pool of threads."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

_pool: ThreadPoolExecutor | None = None


def for_each(count: int, task: Callable[[int], object]) -> None:
    """Call ``task(0)``, ..., ``task(count - 1)`` on up to ``torch.get_num_threads()`` threads.

    Tasks are dealt out in order, one at a time; each must write only what no other task touches.
    The calling thread works too, so that calls from several threads, and from forked or spawned
    processes, always finish. The first exception is raised once every thread has stopped.
    """
    threads = min(torch.get_num_threads(), count)
    if threads <= 1:
        for index in range(count):
            task(index)
        return
    indices = itertools.count()

    def work() -> None:
        while (index := next(indices)) < count:
            task(index)

    helpers = [_workers().submit(work) for _ in range(threads - 1)]
    try:
        work()
    finally:
        waiting = [helper for helper in helpers if not helper.cancel()]
        errors = [helper.exception() for helper in waiting]
    for error in errors:
        if error is not None:
            raise error


def split(count: int, multiple: int = 1, each: int = 4) -> list[tuple[int, int]]:
    """Cut range(count) into tasks for :func:`for_each`: one for one thread, else ``each`` for each.

    Every piece but the last is a multiple of ``multiple`` long.
    """
    threads = torch.get_num_threads()
    pieces = 1 if threads == 1 else each * threads
    size = max(1, -(-count // (pieces * multiple))) * multiple
    return [(first, min(first + size, count)) for first in range(0, count, size)]


def in_parts(task: Callable[[int, int], object], count: int, multiple: int = 1) -> None:
    """Call ``task(first, last)`` for each part of range(count) that :func:`split` makes, as :func:`for_each` does."""
    parts = split(count, multiple)
    for_each(len(parts), lambda n: task(*parts[n]))


def _workers() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), thread_name_prefix="recon-kernel")
    return _pool


def _forget_pool() -> None:
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
