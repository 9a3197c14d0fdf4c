"""Coverage of samplers on held-out problems: right for an exact one, and for a heuristic one after calibration."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recon.operators import GaussianNoise, Mask
from recon.priors import GaussianPrior
from recon.solvers import (
    DPS,
    MMPS,
    TARP,
    ConformalIntervals,
    ConformalRegion,
    CoverageCurve,
    DPMSolver,
    KarrasSchedule,
    Problem,
    sample,
)

K = torch.fft.fftfreq(6)
PRIOR = GaussianPrior(0.5, spectrum=0.02 / (0.02 + K[:, None] ** 2 + K**2))
MASK = (torch.rand(6, 6, generator=torch.Generator().manual_seed(0)) < 0.5).double()
LEVELS = KarrasSchedule(0.005, 50.0)


def held_out(items: int, seed: int) -> tuple[Problem, Tensor]:
    """Half of the pixels of so many fields of the prior, with noise, and the fields."""
    draw = torch.Generator().manual_seed(seed)
    x, noise = PRIOR.sample(items, draw), GaussianNoise(0.2)
    return Problem(Mask(MASK), MASK * noise.sample(MASK * x, draw), noise, PRIOR), x


@pytest.mark.slow
def test_nominal_regions_of_an_exact_sampler_cover() -> None:
    problem, x = held_out(600, 1)
    sampler = MMPS(steps=48, integrator=DPMSolver(), noise_schedule=LEVELS, cg_max_iter=40, cg_rtol=1e-5)
    found = sample(sampler, problem, 25, chunk=3000)
    pixels = CoverageCurve.of(found.level_of(x))
    assert 0.88 < pixels.at(0.9) < 0.92
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
    misfit = (MASK * (found.mean - problem.data)).square().sum((-1, -2)).mean() / (0.04 * MASK.sum())
    consistency = float(found.data_consistency(problem).mean())
    assert consistency == pytest.approx(float(explained * (1 - 1 / 25) + misfit), rel=0.02)


@pytest.mark.slow
def test_a_heuristic_one_covers_after_calibration() -> None:
    """DPS covers half of the pixels, and no part of the calibration set is part of the test."""
    sampler = DPS(steps=40, zeta=0.3, noise_schedule=LEVELS)
    (known, x), (new, y) = held_out(600, 1), held_out(600, 2)
    found, other = sample(sampler, known, 20, chunk=3000), sample(sampler, new, 20, chunk=3000, items=range(600, 1200))
    assert CoverageCurve.of(other.level_of(y)).at(0.9) < 0.7
    assert TARP.of(other, y).p_value < 1e-4
    intervals, region = ConformalIntervals.fit(found, x), ConformalRegion.fit(found, x)
    assert 1 - float(intervals.risk(other, y).mean()) == pytest.approx(0.9, abs=0.02)
    assert float(region(other).contains(y).double().mean()) == pytest.approx(0.9, abs=0.035)
