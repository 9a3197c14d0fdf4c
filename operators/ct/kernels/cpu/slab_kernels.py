"""Joseph's method for detectors whose rows lie along z, such as those of circular and helical cone beams.

The four neighbours of a crossing lie in two columns of pixels along z, which all rows of a bin share. With row r of
bin k crossing layer i at u = j + f and z(r) = m + h (j, m whole; 0 ≤ f, h < 1),

    c[·] = (1 − f) x[i, j, ·] + f x[i, j + 1, ·],     y[r, k] = length · Σᵢ (1 − h) c[m] + h c[m + 1],

so that c is made once for all rows, LANES pixels at a time, and then read for LANES rows at a time. The adjoint
collects c for LANES pixels at a time: the rows with |z(r) − m| < 1 follow one another and weigh 1 − |z(r) − m|, the
same numbers as in the forward kernel because the z(r) are fixed-point numbers. Rows that lie too far apart, too close
or upside down for registers go one by one. P. M. Joseph, IEEE Trans. Med. Imaging 1 (1982) 192-196.

Volumes are packed as :mod:`~recon.operators.ct.kernels.cpu.columns` says. Work is cut into blocks of BINS bins of a
view, counted view by view. Rows of views marked ``down`` are counted from the last one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu.columns import FIRST, strides
from recon.operators.ct.kernels.cpu.fixed import digits
from recon.operators.ct.kernels.cpu.jit import inlined, kernel
from recon.operators.ct.kernels.cpu.lines import (
    CLOSEST,
    ROW_MARGIN,
    WIDEST,
    add_each,
    add_lanes,
    blend,
    read_each,
    read_lanes,
)
from recon.operators.ct.kernels.cpu.shadows import (
    ADVANCE,
    BINS,
    BOTTOM,
    COLUMN,
    HEIGHT,
    HIGH,
    LIMITS,
    LOW,
    PART,
    REALS,
    SHADOWS,
    SOUGHT,
    START,
    STEP,
    TAPS,
    TOP,
    UNITS,
    WHOLES,
    cast,
    cross,
    crossed,
    lengths,
    seek,
)
from recon.operators.ct.kernels.cpu.simd import LANES

Array = np.ndarray[Any, Any]

LAYERS = 16  # layers that the adjoint kernel keeps at a time


@kernel
def project_bins(
    packed: Array,
    shape: Any,
    views: Array,
    down: Array,
    spacing: Any,
    chosen: Array,
    first: int,
    last: int,
    batch: Any,
    columns: Array,
    lines: Array,
    out: Array,
) -> None:
    """Write blocks first … last − 1 of the views ``chosen``, with zeros for rays that step along z.

    ``columns`` (BINS · items, with margins) and ``lines`` (blocks, BINS · items, rows and some more) are for scratch;
    as many blocks as ``lines`` has go through LAYERS layers together.
    """
    planes, rows, bins, items = shape[0], out.shape[2], out.shape[3], len(batch)
    size, unit, blocks = strides(shape)[0], np.int64(1) << digits(packed), (bins + BINS - 1) // BINS
    together, depth, pitch = lines.shape[0], columns.shape[1], lines.shape[2]
    column, sums = columns.reshape(-1), lines.reshape(-1)
    shadows, limits = np.empty((together, SHADOWS, BINS)), np.empty((together, LIMITS, BINS), np.int64)
    reals, wholes = np.empty((REALS, BINS)), np.empty((WHOLES, BINS), np.int64)
    length = np.empty((BINS, rows), packed.dtype)
    for group in range(first, last, together):
        count = min(together, last - group)
        lines[:count] = 0
        for g in range(count):
            a, head = chosen[(group + g) // blocks], (group + g) % blocks * BINS
            cast(views[a], head, min(BINS, bins - head), rows, down[a], shape, shadows[g], limits[g])
        for axis in (1, 2):
            layer, step = strides(shape)[axis], strides(shape)[3 - axis]
            for lowest in range(0, shape[axis], LAYERS):
                for g in range(count):
                    shadow, limit = shadows[g], limits[g]
                    begin, end = crossed(limit, axis)
                    for i in range(max(begin, lowest), min(end, lowest + LAYERS)):
                        cross(shadow, limit, axis, i, planes, rows, digits(packed), reals, wholes)
                        for n in range(BINS):
                            low, high, f = wholes[LOW, n], wholes[HIGH, n], reals[PART, n]
                            if low >= high:
                                continue
                            pair = FIRST + (i + 1) * layer + wholes[COLUMN, n] * step, size, step
                            if CLOSEST <= reals[STEP, n] <= WIDEST:
                                share, line = ((1.0 - f) / unit, f / unit), (n * items * depth, depth)
                                blend(packed, pair, share, wholes[BOTTOM, n], wholes[TOP, n], batch, column, line)
                            else:
                                share, line = (1.0 - f, f), ((g * BINS + n) * items * pitch, pitch)
                                z, z_step = reals[HEIGHT, n], reals[STEP, n]
                                read_each(packed, pair, share, batch, z, z_step, planes, low, high, sums, line)
                                wholes[HIGH, n] = 0
                        for n in range(BINS):
                            low, high, start, units = (
                                wholes[LOW, n],
                                wholes[HIGH, n],
                                wholes[START, n],
                                wholes[UNITS, n],
                            )
                            if low < high:
                                source, target = (n * items * depth, depth), ((g * BINS + n) * items * pitch, pitch)
                                read_lanes(column, source, batch, start, units, low, high, sums, target)
        for g in range(count):
            a, head = chosen[(group + g) // blocks], (group + g) % blocks * BINS
            _write_rows(lines[g], views[a], spacing, down[a], head, length, out[:, a])


@inlined
def _write_rows(lines: Array, view: Array, spacing: Any, down: bool, head: int, length: Array, out: Array) -> None:
    """out[b, row, head + n] = length · lines[n · items + b, row], and 0 where the ray steps along z."""
    items, rows, bins = out.shape
    count = min(BINS, bins - head)
    for n in range(count):
        lengths(view, head + n, spacing, down, length[n])
    start, sign = (rows - 1, -1) if down else (0, 1)
    for low in range(0, rows, LANES):
        for n in range(count):
            for b in range(items):
                source, target = lines[n * items + b], out[b, :, head + n]
                for row in range(low, min(low + LANES, rows)):
                    factor = length[n, row]
                    target[start + sign * row] = factor * source[row] if factor > 0 else factor


@kernel
def collect_rows(
    sinogram: Array,
    views: Array,
    down: Array,
    spacing: Any,
    chosen: Array,
    first: int,
    last: int,
    shape: Any,
    shadows: Array,
    limits: Array,
    out: Array,
) -> None:
    """Write blocks first … last − 1, times the lengths of rays, between the margins of (views, bins, items, rows).

    The tables of the blocks' shadows and limits are filled, too.
    """
    items, _, rows, bins = sinogram.shape
    blocks, length = (bins + BINS - 1) // BINS, np.empty((BINS, rows), out.dtype)
    for block in range(first, last):
        v, head = block // blocks, block % blocks * BINS
        a, count = chosen[v], min(BINS, bins - head)
        cast(views[a], head, count, rows, down[a], shape, shadows[block], limits[block])
        for n in range(count):
            lengths(views[a], head + n, spacing, down[a], length[n])
        start, sign = (rows - 1, -1) if down[a] else (0, 1)
        for low in range(0, rows, LANES):
            for n in range(count):
                for b in range(items):
                    source, target = sinogram[b, a, :, head + n], out[v, head + n, b, ROW_MARGIN:]
                    for row in range(low, min(low + LANES, rows)):
                        factor = length[n, row]
                        target[row] = factor * source[start + sign * row] if factor > 0 else factor


@kernel
def backproject_layers(
    collected: Array,
    count: int,
    rows: int,
    shadows: Array,
    limits: Array,
    axis: int,
    begin: int,
    end: int,
    batch: Any,
    shape: Any,
    packed: Array,
) -> None:
    """Add to layers begin … end − 1 of an axis the transpose of :func:`project_bins` of ``count`` views collected."""
    bins, pitch, planes, items = collected.shape[1], collected.shape[3], shape[0], len(batch)
    lines, unit, blocks = collected.reshape(-1), np.int64(1) << digits(packed), (bins + BINS - 1) // BINS
    size, layer, step = strides(shape)[0], strides(shape)[axis], strides(shape)[3 - axis]
    reals, wholes = np.empty((REALS, BINS)), np.empty((WHOLES, BINS), np.int64)
    for lowest in range(begin, end, LAYERS):
        for block in range(count * blocks):
            v, head = block // blocks, block % blocks * BINS
            shadow, limit = shadows[block], limits[block]
            first, last = crossed(limit, axis)
            for i in range(max(first, lowest), min(last, lowest + LAYERS, end)):
                cross(shadow, limit, axis, i, planes, rows, digits(packed), reals, wholes)
                seek(reals, unit // 4, wholes)
                for n in range(min(BINS, bins - head)):
                    low, high, f = wholes[LOW, n], wholes[HIGH, n], reals[PART, n]
                    if low >= high:
                        continue
                    pair = FIRST + (i + 1) * layer + wholes[COLUMN, n] * step, size, step
                    line = (v * bins + head + n) * items * pitch + ROW_MARGIN, pitch
                    if CLOSEST <= reals[STEP, n] <= WIDEST:
                        share, start, units = ((1.0 - f) / unit, f / unit), wholes[START, n], wholes[UNITS, n]
                        search = wholes[TAPS, n], wholes[SOUGHT, n], wholes[ADVANCE, n]
                        low, high = wholes[BOTTOM, n], wholes[TOP, n]
                        add_lanes(lines, line, batch, start, units, search, share, low, high, packed, pair)
                    else:
                        z, z_step = reals[HEIGHT, n], reals[STEP, n]
                        add_each(lines, line, batch, z, z_step, planes, (1.0 - f, f), low, high, packed, pair)
