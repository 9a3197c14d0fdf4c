"""Timing several functions against one another in a single run."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping
from math import inf

import torch


def compare(
    functions: Mapping[str, Callable[[], object]],
    repeats: int,
    clock: Callable[[], float] = time.process_time,
    limit: float = inf,
    warm: bool = False,
) -> dict[str, float]:
    """Median CPU seconds of each function; rounds are interleaved, so that drift of the machine hits all alike.

    A function that has had ``limit`` seconds sits out the rounds that are left. Each runs once before, unless ``warm``.
    """
    samples: dict[str, list[float]] = {name: [] for name in functions}
    for function in () if warm else functions.values():
        function()
    for _ in range(repeats):
        for name, function in functions.items():
            if sum(samples[name]) > limit:
                continue
            start = clock()
            function()
            samples[name].append(clock() - start)
    return {name: statistics.median(times) for name, times in samples.items()}


def device_clock() -> float:
    """Wall time at which all that a GPU was told to do is done."""
    torch.cuda.synchronize()
    return time.perf_counter()


def arguments(description: str) -> argparse.Namespace:
    """``--quick``, ``--threads`` and ``--json``; also sets torch's number of threads."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (1 by default)")
    parser.add_argument("--json", action="store_true", help="print JSON rather than tables")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.set_grad_enabled(False)
    return given


def report(tables: Mapping[str, tuple[str, dict[str, float]]], missing: Mapping[str, str], as_json: bool) -> None:
    """Print each table (title: name of the reference, median seconds) with ratios, and which peers are missing."""
    if as_json:
        print(
            json.dumps(
                {
                    "tables": {
                        title: {
                            name: {"seconds": seconds, "ratio": seconds / medians[reference]}
                            for name, seconds in medians.items()
                        }
                        for title, (reference, medians) in tables.items()
                    },
                    "missing": dict(missing),
                },
                indent=2,
            )
        )
        return
    for title, (reference, medians) in tables.items():
        print(f"\n{title}\n{'':46s} {'CPU ms':>9s} {'ratio':>7s}")
        for name, seconds in medians.items():
            print(f"{name:46s} {1e3 * seconds:9.2f} {seconds / medians[reference]:7.2f}")
    for name, reason in missing.items():
        print(f"\nmissing peer: {name} ({reason})")
