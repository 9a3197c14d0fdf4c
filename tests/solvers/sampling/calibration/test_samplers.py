"""Coverage of samplers on held-out problems: right for exact ones, and for heuristic ones after calibration."""

from __future__ import annotations

import pytest
from torch import Tensor

from recon.solvers import MMPS, TARP, CoverageCurve, DPMSolver, PosteriorSamples, Problem, sample
from tests.solvers.sampling.calibration.held_out import LEVELS, MASK, METHODS, PRIOR, coverage, drawn, held_out

QUICK = "`DDRM`, 20 steps"


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n == QUICK else pytest.mark.slow) for n in METHODS])
def test_regions_of_90_percent_cover(name) -> None:
    """As drawn by samplers that are exact or nearly; after calibration on other images by all."""
    found = coverage(METHODS[name])
    if METHODS[name].covers:
        assert 0.88 < found.pixels < 0.92
    else:
        assert not 0.88 < found.pixels < 0.92
    assert 0.88 < found.calibrated_pixels < 0.92
    assert 0.865 < found.calibrated_images < 0.935, "600 images: a standard error of 0.012, and as much of calibration"


@pytest.mark.slow
def test_an_exact_sampler_is_calibrated_at_every_level() -> None:
    problem, x = held_out(600, 1)
    sampler = MMPS(steps=48, integrator=DPMSolver(), noise_schedule=LEVELS, cg_max_iter=40, cg_rtol=1e-5)
    found = sample(sampler, problem, 25, chunk=3000)
    pixels = CoverageCurve.of(found.level_of(x))
    assert float((pixels.coverage - pixels.levels)[:-1].abs().max()) < 0.02, "25 samples reach a level of 0.92"
    for shape in ("ball", "ellipsoid"):
        assert 0.88 < CoverageCurve.of(found.level_of_image(x, shape)).at(0.9) < 0.935
    test = TARP.of(found, x)
    assert test.p_value > 0.01
    assert float((test.coverage - test.levels).abs().max()) < 0.06
    exact = PRIOR.posterior(problem.operator, problem.data[0], 0.2)
    spread = exact.covariance.dense().diagonal().sqrt().reshape(6, 6)
    assert float((found.std.mean(0) / spread).mean()) == pytest.approx(1, abs=0.01)
    explained = (MASK * spread.square()).sum() / (0.04 * MASK.sum())
    assert consistency(found, problem) == pytest.approx(float(explained * (1 - 1 / 25)) + off(found, problem), rel=0.02)


def consistency(found: PosteriorSamples, problem: Problem) -> float:
    return float(found.data_consistency(problem).mean())


def off(found: PosteriorSamples, problem: Problem) -> float:
    """What the mean of the samples leaves of the data, in units of the noise."""
    left: Tensor = (MASK * (found.mean - problem.data)).square().sum((-1, -2)).mean() / (0.04 * MASK.sum())
    return float(left)


@pytest.mark.slow
def test_a_heuristic_sampler_is_told_from_an_exact_one() -> None:
    """The samples of DPS are too close to each other: random points see that as well."""
    problem, x = held_out(600, 2)
    found = drawn(METHODS["`DPS(zeta=0.3)`, 40 steps"], problem, 600)
    assert TARP.of(found, x).p_value < 1e-4
