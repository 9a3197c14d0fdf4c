"""Searches on functions of one variable."""

from __future__ import annotations

from math import atan, cos, exp, inf, log, sin

import pytest

from recon.solvers.tuning.search import Found, Search, bend, corner, minimum, root, run_all


def follow(search: Search, function: object) -> tuple[Found, int]:
    calls = 0

    def evaluate(numbers: list[int], points: list[float]) -> list[object]:
        nonlocal calls
        calls += 1
        return [function(t) for t in points]  # type: ignore[operator]

    return run_all([search], evaluate)[0], calls


@pytest.mark.parametrize("at", [-7.3, -0.1, 0.0, 2.0, 11.0])
@pytest.mark.parametrize("function", [lambda d: d, lambda d: atan(3 * d), lambda d: exp(d) - 1, lambda d: d**3])
def test_root(at: float, function: object) -> None:
    found, calls = follow(root(0.0, 1e-9, 200), lambda t: function(t - at))  # type: ignore[operator]
    assert found.met
    assert abs(found.t - at) < 1e-3 if function(0.01) < 1e-5 else abs(found.t - at) < 1e-7  # type: ignore[operator]
    assert calls < 80


def test_a_root_that_is_not_there() -> None:
    for value in (1.0, -1.0, inf):
        found, calls = follow(root(0.0, 1e-3, 60), lambda t, v=value: v)
        assert not found.met
        assert calls <= 60
    found, _ = follow(root(0.0, 1e-3, 60), lambda t: inf if t > 3 else t - 2)
    assert abs(found.t - 2) < 1e-2


@pytest.mark.parametrize("at", [-5.5, 0.0, 0.4, 9.0])
def test_minimum(at: float) -> None:
    found, _ = follow(minimum(0.0, 1e-6, 200), lambda t: (t - at) ** 2 + 0.1 * (t - at) ** 4)
    assert found.met
    assert abs(found.t - at) < 1e-5


def test_minima_at_the_end_or_beyond_infinite_values() -> None:
    assert not follow(minimum(0.0, 1e-2, 100), lambda t: t)[0].met
    assert not follow(minimum(0.0, 1e-2, 9), lambda t: -t)[0].met
    found, _ = follow(minimum(0.0, 1e-3, 100), lambda t: inf if t < 4 else (t - 6) ** 2)
    assert found.met
    assert abs(found.t - 6) < 1e-2


@pytest.mark.parametrize("at", [-2.3, 0.0, 3.1])
def test_corner(at: float) -> None:
    """A hyperbola (t, e^…) with its sharpest left turn at a known place."""
    found, _ = follow(corner(0.0, 1e-3, 200), lambda t: (log(1 + exp(t - at)), log(1 + exp(-(t - at)))))
    assert found.met
    assert abs(found.t - at) < 0.01


def test_a_corner_beside_a_saturated_end() -> None:
    """Total variation of flat images is what the solver leaves of it: there the curve falls, and turns once more."""

    def flat(t: float) -> tuple[float, float]:
        return (min(log(1 + exp(t)), 3.0), log(1 + exp(-t)) if t < 3 else -8.0 - 0.01 * t)

    found, _ = follow(corner(0.0, 1e-3, 200), flat)
    assert found.met
    assert abs(found.t) < 0.05


def test_curves_without_a_corner() -> None:
    assert not follow(corner(0.0, 1e-2, 100), lambda t: (t, -t * 2))[0].met
    assert not follow(corner(0.0, 1e-2, 100), lambda t: (-inf, t))[0].met


def test_bend_is_the_curvature_of_a_circle() -> None:
    circle = [(3 * cos(a), 3 * sin(a)) for a in (0.1, 0.5, 0.6)]
    assert bend(*circle) == pytest.approx(1 / 3)
    assert bend(*circle[::-1]) == pytest.approx(-1 / 3)


def test_searches_run_side_by_side() -> None:
    rounds: list[list[int]] = []

    def evaluate(numbers: list[int], points: list[float]) -> list[float]:
        rounds.append(numbers)
        return [t - (0.0, 8.0)[n] for n, t in zip(numbers, points, strict=True)]

    found = run_all([root(0.0, 1e-6, 60), root(0.0, 1e-6, 60)], evaluate)
    assert [round(f.t, 4) for f in found] == [0.0, 8.0]
    assert rounds[0] == [0, 1]
    assert rounds[-1] == [1]
    assert run_all([], evaluate) == []
