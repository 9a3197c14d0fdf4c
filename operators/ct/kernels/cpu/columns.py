"""Volumes packed with z innermost and zeros around them.

Pixel (z, y, x) of item b lies at FIRST + b · size + (y + 1) · y_stride + (x + 1) · x_stride + z of one flat array, with
(size, y_stride, x_stride) from :func:`strides`. Beside each axis lie one zero before it and two after it; before z
these are the last ones of the column before.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu.jit import kernel
from recon.operators.ct.kernels.cpu.simd import LANES
from recon.operators.ct.kernels.cpu.threads import in_parts

Array = np.ndarray[Any, Any]

FIRST = LANES


@kernel
def strides(shape: Any) -> Any:
    """(size, y_stride, x_stride) of volumes (z, y, x)."""
    depth = (shape[0] + 3 + LANES - 1) // LANES * LANES
    width = (shape[2] + 3) * depth
    return (shape[1] + 3) * width, width, depth


def aligned(shape: tuple[int, ...], dtype: Any) -> Array:
    """Zeros that begin where registers do."""
    raw = np.zeros(prod(shape) + LANES, dtype)
    first = -raw.ctypes.data % (LANES * raw.itemsize) // raw.itemsize
    return raw[first : first + prod(shape)].reshape(shape)


def empty(items: int, shape: tuple[int, ...], dtype: Any) -> Array:
    """Packed volumes of zeros."""
    return aligned((FIRST + items * strides(shape)[0],), dtype)


def pack(image: Array) -> Array:
    """Volumes (items, z, y, x), packed."""
    packed = empty(len(image), image.shape[1:], image.dtype)
    in_parts(lambda first, last: _pack(image, first, last, packed), image.shape[2])
    return packed


def unpack(packed: Array, out: Array) -> None:
    """Write packed volumes to ``out`` (items, z, y, x)."""
    in_parts(lambda first, last: _unpack(packed, first, last, out), out.shape[2])


@kernel
def _pack(image: Array, begin: int, end: int, packed: Array) -> None:
    items, planes, _, columns = image.shape
    size, y_stride, x_stride = strides(image.shape[1:])
    for b in range(items):
        for y in range(begin, end):
            at = FIRST + b * size + (y + 1) * y_stride + x_stride
            for first in range(0, planes, LANES):
                for x in range(columns):
                    for z in range(first, min(first + LANES, planes)):
                        packed[at + x * x_stride + z] = image[b, z, y, x]


@kernel
def _unpack(packed: Array, begin: int, end: int, out: Array) -> None:
    items, planes, _, columns = out.shape
    size, y_stride, x_stride = strides(out.shape[1:])
    for b in range(items):
        for y in range(begin, end):
            at = FIRST + b * size + (y + 1) * y_stride + x_stride
            for first in range(0, columns, LANES):
                for z in range(planes):
                    for x in range(first, min(first + LANES, columns)):
                        out[b, z, y, x] = packed[at + x * x_stride + z]
