"""What kernels on sheared rows share: the layout of packed images and of eight streams of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels.jit import kernel
from recon.operators.ct.kernels.simd import LANES

Array = np.ndarray[Any, Any]

GROUP = 8  # rows (forward) or views (adjoint) added in one pass over an accumulator
MARGIN = 2 * LANES  # zeros beside packed rows, so that whole registers can be read at any shift


@kernel
def transpose(image: Array, begin: int, end: int, packed: Array) -> None:
    """Write rows begin … end − 1 of images (items, rows, columns) as columns between the margins of ``packed``."""
    items, _, columns = image.shape
    for b in range(items):
        for first in range(begin, end, LANES):  # whole cache lines of the target
            for j in range(columns):
                for i in range(first, min(first + LANES, end)):
                    packed[b, j, MARGIN + i] = image[b, i, j]


@kernel
def eight(values: Array) -> Any:
    """The first eight values, as a tuple that stays in registers."""
    return values[0], values[1], values[2], values[3], values[4], values[5], values[6], values[7]


@kernel
def starts(first: int, stride: int, whole: Array, sign: int) -> Any:
    """Where eight rows, ``stride`` apart, begin when row n is shifted by sign · whole[n]."""
    return (
        first + sign * whole[0],
        first + stride + sign * whole[1],
        first + 2 * stride + sign * whole[2],
        first + 3 * stride + sign * whole[3],
        first + 4 * stride + sign * whole[4],
        first + 5 * stride + sign * whole[5],
        first + 6 * stride + sign * whole[6],
        first + 7 * stride + sign * whole[7],
    )


@kernel
def add_transpose(other: Array, first: int, last: int, out: Array) -> None:
    """Add rows first … last − 1 of the transpose of ``other`` to those of ``out``."""
    for j in range(out.shape[1]):
        for i in range(first, last):
            out[i, j] += other[j, i]
