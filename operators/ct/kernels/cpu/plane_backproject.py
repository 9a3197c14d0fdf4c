"""The transpose of :mod:`~recon.operators.ct.kernels.cpu.plane_project`, pixel by pixel:

    x[i, j] = Σₖ max(0, 1 − |uₖ − j|) weight[k] y[k],

where uₖ, the crossing of ray k with layer i, is the same fixed-point number, bit for bit. Each pixel adds what it gets
ray by ray in one order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recon.operators.ct.kernels.cpu.columns import aligned
from recon.operators.ct.kernels.cpu.fixed import digits, fixed, fused, positive, ramp, real
from recon.operators.ct.kernels.cpu.jit import inlined, lean, part
from recon.operators.ct.kernels.cpu.plane_lists import (
    AHEAD,
    AT,
    BESIDE,
    FIRST,
    HIGH,
    LIST,
    LOW,
    RAYS,
    SPARE,
    STEP,
    TAPS,
    THIRD,
    WINDOW,
    cut_windows,
    fill,
    plan,
    tabulate,
    take,
)
from recon.operators.ct.kernels.cpu.plane_rays import CHUNK, runs, trace
from recon.operators.ct.kernels.cpu.rows import MARGIN
from recon.operators.ct.kernels.cpu.simd import LANES, load, splat, store
from recon.operators.ct.kernels.cpu.windows import choose, first_lanes, lesser, units_of, whole

Array = np.ndarray[Any, Any]

VIEWS = 16  # views whose rays are known at a time
LANE_VIEWS = 32  # the same for LANES images
ROWS = 32  # rows of LANES images that stay in cache while these views go through them


@inlined
def weight_of(u: Any, more: Any, place: Any, left: Any, right: Any) -> Any:
    """max(0, 1 − |u − pixel|) in units, for pixels a unit right of ``left`` and left of ``right``."""
    crossing = choose(u, more, place)
    return real(positive(lesser(crossing - left, right - crossing)))


def image_work(bins: int, dtype: Any) -> tuple[Array, ...]:
    """What :func:`backproject_images` works with, for one thread."""
    return (*_work(VIEWS, bins, dtype), np.empty(bins + SPARE, dtype))


def lane_work(bins: int, dtype: Any) -> tuple[Array, ...]:
    """What :func:`backproject_lanes` works with, for one thread."""
    places, weights = np.empty(ROWS * LANES, units_of(dtype)), np.empty(ROWS * TAPS * LANES, dtype)
    return (*_work(LANE_VIEWS, bins, dtype), aligned(((bins + SPARE) * LANES,), dtype), places, weights)


def _work(views: int, bins: int, dtype: Any) -> tuple[Array, ...]:
    runs_ = np.empty((views, bins, 2), np.int64), np.empty((views, bins, 2, 3)), np.empty(views, np.int64)
    lists = np.empty((bins, LIST), np.int64), np.empty(bins), np.empty((2, 3))
    windows = np.empty((bins + 2 * AHEAD, WINDOW), np.int64), np.empty(bins + 2 * AHEAD)
    places = np.empty((3, bins + SPARE)), np.empty((2, bins + SPARE), units_of(dtype))
    table = np.empty((2, CHUNK), np.int64), np.empty((2, CHUNK), dtype)
    return np.zeros((3, bins)), np.empty((views, 3, bins)), *runs_, *lists, *windows, *places, *table


@part
def prepare(rays: Array, head: int, tail: int, spacing: Any, axis: int, rows: int, work: Any) -> None:
    """Rays of one axis and their runs, for views head … tail − 1."""
    arc, views, bounds, changes, many = work
    for n in range(tail - head):
        trace(rays[head + n], spacing, axis, arc, views[n])
        many[n] = runs(views[n], arc.shape[1], rows, bounds[n], changes[n])


@lean
def backproject_images(
    sinogram: Array, shape: Any, rays: Array, spacing: Any, axis: int, work: Any, first: int, last: int, out: Array
) -> None:
    """Add rays of one axis to rows first … last − 1 of flat images (items, rows, MARGIN + columns + MARGIN)."""
    rows, columns = shape[axis], shape[1 - axis]
    width, number, bits = columns + 2 * MARGIN, out.dtype.type, digits(out)
    arc, views, bounds, changes, many, lists, bends, spot, windows, wrongs, X, U, firsts, table, y = work
    scale, one, unit = number(1.0 / (1 << bits)), fixed(out, 1), fixed(out, 1 << bits)
    lane = ramp(one)
    lefts, rights, numbers = (lane - one) * unit, (lane + one) * unit, real(lane)
    for head in range(0, rays.shape[0], VIEWS):
        tail = min(head + VIEWS, rays.shape[0])
        prepare(rays, head, tail, spacing, axis, rows, (arc, views, bounds, changes, many))
        for b in range(sinogram.shape[0]):
            for origin in range(first - first % CHUNK, last, CHUNK):
                begin, end, far = max(first, origin), min(last, origin + CHUNK), min(rows, origin + CHUNK) - 1
                for n in range(tail - head):
                    for m in range(
                        plan(views[n], bounds[n], changes[n], many[n], origin, far, rows, lists, bends, spot)
                    ):
                        chosen = lists[m]
                        lead, stop = chosen[BESIDE] + AHEAD, chosen[BESIDE] + AHEAD + chosen[RAYS]
                        fill(chosen, views[n], origin, X, U)
                        y[:lead], y[stop:] = 0, 0
                        take(sinogram[b, head + n], chosen[FIRST], chosen[STEP], y[lead:stop])
                        for k in range(y.shape[0]):
                            y[k] *= number(X[2, k]) * scale
                        found = cut_windows(
                            chosen, bends[m], X, begin - origin, end - origin, far - origin, columns, windows, wrongs
                        )
                        for k in range(found):
                            window = windows[k]
                            at, low, third = window[AT], window[LOW], window[THIRD]
                            tabulate(window, wrongs[k], chosen[BESIDE], X, firsts, table)
                            g, g2 = load(U[1], at), load(U[1], at + LANES)
                            u = load(U[0], at) + fixed(out, low) * g
                            u2 = load(U[0], at + LANES) + fixed(out, low) * g2
                            v, v2 = load(y, at), load(y, at + LANES)
                            for i in range(window[HIGH] - low):
                                place = whole(fused(numbers, splat(table[0, i]), splat(table[1, i])))
                                here = fixed(out, firsts[0, i] << bits)
                                left, right = lefts + here, rights + here
                                where = (b * rows + origin + low + i) * width + MARGIN + firsts[0, i]
                                before = load(out, where)
                                total = fused(weight_of(u, u2, place, left, right), choose(v, v2, place), before)
                                place = place + one
                                total = fused(weight_of(u, u2, place, left, right), choose(v, v2, place), total)
                                if third:
                                    place = place + one
                                    total = fused(weight_of(u, u2, place, left, right), choose(v, v2, place), total)
                                store(out, where, first_lanes(firsts[1, i], total, before))
                                u, u2 = u + g, u2 + g2


@lean
def backproject_lanes(
    sinogram: Array, shape: Any, rays: Array, spacing: Any, axis: int, work: Any, first: int, last: int, out: Array
) -> None:
    """:func:`backproject_images` of flat sinograms (views, bins, LANES) to flat images (rows, pitch, LANES)."""
    rows, columns = shape[axis], shape[1 - axis]
    number, bits = out.dtype.type, digits(out)
    arc, views, bounds, changes, many, lists, bends, spot, windows, wrongs, X, U, firsts, table, Y, places, weights = (
        work
    )
    scale, one, unit = number(1.0 / (1 << bits)), fixed(out, 1), fixed(out, 1 << bits)
    lane = ramp(one)
    lefts, rights, numbers = (lane - one) * unit, (lane + one) * unit, real(lane)
    along, across = (LANES, shape[2] * LANES) if axis else (shape[2] * LANES, LANES)
    for head in range(0, rays.shape[0], LANE_VIEWS):
        tail = min(head + LANE_VIEWS, rays.shape[0])
        prepare(rays, head, tail, spacing, axis, rows, (arc, views, bounds, changes, many))
        for top in range(first - first % ROWS, last, ROWS):
            origin = top - top % CHUNK
            begin, end, far = max(first, top), min(last, top + ROWS), min(rows, origin + CHUNK) - 1
            for n in range(tail - head):
                for m in range(plan(views[n], bounds[n], changes[n], many[n], origin, far, rows, lists, bends, spot)):
                    chosen = lists[m]
                    lead, stop = chosen[BESIDE] + AHEAD, chosen[BESIDE] + AHEAD + chosen[RAYS]
                    fill(chosen, views[n], origin, X, U)
                    Y[: lead * LANES], Y[stop * LANES :] = 0, 0
                    k = chosen[FIRST]
                    for ray in range(lead, stop):
                        w = splat(number(views[n, 2, k]) * scale)
                        store(Y, ray * LANES, load(sinogram, ((head + n) * arc.shape[1] + k) * LANES) * w)
                        k += chosen[STEP]
                    found = cut_windows(
                        chosen, bends[m], X, begin - origin, end - origin, far - origin, columns, windows, wrongs
                    )
                    for k in range(found):
                        window = windows[k]
                        at, low, third = window[AT], window[LOW], window[THIRD]
                        tabulate(window, wrongs[k], chosen[BESIDE], X, firsts, table)
                        g, g2 = load(U[1], at), load(U[1], at + LANES)
                        u = load(U[0], at) + fixed(out, low) * g
                        u2 = load(U[0], at + LANES) + fixed(out, low) * g2
                        for i in range(window[HIGH] - low):
                            place = whole(fused(numbers, splat(table[0, i]), splat(table[1, i])))
                            here = fixed(out, firsts[0, i] << bits)
                            left, right = lefts + here, rights + here
                            store(places, i * LANES, place)
                            store(weights, i * TAPS * LANES, weight_of(u, u2, place, left, right))
                            place = place + one
                            store(weights, (i * TAPS + 1) * LANES, weight_of(u, u2, place, left, right))
                            if third:
                                place = place + one
                                store(weights, (i * TAPS + 2) * LANES, weight_of(u, u2, place, left, right))
                            u, u2 = u + g, u2 + g2
                        for i in range(window[HIGH] - low):
                            pixel, stop = max(-firsts[0, i], 0), min(firsts[1, i], columns - firsts[0, i])
                            where = (origin + low + i) * along + (firsts[0, i] + pixel) * across
                            p, q = np.uint64(i * LANES + pixel), np.uint64(i * TAPS * LANES + pixel)
                            for _ in range(stop - pixel):
                                ray = (at + np.int64(places[p])) * LANES
                                total = fused(splat(weights[q]), load(Y, ray), load(out, where))
                                w = splat(weights[q + np.uint64(LANES)])
                                total = fused(w, load(Y, ray + LANES), total)
                                if third:
                                    w = splat(weights[q + np.uint64(2 * LANES)])
                                    total = fused(w, load(Y, ray + 2 * LANES), total)
                                store(out, where, total)
                                p, q = p + np.uint64(1), q + np.uint64(1)
                                where += across
