from __future__ import annotations

import pytest
import torch

from recon.solvers import CoverageCurve
from tests.solvers.sampling.calibration.gaussian_sets import drawn


@pytest.mark.parametrize("field", ["real", "complex"])
@pytest.mark.parametrize("form", ["quantile", "student"])
def test_exact_samples_cover_what_they_say(form: str, field: str) -> None:
    found, truth = drawn(2000, 39, 0, field=field)
    curve = CoverageCurve.of(found.level_of(truth, form))
    assert float((curve.coverage - curve.levels).abs().max()) < 0.02
    assert 0.88 < curve.at(0.9) < 0.92
    assert bool(((curve.low <= curve.coverage) & (curve.coverage <= curve.high)).all())


@pytest.mark.parametrize(("samples", "shape"), [(39, "ball"), (39, "ellipsoid"), (12, "ball")])
@pytest.mark.parametrize("field", ["real", "complex"])
def test_regions_of_exact_samples_cover_what_they_say(samples: int, shape: str, field: str) -> None:
    found, truth = drawn(2000, samples, 1, field=field)
    curve = CoverageCurve.of(found.level_of_image(truth, shape), levels=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    assert float((curve.coverage - curve.levels).abs().max()) < 0.03
    assert 0.88 < curve.at(0.9) < 0.92
    inside = found.region(0.8, shape).contains(truth).double().mean()
    assert float(inside) == pytest.approx(curve.at(0.8), abs=1e-9)


def test_two_samples_are_enough_for_students_intervals() -> None:
    found, truth = drawn(4000, 2, 2)
    assert CoverageCurve.of(found.level_of(truth, "student")).at(0.9) == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize(("width", "wanted"), [(0.5, 0.59), (2.0, 1.0)])
def test_wrong_widths_are_seen(width: float, wanted: float) -> None:
    """P(|z| < 1.645·width) for many samples."""
    found, truth = drawn(1000, 199, 3, width=width)
    assert CoverageCurve.of(found.level_of(truth)).at(0.9) == pytest.approx(wanted, abs=0.02)
    region = CoverageCurve.of(found.level_of_image(truth)).at(0.9)
    assert region < 0.4 if width < 1 else region > 0.99


def test_intervals_of_levels_are_those_that_hold_the_truth() -> None:
    found, truth = drawn(50, 39, 4)
    for form in ("quantile", "student"):
        reached = found.level_of(truth, form)
        for level in (0.5, 0.9):
            low, high = found.interval(level, form)
            assert torch.equal((low <= truth) & (truth <= high), reached <= level)


def test_the_curve_of_known_levels() -> None:
    curve = CoverageCurve.of(torch.tensor([[0.1, 0.3], [0.5, 0.9]]), levels=(0.2, 0.4, 0.95), seed=3)
    assert curve.coverage.tolist() == [0.25, 0.5, 1.0]
    assert (curve.low.tolist(), curve.high.tolist()) == ([0.0, 0.0, 1.0], [0.5, 1.0, 1.0])
    assert (curve.at(0.3), curve.at(0.1)) == pytest.approx((0.375, 0.125))
    alone = CoverageCurve.of(torch.tensor([[0.1, 0.3]]))
    assert (alone.count, bool(alone.low.isnan().all())) == (1, True)


def test_misuse_gets_one_sentence() -> None:
    with pytest.raises(ValueError, match="at least two complete samples of every item"):
        CoverageCurve.of(torch.tensor([0.1, torch.nan]))
    with pytest.raises(ValueError, match="levels between 0 and 1"):
        CoverageCurve.of(torch.tensor([0.1]), levels=(1.0,))
    with pytest.raises(ValueError, match=r"expects levels \(items, ...\), got shape \(0,\)"):
        CoverageCurve.of(torch.zeros(0))
