"""Positions on a regular grid, rounded the same way in every kernel that asks for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu.jit import part


@part
def place(start: float, step: float, n: int) -> float:
    """start + step · n."""
    return start + step * n


@part
def span(start: float, step: float, count: int, low: float, high: float) -> Any:
    """First and last + 1 of the n in range(count) with low ≤ start + step · n < high."""
    a, b = (low - start) / step, (high - start) / step
    first = np.int64(max(min(a, b, count), 0.0))
    last = np.int64(min(max(a + 2.0, b + 2.0, 0.0), count))
    while first < last and not low <= place(start, step, first) < high:
        first += 1
    while first < last and not low <= place(start, step, last - 1) < high:
        last -= 1
    return first, last
