"""What kernels on sheared rows share: the layout of packed images and of eight streams of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu.jit import inlined, kernel
from recon.operators.ct.kernels.cpu.simd import LANES

Array = np.ndarray[Any, Any]

GROUP = 8  # rows (forward) or views (adjoint) added in one pass over an accumulator
MARGIN = 2 * LANES  # zeros beside packed rows, so that whole registers can be read at any shift


@kernel
def pack(image: Array, begin: int, end: int, packed: Array) -> None:
    """Write rows begin … end − 1 of ``packed``: those of images (items, rows, columns) between margins of zeros."""
    items, rows, columns = image.shape
    for b in range(items):
        for i in range(begin, end):
            packed[b, i, :MARGIN] = 0
            packed[b, i, MARGIN + columns :] = 0
            for j in range(columns):
                packed[b, i, MARGIN + j] = image[b, i, j] if i < rows else 0


@kernel
def pack_transposed(image: Array, begin: int, end: int, packed: Array) -> None:
    """Write rows begin … end − 1 of images (items, rows, columns) as columns of ``packed``, and the zeros beside them.

    The first and the last rows bring the margins with them.
    """
    items, rows, columns = image.shape
    left = MARGIN + begin if begin else 0
    right = MARGIN + end if end < rows else packed.shape[2]
    for b in range(items):
        packed[b, columns:, left:right] = 0
        for j in range(columns):
            packed[b, j, left : MARGIN + begin] = 0
            packed[b, j, MARGIN + end : right] = 0
        for first in range(begin, end, LANES):  # whole cache lines of the target
            for j in range(columns):
                for i in range(first, min(first + LANES, end)):
                    packed[b, j, MARGIN + i] = image[b, i, j]


@inlined
def eight(values: Array) -> Any:
    """The first eight values, as a tuple that stays in registers."""
    return values[0], values[1], values[2], values[3], values[4], values[5], values[6], values[7]


@inlined
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


@inlined
def add_transpose(other: Array, first: int, last: int, out: Array) -> None:
    """Add rows first … last − 1 of the transpose of ``other`` to those of ``out``."""
    for j in range(out.shape[1]):
        for i in range(first, last):
            out[i, j] += other[j, i]


@inlined
def copy(source: Array, target: Array) -> None:
    """target[…] = source[…], of as many numbers; Numba compiles a slice assignment of its own five times longer."""
    for n in range(source.shape[0]):
        target[n] = source[n]
