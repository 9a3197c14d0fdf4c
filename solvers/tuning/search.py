"""One-dimensional searches, written as generators that ask for values: ``value = yield t``.

So that many can run side by side, one per item, each on its own path, while what they ask for is computed in batches.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from math import inf, isfinite, log, sqrt
from typing import Any, NamedTuple

DECADE = log(10)
DEPTH = 12 * DECADE
"""Logarithms of residuals and costs this far below the largest are those of rounding."""

SATURATED = 0.01
"""Share of the range of a logarithm that tells a value from the largest."""

GOLDEN = (3 - sqrt(5)) / 2


class Found(NamedTuple):
    """Where a search ended, and whether there it is what was sought rather than an end of the range."""

    t: float
    met: bool


Search = Generator[float, Any, Found]


def run_all(searches: Sequence[Search], evaluate: Callable[[list[int], list[float]], Sequence[Any]]) -> list[Found]:
    """Run all searches in step: each round asks ``evaluate`` for the points that the unfinished ones want."""
    found: dict[int, Found] = {}
    wanted = {number: next(search) for number, search in enumerate(searches)}
    while wanted:
        numbers = list(wanted)
        values = evaluate(numbers, [wanted[n] for n in numbers])
        for number, value in zip(numbers, values, strict=True):
            try:
                wanted[number] = searches[number].send(value)
            except StopIteration as end:
                found[number] = end.value
                del wanted[number]
    return [found[number] for number in range(len(searches))]


def root(start: float, tol: float, most: int, reach: float = 8 * DECADE) -> Search:
    """A zero of an increasing function: steps of growing length until it changes sign, then the Illinois method.

    Ends where two guesses in a row differ by at most ``tol``, or after ``most`` evaluations.
    """
    a, fa = start, (yield start)
    if fa == 0:
        return Found(a, True)
    step, count = -DECADE if fa > 0 else DECADE, 1
    while True:
        b = a + step
        if abs(b - start) > reach or count >= most:
            return Found(a, False)
        fb, count = (yield b), count + 1
        if fb == 0:
            return Found(b, True)
        if (fa > 0) != (fb > 0):
            break
        a, fa = b, fb
    last = b
    while count < most:
        share = fb / (fb - fa) if isfinite(fa) and isfinite(fb) else 0.5
        c = b - share * (b - a)
        fc, count = (yield c), count + 1
        if fc == 0 or abs(c - last) <= tol:
            return Found(c, True)
        last = c
        if (fc > 0) != (fb > 0):
            a, fa = b, fb
        else:
            fa = fa / 2
        b, fb = c, fc
    return Found(last, abs(b - a) <= DECADE / 10)


def minimum(start: float, tol: float, most: int, reach: float = 8 * DECADE) -> Search:
    """A local minimum: half decades downhill until the values rise, then golden sections.

    Ends where the bracket is at most ``tol`` long or after ``most`` evaluations.
    """
    h, steps = DECADE / 2, int(reach / (DECADE / 2))
    values = {0: (yield start)}
    for k in (1, -1):
        values[k] = yield start + k * h
    while True:
        best = min(values, key=lambda k: (values[k], -k))
        if best - 1 in values and best + 1 in values:
            break
        k = best - 1 if best - 1 not in values else best + 1
        if abs(k) > steps or len(values) >= most:
            return Found(start + best * h, False)
        values[k] = yield start + k * h
    a, b, c = (start + k * h for k in (best - 1, best, best + 1))
    least, count = values[best], len(values)
    while c - a > tol and count < most:
        x = b + GOLDEN * (c - b) if c - b > b - a else b - GOLDEN * (b - a)
        value, count = (yield x), count + 1
        if value < least:
            a, c = (b, c) if x > b else (a, b)
            b, least = x, value
        elif x > b:
            c = x
        else:
            a = x
    return Found(b, True)


Point = tuple[float, float]


def corner(start: float, tol: float, most: int, reach: float = 4 * DECADE) -> Search:
    """Where a plane curve t ↦ (ρ, η) turns left most: on a grid of half decades, then closer and closer around it.

    The curvature at a point is that of the circle through it and its neighbours, so that it does not depend on how
    the curve is parametrised. Points that are not finite, or far below the largest, are left out, and so are the ends
    where one coordinate has reached its largest value and the other is that of rounding and of errors of a solver.

    Source: Cultrera and Callegaro, IOP SciNotes 1 (2020) 025004, for circles through three points.
    """
    h = DECADE / 2
    curve: dict[float, Point] = {}
    steps = int(reach / h)
    for k in range(-steps, steps + 1):
        curve[start + k * h] = yield start + k * h
    floor = [max(p[axis] for p in curve.values()) - DEPTH for axis in (0, 1)]
    curve = {t: p for t, p in curve.items() if all(isfinite(v) and v > low for v, low in zip(p, floor, strict=True))}
    curve = _without_ends(curve)
    ts = sorted(curve)
    if len(ts) < 3:
        return Found(start, False)
    count = len(ts)
    bends = [bend(curve[a], curve[b], curve[c]) for a, b, c in zip(ts, ts[1:], ts[2:], strict=False)]
    place = bends.index(max(bends))
    a, b, c = ts[place : place + 3]
    if max(bends) <= 0:
        return Found(b, False)
    edge = place in (0, len(bends) - 1)
    while c - a > tol and count + 2 <= most:
        left, right = (a + b) / 2, (b + c) / 2
        curve[left] = yield left
        curve[right] = yield right
        count += 2
        candidates = [(a, left, b), (left, b, right), (b, right, c)]
        turns = [bend(*(curve[t] for t in triple)) for triple in candidates]
        a, b, c = candidates[turns.index(max(turns))]
    return Found(b, not edge)


def _without_ends(curve: dict[float, Point]) -> dict[float, Point]:
    if not curve:
        return curve
    low, high = ([pick(p[axis] for p in curve.values()) for axis in (0, 1)] for pick in (min, max))
    limits = [b - SATURATED * (b - a) for a, b in zip(low, high, strict=True)]
    return {t: p for t, p in curve.items() if p[0] <= limits[0] and p[1] <= limits[1]}


def bend(p: Point, q: Point, r: Point) -> float:
    """Curvature of the circle through three points, positive where the way from p over q to r turns left."""
    (x1, y1), (x2, y2), (x3, y3) = p, q, r
    cross = (x2 - x1) * (y3 - y2) - (x3 - x2) * (y2 - y1)
    sides = sqrt(
        ((x2 - x1) ** 2 + (y2 - y1) ** 2) * ((x3 - x2) ** 2 + (y3 - y2) ** 2) * ((x3 - x1) ** 2 + (y3 - y1) ** 2)
    )
    return 2 * cross / sides if sides > 0 and isfinite(sides) else -inf
