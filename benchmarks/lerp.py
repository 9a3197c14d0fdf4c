"""How many linear interpolations a core can do, as a ceiling for projectors."""

from __future__ import annotations

import time

import numba
import numpy as np


@numba.njit(fastmath=True)
def _lerp(rows, fraction, total, repeats):  # type: ignore[no-untyped-def]
    for _ in range(repeats):
        for n in range(rows.shape[0]):
            f = fraction[n]
            row = rows[n]
            for j in range(total.shape[0]):
                total[j] += row[j] + f * (row[j + 1] - row[j])


def lerp_rate(seconds: float = 0.5) -> float:
    """Lerps per second on one thread: rows in cache, read in order, added up in float32."""
    rows = np.random.default_rng(0).random((8, 1025), np.float32)
    fraction, total = np.linspace(0, 1, 8, dtype=np.float32), np.zeros(1024, np.float32)
    repeats = 1000
    _lerp(rows, fraction, total, 1)
    best, start = 0.0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        begin = time.process_time()
        _lerp(rows, fraction, total, repeats)
        best = max(best, repeats * rows.shape[0] * total.size / (time.process_time() - begin))
    return best
