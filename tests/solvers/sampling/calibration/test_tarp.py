from __future__ import annotations

import pytest
import torch
from scipy.stats import kstest

from recon.solvers import TARP
from tests.solvers.sampling.calibration.gaussian_sets import SIZE, drawn


@pytest.mark.parametrize("field", ["real", "complex"])
def test_the_curve_of_exact_samples_is_the_diagonal(field: str) -> None:
    test = TARP.of(*drawn(2000, 30, 0, field=field))
    assert float((test.coverage - test.levels).abs().max()) < 0.03
    assert test.p_value > 0.01
    inside = (test.low <= test.levels) & (test.levels <= test.high)
    assert int(inside.sum()) >= 16


def test_the_p_value_of_exact_samples_is_uniform() -> None:
    values = [TARP.of(*drawn(100, 12, seed), seed=seed).p_value for seed in range(80)]
    assert kstest(values, "uniform").pvalue > 0.01


@pytest.mark.parametrize(("width", "shift"), [(0.5, 0.0), (2.0, 0.0), (1.0, 1.0)])
def test_wrong_samples_are_seen(width: float, shift: float) -> None:
    test = TARP.of(*drawn(800, 30, 1, width=width, shift=shift))
    assert test.p_value < 1e-4
    assert not bool(((test.low <= test.levels) & (test.levels <= test.high)).all())


def test_reference_points_of_ones_own() -> None:
    """In one dimension from a point far to the left, ranks are those of the truth among samples."""
    found, truth = drawn(40, 9, 2)
    first = type(found).of(found.samples[..., :1], ndim=1)
    far = torch.full((1,), -1e6, dtype=torch.float64)
    test = TARP.of(first, truth[:, :1], references=far)
    below = (first.samples < truth[:, :1]).sum(0)[:, 0]
    assert torch.equal((test.ranks * 10).floor().long(), below)


def test_seeds_decide_and_nothing_else() -> None:
    found, truth = drawn(50, 5, 0)
    state = torch.random.get_rng_state()
    first, again, other = (TARP.of(found, truth, seed=seed).ranks for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_single_item_is_no_test_set() -> None:
    found, truth = drawn(1, 5, 0)
    assert truth.shape == (1, SIZE)
    with pytest.raises(ValueError, match="a test set of at least two items, got 1"):
        TARP.of(found, truth)
