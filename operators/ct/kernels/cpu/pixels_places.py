"""Where a pixel reads a view, rounded the same way in every kernel that asks."""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels.arctangent import SERIES, TERMS
from recon.operators.ct.kernels.cpu.jit import exact

Array = np.ndarray[Any, Any]


@exact
def arctangent(aside: float, depth: float, distance: float) -> Any:
    """atan2(aside, depth) for depth > 0, with their hypotenuse: four times the angle of a quarter's tangent."""
    real = type(depth)
    half = aside / (depth + distance)
    quarter = half / (real(1) + np.sqrt(real(1) + half * half))
    square = quarter * quarter
    total = real(SERIES[0])
    for n in range(1, TERMS):
        total = total * square + real(SERIES[n])
    return real(4) * quarter * total


@exact
def weigh(left: Array, right: Array, count: int, power: float) -> None:
    """From inverse depths ``left``, zero behind the source, and fractions ``right`` to the weights of both nodes.

    The weight of a pixel is the inverse depth to this power, 0 where the inverse depth is.
    """
    one, zero = left.dtype.type(1), left.dtype.type(0)
    if power == 0:
        for j in range(count):
            left[j] = one if left[j] > zero else zero
    elif power == 2:
        for j in range(count):
            left[j] = left[j] * left[j]
    elif power != 1:
        for j in range(count):
            left[j] = left[j] ** power if left[j] > zero else zero
    for j in range(count):
        w = left[j]
        left[j] = w * (one - right[j])
        right[j] = w * right[j]


@exact
def fraction(position: float, last: float) -> Any:
    """Whole and fractional part of a position clamped to 0 … last, so that zeros lie at both ends."""
    real = type(position)
    clamped = min(max(position, real(0)), last)
    whole = np.uint32(clamped)
    return whole, clamped - real(whole)
