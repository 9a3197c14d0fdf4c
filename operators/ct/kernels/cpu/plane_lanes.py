"""Images and sinograms packed for the plane's kernels, and unpacked."""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu.jit import kernel
from recon.operators.ct.kernels.cpu.simd import LANES

Array = np.ndarray[Any, Any]


@kernel
def to_lanes(source: Array, begin: int, end: int, rim: int, target: Array) -> None:
    """target[rim + i, rim + j, b] = source[b, i, j] for rows begin … end − 1."""
    items, _, columns = source.shape
    for i in range(begin, end):
        for first in range(0, columns, LANES):
            for b in range(items):
                for j in range(first, min(first + LANES, columns)):
                    target[rim + i, rim + j, b] = source[b, i, j]


@kernel
def from_lanes(source: Array, begin: int, end: int, target: Array) -> None:
    """target[b, i, j] = source[i, j, b] for rows begin … end − 1."""
    items, _, columns = target.shape
    for i in range(begin, end):
        for first in range(0, columns, LANES):
            for b in range(items):
                for j in range(first, min(first + LANES, columns)):
                    target[b, i, j] = source[i, j, b]


@kernel
def transpose(source: Array, first: int, begin: int, end: int, to: int, target: Array) -> None:
    """target[b, j, to + i] = source[b, i, first + j] for begin ≤ i < end and all j of target."""
    for b in range(source.shape[0]):
        for head in range(begin, end, LANES):
            tail = min(head + LANES, end)
            for j in range(target.shape[1]):
                for i in range(head, tail):
                    target[b, j, to + i] = source[b, i, first + j]
