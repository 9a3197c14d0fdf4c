"""Darts thrown on a grid, each keeping its distance from those before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

Array = np.ndarray[Any, Any]


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiled without fused or reordered arithmetic; kept on disk where some folder can be written."""
    try:
        return numba.njit(cache=True, nogil=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:
        return numba.njit(nogil=True)(function)  # type: ignore[no-any-return]


@_compiled
def throw_darts(order: Array, squared: Array, hits: Array) -> int:
    """Visit the points of a grid in ``order`` and keep those that no kept point is too near to.

    Points p and q are too near where |p − q|² < max(squared[p], squared[q]). Sets ``hits``, booleans of the grid's
    shape that are false before, and returns their number.
    """
    rows, columns = squared.shape
    blocked = np.zeros((rows, columns), np.bool_)
    count = 0
    for index in order:
        i, j = index // columns, index % columns
        if blocked[i, j]:
            continue
        reach = int(np.ceil(np.sqrt(squared[i, j])))
        top, bottom = max(0, i - reach), min(rows, i + reach + 1)
        left, right = max(0, j - reach), min(columns, j + reach + 1)
        free = True
        for a in range(top, bottom):
            for b in range(left, right):
                if hits[a, b] and (a - i) ** 2 + (b - j) ** 2 < squared[i, j]:
                    free = False
                    break
            if not free:
                break
        if not free:
            continue
        hits[i, j] = True
        count += 1
        for a in range(top, bottom):
            for b in range(left, right):
                if (a - i) ** 2 + (b - j) ** 2 < squared[i, j]:
                    blocked[a, b] = True
    return count
