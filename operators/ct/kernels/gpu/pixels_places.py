"""Pieces of the kernels that read views at pixels: weights, and which layers meet an edge of a bin's pixels."""

from __future__ import annotations

import triton.language as tl

from recon.operators.ct.kernels.gpu.compile import kernel
from recon.operators.ct.kernels.gpu.places import FAR

EDGE = tl.constexpr(1.01)  # bins from a bin within which its pixels are seen, with room for rounded places
ROOM = tl.constexpr(0.01)  # pixels by which their range is made longer at each end


@kernel
def powered(inverse: tl.tensor, POWER: tl.constexpr) -> tl.tensor:
    """inverse ^ POWER for positive numbers."""
    if POWER == 0:
        weight = tl.zeros_like(inverse) + 1
    elif POWER == 1:
        weight = inverse
    elif POWER == 2:
        weight = inverse * inverse
    else:
        weight = tl.exp(POWER * tl.log(inverse.to(tl.float64))).to(inverse.dtype)
    return weight


@kernel
def positive(start: tl.tensor, step: tl.tensor, layers: tl.tensor) -> tl.tensor:
    """First and last + 1 layer at which start + step · (i − layers // 2) may be positive, or a nearby one."""
    root = -start / tl.where(step != 0, step, 1)
    low = tl.where(step > 0, root, tl.where((step < 0) | (start > 0), -FAR, FAR))
    high = tl.where(step < 0, root, FAR)
    last = tl.cast(layers, low.dtype)
    begin = tl.minimum(tl.maximum(tl.floor(low) - 1 + layers // 2, 0), last)
    return begin.to(tl.int32), tl.minimum(tl.maximum(tl.ceil(high) + 2 + layers // 2, 0), last).to(tl.int32)


@kernel
def meeting(
    low: tl.tensor,
    low_step: tl.tensor,
    high: tl.tensor,
    high_step: tl.tensor,
    layers: tl.tensor,
    across: tl.tensor,
) -> tl.tensor:
    """First and last + 1 layer i in which low + i · low_step to high + i · high_step may meet 0 … across − 1.

    Layers are counted from layers // 2, positions from across // 2.
    """
    begin, end = positive(high + ROOM + across // 2, high_step, layers)
    other, other_end = positive(across - 1 - across // 2 + ROOM - low, -low_step, layers)
    return tl.maximum(begin, other), tl.minimum(end, other_end)


@kernel
def most_of(
    low: tl.tensor,
    low_step: tl.tensor,
    high: tl.tensor,
    high_step: tl.tensor,
    wanted: tl.tensor,
    first: tl.tensor,
    last: tl.tensor,
    across: tl.tensor,
) -> tl.tensor:
    """The most whole numbers that such a range has in the layers from first to last, at most all ``across``."""
    width, step = high - low + 2 * ROOM, high_step - low_step
    widest = tl.max(tl.where(wanted, tl.maximum(width + first * step, width + last * step), -1), 0)
    return tl.minimum(tl.maximum(tl.floor(widest) + 1, 0), tl.cast(across, widest.dtype)).to(tl.int32)


@kernel
def chord(at_first: tl.tensor, at_last: tl.tensor, layers: tl.tensor, clear: tl.tensor, far: tl.constexpr) -> tl.tensor:
    """Value at layer layers // 2 and step by layer of a line through values at the first and the last one.

    Where it is not clear, ``far`` and 0. The least of affine functions lies above such a line, the greatest below it.
    """
    step = (at_last - at_first) / tl.maximum(layers - 1, 1).to(at_first.dtype)
    start = at_first + step * (layers // 2).to(at_first.dtype)
    return tl.where(clear, start, far), tl.where(clear, step, 0)
