"""Total variation denoising of lines by dynamic programming, compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # no folder for the cache can be written
        return numba.njit(**options)(function)  # type: ignore[no-any-return]


@_compiled
def denoise_lines(y: np.ndarray, bound: np.ndarray, out: np.ndarray) -> None:
    """out = argmin_x ½Σ(x_k − y_k)² + Σ b_k|x_{k+1} − x_k| for each row of y (lines, n), b (lines, n − 1) ≥ 0.

    f_k(t), the least cost of the first k samples given x_k = t, has a continuous piecewise linear derivative; going on
    to k + 1 clips it to [−b_k, b_k], at low_k and high_k, and adds t − y_{k+1}. Backwards, x_k = x_{k+1} clipped to
    [low_k, high_k]. The knots of the derivative with the change of slope and offset at each are kept in a window that
    grows by one at both ends per sample and is eaten from both, so that the work is O(n) per line.
    """
    lines, n = y.shape
    knots, slopes, offsets = np.empty(2 * n), np.empty(2 * n), np.empty(2 * n)
    low, high = np.empty(n), np.empty(n)
    for line in range(lines):
        if n == 1:
            out[line, 0] = y[line, 0]
            continue
        if not np.isfinite(y[line]).all():
            out[line, :] = np.nan
            continue
        first, last = n, n - 1  # an empty window
        before = 0.0
        slope: Any
        offset: Any
        for k in range(n - 1):
            b = bound[line, k]
            # From the left: the derivative is slope·t + offset, until it exceeds −b.
            slope, offset = 1.0, -before - y[line, k]
            while first <= last and slope * knots[first] + offset <= -b:
                slope += slopes[first]
                offset += offsets[first]
                first += 1
            low[k] = (-b - offset) / slope
            first -= 1
            knots[first], slopes[first], offsets[first] = low[k], slope, offset + b
            # From the right, down to b; slopes and offsets of knots are what they add from left to right.
            slope, offset = 1.0, before - y[line, k]
            while last > first and slope * knots[last] + offset >= b:
                slope -= slopes[last]
                offset -= offsets[last]
                last -= 1
            high[k] = max((b - offset) / slope, low[k])
            last += 1
            knots[last], slopes[last], offsets[last] = high[k], -slope, b - offset
            before = b
        slope, offset = 1.0, -before - y[line, n - 1]
        while first <= last and slope * knots[first] + offset <= 0.0:
            slope += slopes[first]
            offset += offsets[first]
            first += 1
        t = -offset / slope
        out[line, n - 1] = t
        for k in range(n - 2, -1, -1):
            if t < low[k]:
                t = low[k]
            elif t > high[k]:
                t = high[k]
            out[line, k] = t
