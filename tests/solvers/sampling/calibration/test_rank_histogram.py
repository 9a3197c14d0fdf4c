from __future__ import annotations

import pytest
import torch
from scipy.stats import kstest

from recon.solvers import PosteriorSamples, RankHistogram
from tests.solvers.sampling.calibration.gaussian_sets import ROTATION, drawn


@pytest.mark.parametrize("field", ["real", "complex"])
def test_ranks_of_exact_samples_are_uniform(field: str) -> None:
    """And so is the p-value over test sets."""
    values = [RankHistogram.of(*drawn(200, 7, seed, field=field), seed=seed).p_value for seed in range(60)]
    assert kstest(values, "uniform").pvalue > 0.01
    histogram = RankHistogram.of(*drawn(400, 19, 0, field=field))
    assert (int(histogram.counts.sum()), len(histogram.counts)) == (400, 20)


@pytest.mark.parametrize(("width", "shift"), [(0.5, 0.0), (2.0, 0.0), (1.0, 0.7)])
def test_wrong_samples_are_seen(width: float, shift: float) -> None:
    def last(x: torch.Tensor) -> torch.Tensor:
        return (x @ ROTATION)[..., -1]

    histogram = RankHistogram.of(*drawn(400, 19, 1, width=width, shift=shift), by=last)
    assert histogram.p_value < 1e-6
    ends, middle = int(histogram.counts[[0, -1]].sum()), int(histogram.counts[9:11].sum())
    if shift == 0:
        assert ends > 2 * middle if width < 1 else middle > 2 * ends


def test_ranks_by_hand() -> None:
    """The truth is above k of three samples; ties are broken at random."""
    samples = torch.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1).expand(3, 10, 1)
    truth = torch.tensor([0.5] * 2 + [1.5] * 2 + [2.5] * 2 + [3.5] * 2 + [2.0] * 2)[:, None]
    histogram = RankHistogram.of(PosteriorSamples.of(samples, ndim=1), truth, by=lambda x: x[..., 0], bins=2)
    steps = (4 * histogram.ranks).floor().long().tolist()
    assert steps[:8] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert set(steps[8:]) <= {1, 2}
    assert int(histogram.counts.sum()) == 10


def test_seeds_decide_and_nothing_else() -> None:
    found, truth = drawn(50, 5, 0)
    state = torch.random.get_rng_state()
    first, again, other = (RankHistogram.of(found, truth, seed=seed).ranks for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(state, torch.random.get_rng_state())


def test_misuse_gets_one_sentence() -> None:
    found, truth = drawn(20, 5, 0)
    with pytest.raises(ValueError, match="5 bins need at least 25 items, got 20"):
        RankHistogram.of(found, truth, bins=5)
    with pytest.raises(ValueError, match=r"ranked by one number each, \(20,\), got \(20, 6\)"):
        RankHistogram.of(found, truth, by=lambda x: x)
