"""Intervals and tests against what is known of them."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest

from recon.statistics import compare, holm, mean_interval


def test_intervals_cover_the_mean_about_as_often_as_they_say() -> None:
    stream = np.random.default_rng(3)
    samples = stream.normal(size=(200, 30))
    found = [mean_interval(sample, 0.9) for sample in samples]
    inside = sum(low <= 0 <= high for _, low, high in found)
    assert 165 <= inside <= 192
    assert [f.mean for f in found] == pytest.approx(samples.mean(1))


def test_intervals_are_as_wide_as_the_standard_error_says() -> None:
    sample = np.random.default_rng(0).normal(2.0, 3.0, size=2000)
    mean, low, high = mean_interval(sample)
    assert (high - low) / 2 == pytest.approx(1.96 * 3 / math.sqrt(2000), rel=0.1)
    assert low < mean < high


@pytest.mark.parametrize("size", [2, 7, 40])
def test_intervals_are_those_of_scipy(size: int) -> None:
    """Which has the acceleration from n² numbers, too many for large samples."""
    from scipy.stats import bootstrap

    sample = np.random.default_rng(size).gamma(0.5, size=size)
    stream = np.random.default_rng(4)
    ends = bootstrap((sample,), np.mean, n_resamples=2000, method="BCa", random_state=stream).confidence_interval
    expected = ends if np.isfinite(ends).all() else (sample.min(), sample.max())
    assert mean_interval(sample, seed=4)[1:] == pytest.approx(tuple(expected), rel=1e-12)


def test_intervals_of_large_samples_take_little_memory() -> None:
    sample = np.random.default_rng(0).normal(size=20000)
    tracemalloc.start()
    try:
        mean, low, high = mean_interval(sample)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (high - low) / 2 == pytest.approx(1.96 / math.sqrt(20000), rel=0.1)
    assert low < mean < high
    assert peak < 64 * 2**20


def test_intervals_depend_on_values_and_seed_only() -> None:
    sample = [1.0, 2.0, 4.0, 8.0, 16.5, 3.1, 2.2]
    assert mean_interval(sample) == mean_interval(np.array(sample))
    assert mean_interval(sample, seed=1) != mean_interval(sample, seed=2)


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [([3.0], math.nan, math.nan), ([2.0] * 5, 2.0, 2.0), ([1.0, math.inf], math.nan, math.nan)],
)
def test_intervals_of_few_or_equal_values(values: list[float], low: float, high: float) -> None:
    found = mean_interval(values)
    np.testing.assert_equal((found.low, found.high), (low, high))


def test_two_values_have_an_interval_between_them() -> None:
    mean, low, high = mean_interval([1.0, 3.0])
    assert (mean, low, high) == (2.0, 1.0, 3.0)


def test_p_of_the_signed_rank_test_by_enumeration() -> None:
    """All differences of one sign: 2 of 2ⁿ sign patterns are as extreme."""
    a = np.array([1.0, 2.5, 3.0, 4.2, 5.1, 6.3, 7.7])
    found = compare(a, np.zeros(7))
    assert found.p == pytest.approx(2 / 2**7)
    assert found.pairs == 7
    assert found.difference.mean == pytest.approx(a.mean())


def test_fewer_than_six_pairs_have_no_p() -> None:
    assert compare([1.0] * 5, [0.0, 0.5, 0.2, 0.1, 0.3]).p is None
    assert compare([1.0, 2, 3, 4, 5, math.inf], [0.0] * 6).p is None
    assert compare([1.0, 2, 3, 4, 5, 6], [0.0] * 6).p is not None


def test_equal_methods_have_p_one() -> None:
    found = compare([1.0] * 8, [1.0] * 8)
    assert found.p == 1
    assert found.difference == (0, 0, 0)


def test_holm_of_a_textbook_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.2, None, 0.6]) == pytest.approx([0.4, None, 0.6])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="confidence between 0 and 1"):
        mean_interval([1.0, 2.0], 95)
    with pytest.raises(ValueError, match="at least one value"):
        mean_interval([])
    with pytest.raises(ValueError, match="of one length"):
        compare([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="one pair of finite values"):
        compare([math.inf], [1.0])
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([1.2])
