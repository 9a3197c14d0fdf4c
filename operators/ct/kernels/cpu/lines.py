"""Reading pairs of columns of pixels for rows of the detector, and the transpose: LANES at a time, and one by one.

A ``pair`` (at, size, stride) of columns of packed volumes begins at ``at + b · size`` for item b and ``stride``
further; ``share`` (near, far) says how much of each is meant. A line of rows (at, pitch) begins at ``at + b · pitch``.
``batch`` is a tuple of as many zeros as there are items, so that their number is known to the compiler.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu.fixed import (
    digits,
    far_node,
    fixed,
    fused,
    magnitude,
    node,
    pick,
    positive,
    ramp,
    real,
    rest,
)
from recon.operators.ct.kernels.cpu.grid import place
from recon.operators.ct.kernels.cpu.jit import inlined
from recon.operators.ct.kernels.cpu.simd import LANES, gather, load, splat, store

Array = np.ndarray[Any, Any]

MARGIN = 3 * LANES  # zeros before and after a blended column, for rows beyond the volume
ROW_MARGIN = 5 * LANES  # zeros before and after a line of rows, for pixels beyond the detector
CLOSEST, WIDEST = 0.25, 2.0  # distances of neighbouring rows, in pixels, that registers serve


@inlined
def blend(packed: Array, pair: Any, share: Any, low: int, high: int, batch: Any, columns: Array, line: Any) -> None:
    """Write pixels low … high − 1 of a pair, as one column, behind the margin of a line of ``columns``."""
    near, far = splat(packed.dtype.type(share[0])), splat(packed.dtype.type(share[1]))
    for b in range(len(batch)):
        source, target = pair[0] + b * pair[1], line[0] + b * line[1] + MARGIN
        for z in range(low, high, LANES):
            value = fused(near, load(packed, source + z), far * load(packed, source + pair[2] + z))
            store(columns, target + z, value)


@inlined
def read_lanes(
    columns: Array, line: Any, batch: Any, start: int, step: int, low: int, high: int, lines: Array, rows: Any
) -> None:
    """Add to rows low … high − 1 what they read from a blended column at start + row · step, in fixed-point numbers."""
    one, unit = fixed(columns, np.int64(1)), fixed(columns, np.int64(1) << digits(columns))
    ahead = fixed(columns, step)
    ahead = ahead * ramp(ahead)
    for row in range(low // LANES * LANES, high, LANES):
        position = start + row * step
        base = position >> digits(columns)
        z = fixed(columns, position - (base << digits(columns))) + ahead
        left, after = node(z), rest(z)
        right, near, far = left + one, real(unit - after), real(after)
        for b in range(len(batch)):
            source, target = line[0] + b * line[1] + MARGIN + base, rows[0] + b * rows[1] + row
            total = fused(near, pick(columns, source, left), load(lines, target))
            store(lines, target, fused(far, pick(columns, source, right), total))


@inlined
def add_lanes(
    lines: Array,
    rows: Any,
    batch: Any,
    start: int,
    step: int,
    search: Any,
    share: Any,
    low: int,
    high: int,
    packed: Array,
    pair: Any,
) -> None:
    """Transpose of :func:`blend` and :func:`read_lanes`: add what rows gave to pixels low … high − 1 of a pair.

    ``search`` (taps, sought, advance) says that pixel low + n is seen by the first ``taps`` rows beyond sought +
    n · advance, in units four times as large, or by fewer.
    """
    near, far = splat(packed.dtype.type(share[0])), splat(packed.dtype.type(share[1]))
    taps, sought, advance = search
    one, unit, ahead = fixed(packed, np.int64(1)), fixed(packed, np.int64(1) << digits(packed)), fixed(packed, step)
    lanes, pixels = fixed(packed, advance), unit * ramp(unit)
    lanes = lanes * ramp(lanes)
    if taps == 2:
        for q in range(low, high, LANES):
            first, row, d = _first_rows(packed, sought, lanes, start, step, q, ahead, pixels)
            sought += LANES * advance
            h0, h1 = real(positive(unit - magnitude(d))), real(positive(unit - (d + ahead)))
            next0 = row + one
            for b in range(len(batch)):
                source = rows[0] + first + b * rows[1]
                value = fused(h1, pick(lines, source, next0), h0 * pick(lines, source, row))
                _add(packed, pair, b, q, near, far, value)
    elif taps == 3 and step <= np.int64(1) << digits(packed):
        for q in range(low, high, LANES):
            first, row, d = _first_rows(packed, sought, lanes, start, step, q, ahead, pixels)
            sought += LANES * advance
            h0, d = real(positive(unit + d)), d + ahead
            h1, h2 = real(unit - magnitude(d)), real(positive(unit - (d + ahead)))
            next0 = row + one
            next1 = next0 + one
            for b in range(len(batch)):
                source = rows[0] + first + b * rows[1]
                value = fused(h1, pick(lines, source, next0), h0 * pick(lines, source, row))
                _add(packed, pair, b, q, near, far, fused(h2, pick(lines, source, next1), value))
    else:
        within = step >= np.int64(9) << (digits(packed) - 4)  # LANES pixels see no more rows than `pick` reaches
        for q in range(low, high, LANES):
            first, row, d = _first_rows(packed, sought, lanes, start, step, q, ahead, pixels)
            sought += LANES * advance
            for b in range(len(batch)):
                source = rows[0] + first + b * rows[1]
                value, distance, seen = splat(packed.dtype.type(0)), d, row
                for _ in range(taps):
                    read = pick(lines, source, seen) if within else gather(lines, seen, source)
                    value = fused(real(positive(unit - magnitude(distance))), read, value)
                    distance, seen = distance + ahead, seen + one
                _add(packed, pair, b, q, near, far, value)


@inlined
def _first_rows(packed: Array, sought: int, lanes: Any, start: int, step: int, q: int, ahead: Any, pixels: Any) -> Any:
    """A row, how many rows later each pixel from q on is seen first, and how far that row is from the pixel."""
    coarse = digits(packed) - 2
    earlier = sought >> coarse
    row = far_node(fixed(packed, sought - (earlier << coarse)) + lanes)
    first = fixed(packed, start + (earlier + 1) * step - (np.int64(q) << digits(packed)))
    return earlier + 1, row, row * ahead + (first - pixels)


@inlined
def _add(packed: Array, pair: Any, b: int, z: int, near: Any, far: Any, value: Any) -> None:
    at = pair[0] + b * pair[1] + z
    store(packed, at, fused(near, value, load(packed, at)))
    store(packed, at + pair[2], fused(far, value, load(packed, at + pair[2])))


@inlined
def read_each(
    packed: Array,
    pair: Any,
    share: Any,
    batch: Any,
    z: float,
    step: float,
    planes: int,
    low: int,
    high: int,
    lines: Array,
    rows: Any,
) -> None:
    """Add to rows low … high − 1 what they read at z + row · step from a pair of columns."""
    number = packed.dtype.type
    near, far = number(share[0]), number(share[1])
    for row in range(low, high):
        position = place(z, step, row)
        if -1.0 <= position < planes:
            m = np.int64(position + 1.0) - 1
            h = number(position - m)
            for b in range(len(batch)):
                at = pair[0] + b * pair[1] + m
                lower = near * packed[at] + far * packed[at + pair[2]]
                upper = near * packed[at + 1] + far * packed[at + 1 + pair[2]]
                lines[rows[0] + b * rows[1] + row] += (number(1) - h) * lower + h * upper


@inlined
def add_each(
    lines: Array,
    rows: Any,
    batch: Any,
    z: float,
    step: float,
    planes: int,
    share: Any,
    low: int,
    high: int,
    packed: Array,
    pair: Any,
) -> None:
    """Transpose of :func:`read_each`."""
    number = packed.dtype.type
    near, far = number(share[0]), number(share[1])
    for row in range(low, high):
        position = place(z, step, row)
        if -1.0 <= position < planes:
            m = np.int64(position + 1.0) - 1
            h = number(position - m)
            for b in range(len(batch)):
                value, at = lines[rows[0] + b * rows[1] + row], pair[0] + b * pair[1] + m
                lower, upper = (number(1) - h) * value, h * value
                if m >= 0:  # before the first pixel lies another column's margin
                    packed[at] += near * lower
                    packed[at + pair[2]] += far * lower
                packed[at + 1] += near * upper
                packed[at + 1 + pair[2]] += far * upper
