"""Objectives in double precision and a clock that stands still while they are evaluated; NumPy alone."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

TOLERANCE = 1e-4
"""Relative suboptimality at which a run has arrived."""

Array = Any
Forward = Callable[[Array], Array]


def total_variation(x: Array) -> Array:
    """Σ (|Δ_row x|² + |Δ_column x|²)^½ per item, forward differences, zero beyond the far edges."""
    square = np.zeros(x.shape)
    square[..., :-1, :] += np.abs(np.diff(x, axis=-2)) ** 2
    square[..., :-1] += np.abs(np.diff(x, axis=-1)) ** 2
    return np.sqrt(square).sum(tuple(range(1, x.ndim)))


def forward(arrays: Mapping[str, Array]) -> Forward:
    """A of the problems that are Fourier transforms: blur with ``transfer``, or coils ``maps`` and a ``mask``."""
    if "transfer" in arrays:
        transfer = arrays["transfer"]
        return lambda x: np.stack([np.fft.irfft2(np.fft.rfft2(item) * transfer, s=item.shape[-2:]) for item in x])
    maps, mask, axes = arrays["maps"], arrays["mask"], (-2, -1)

    def encode(x: Array) -> Array:
        z = np.fft.fft2(np.fft.ifftshift(maps * x[:, None], axes), norm="ortho")
        return mask * np.fft.fftshift(z, axes)

    return encode


def objective(arrays: Mapping[str, Array], encode: Forward) -> Callable[[Array], Array]:
    """½‖A x − y‖² + λ TV(x) per item, in double precision, item by item for the cache's sake."""
    data, lam = arrays["data"], float(arrays["lam"])

    def one(x: Array, y: Array) -> float:
        x = np.asarray(x, np.complex128 if np.iscomplexobj(x) else np.float64)
        return float(0.5 * np.linalg.norm(np.asarray(encode(x)) - y) ** 2 + lam * total_variation(x)[0])

    def value(x: Array) -> Array:
        return np.array([one(x[i : i + 1], data[i : i + 1]) for i in range(len(x))])

    return value


class Over(Exception):
    """A run has arrived, or its time is over."""


class Race:
    """Called with the iterate after every iteration; time between calls counts, time inside does not.

    Objectives are evaluated at iteration numbers that grow by a fifteenth, the same for everybody.

    Parameters
    ----------
    value
        The objective of each item.
    best
        Its minimum per item; None where that is not known yet, so that only ``limit`` ends the run.
    limit
        Seconds after which the run ends.
    """

    def __init__(self, value: Callable[[Array], Array], best: Array | None, limit: float) -> None:
        self.value, self.best, self.limit = value, best, limit
        self.count, self.due, self.seconds = 0, 1, 0.0
        self.history: list[tuple[int, float, list[float]]] = []
        self.since = time.perf_counter()

    def __call__(self, x: Array | Callable[[], Array]) -> None:
        """One more iteration is done, at x, or at what ``x()`` gives."""
        self.seconds += time.perf_counter() - self.since
        self.count += 1
        if self.count >= self.due:
            self.due = self.count + max(1, self.count // 15)
            values = self.value(x() if callable(x) else x)
            self.history.append((self.count, self.seconds, [float(v) for v in values]))
            if self.best is not None and np.all(values <= (1 + TOLERANCE) * self.best):
                raise Over
        if self.seconds > self.limit:
            raise Over
        self.since = time.perf_counter()

    def lowest(self) -> Array:
        """The least objective seen, per item."""
        return np.min([values for *_, values in self.history], axis=0)

    def settled(self) -> bool:
        """Whether the last third of the time brought less than the tolerance."""
        early = [values for _, seconds, values in self.history if seconds <= self.seconds * 2 / 3]
        return bool(early) and bool(np.all(np.min(early, axis=0) <= (1 + TOLERANCE) * self.lowest()))

    def arrival(self, best: Array) -> tuple[int, float] | None:
        """Iterations and seconds until every item was within the tolerance of ``best``; None if that never was."""
        for count, seconds, values in self.history:
            if np.all(np.array(values) <= (1 + TOLERANCE) * best):
                return count, seconds
        return None


def run(race: Race, loop: Callable[[Race], object]) -> Race:
    """Start the clock, run a loop that calls ``race`` after each iteration, and give back the race."""
    race.since = time.perf_counter()
    with contextlib.suppress(Over):
        loop(race)
    return race


def fastest(
    loops: Mapping[str, Callable[[Race], object]], value: Callable[[Array], Array], best: Array | None, limit: float
) -> dict[str, Any]:
    """How soon the best of several settings arrives.

    All are tried for a while; the first one and the two that got lowest are run.

    Where the minimum is not known, it is taken to be the least objective seen, and a run that still went down by more
    than the tolerance in the last third of its time has not arrived.
    """
    trials = {name: run(Race(value, None, limit / 15), loop) for name, loop in loops.items()}
    order = sorted(trials, key=lambda name: float(np.sum(trials[name].lowest())))
    races: dict[str, Race] = {}
    for name in dict.fromkeys([next(iter(loops)), *order[:2]]):
        reached = [] if best is None else [r.seconds for r in races.values() if r.arrival(best)]
        races[name] = run(Race(value, best, min([limit, *reached])), loops[name])
    goal = np.min([r.lowest() for r in races.values()], axis=0) if best is None else best
    found: dict[str, Any] = {"setting": order[0], "seconds": None, "iterations": None, "limit": limit}
    for name, race in races.items():
        arrived = race.arrival(goal)
        if best is None and not race.settled():
            arrived = None
        if arrived and (found["seconds"] is None or arrived[1] < found["seconds"]):
            found |= {"setting": name, "iterations": arrived[0], "seconds": arrived[1]}
    return found
