from __future__ import annotations

import pytest
import torch

from recon.solvers import ConformalIntervals, PosteriorSamples
from tests.solvers.sampling.calibration.gaussian_sets import drawn


@pytest.mark.parametrize("base", ["std", "quantile"])
@pytest.mark.parametrize(("width", "shift"), [(0.3, 0.0), (1.0, 0.0), (3.0, 0.0), (0.6, 0.8)])
def test_intervals_that_were_wrong_hold_what_they_promise(base: str, width: float, shift: float) -> None:
    """Too narrow, right, too wide, and off to one side."""
    calibrated = ConformalIntervals.fit(*drawn(1600, 25, 0, width=width, shift=shift), base=base)
    low, high = calibrated.guarantee
    assert (low, high) == pytest.approx((0.1 - 2 / 1601, 0.1))
    risk = calibrated.risk(*drawn(4000, 25, 1, width=width, shift=shift))
    assert risk.shape == (4000,)
    assert float(risk.mean()) == pytest.approx(0.1, abs=0.012), "nominal 90 % cover 88.8 to 91.2 %"
    if shift == 0 and base == "std":  # Student's 5 % point: mean and deviation of 25 samples scatter, too
        assert calibrated.factor == pytest.approx(1.711 * (1 + width**2 / 25) ** 0.5 / width, rel=0.05)


def test_the_mean_risk_lies_in_the_interval_that_is_guaranteed() -> None:
    """Over many calibration sets of 99 items, α = 0.1: in [0.08, 0.1]."""
    risks = []
    for seed in range(150):
        found, truth = drawn(199, 8, seed, width=0.5)
        known = PosteriorSamples.of(found.samples[:, :99], ndim=1)
        new = PosteriorSamples.of(found.samples[:, 99:], ndim=1)
        risks.append(float(ConformalIntervals.fit(known, truth[:99]).risk(new, truth[99:]).mean()))
    mean, error = float(torch.tensor(risks).mean()), float(torch.tensor(risks).std()) / 150**0.5
    assert error < 0.002
    assert 0.08 - 2 * error < mean < 0.1 + 2 * error


def test_the_factor_is_the_least_that_will_do() -> None:
    """One pixel, mean 0 and standard deviation 1, truths 0.05, 0.1, ..., 1: of 20 items ⌊21·0.1 − 1⌋ = 1 may be out."""
    samples = torch.tensor([-1.0, 1.0]).reshape(2, 1, 1).expand(2, 20, 1) / 2**0.5
    found = PosteriorSamples.of(samples, ndim=1)
    truth = (torch.arange(20) + 1.0)[:, None] / 20
    calibrated = ConformalIntervals.fit(found, truth)
    assert calibrated.factor == pytest.approx(0.95)
    assert ConformalIntervals.fit(found, truth, alpha=0.05).factor == pytest.approx(1.0)
    low, high = calibrated(found)
    torch.testing.assert_close(high, torch.full((20, 1), 0.95))
    torch.testing.assert_close(low, -high)
    assert calibrated.risk(found, truth).tolist() == [0.0] * 19 + [1.0]


def test_complex_images_are_calibrated_by_parts() -> None:
    calibrated = ConformalIntervals.fit(*drawn(300, 20, 0, width=0.5, field="complex"))
    found, truth = drawn(1500, 20, 1, width=0.5, field="complex")
    assert float(calibrated.risk(found, truth).mean()) == pytest.approx(0.1, abs=0.015)
    low, high = calibrated(found)
    outside = sum(
        ((part(truth) < part(low)) | (part(truth) > part(high))).double().mean() / 2
        for part in (torch.real, torch.imag)
    )
    assert float(outside) == pytest.approx(float(calibrated.risk(found, truth).mean()))


def test_misuse_gets_one_sentence() -> None:
    found, truth = drawn(8, 5, 0)
    with pytest.raises(ValueError, match=r"alpha = 0.1 needs at least 9 items with known truth, got 8"):
        ConformalIntervals.fit(found, truth)
    assert ConformalIntervals.fit(*drawn(9, 5, 0)).count == 9
    with pytest.raises(ValueError, match="a risk between 0 and 1, got 1"):
        ConformalIntervals.fit(found, truth, alpha=1)
    with pytest.raises(ValueError, match="the base 'std' or 'quantile', got 'mad'"):
        ConformalIntervals.fit(found, truth, base="mad")
    with pytest.raises(ValueError, match="at least two complete samples"):
        ConformalIntervals.fit(PosteriorSamples.of(found.samples[:1], ndim=1), truth, alpha=0.2)
