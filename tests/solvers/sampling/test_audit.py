"""The audit of the method that is exact for Gaussian priors, and of the audit itself."""

import pytest
import torch

from recon.operators import Blur
from recon.solvers import MMPS, DPMSolver, KarrasSchedule, sample
from tests.solvers.sampling.audit import (
    Law,
    audit,
    case,
    field_case,
    operators,
    propagate,
    propagate_field,
    spectrum,
    w2,
    w2_field,
)

SCHEDULE = KarrasSchedule()
PSF = torch.tensor([[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]], dtype=torch.float64) / 16


def mmps(steps: int, **options: object) -> MMPS:
    return MMPS(steps=steps, cg_rtol=1e-8, cg_max_iter=80, noise_schedule=SCHEDULE, **options)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n == "random" else pytest.mark.slow) for n in operators(4)]
)
def test_moment_matching_samples_gaussian_posteriors_up_to_one_over_steps(name) -> None:
    """Within .03 of the posterior at 512 steps, in units of its standard deviation."""
    exact = case(operators(4)[name])
    found = {steps: audit(propagate(mmps(steps), exact.problem), exact) for steps in (128, 512)}
    assert found[512].w2 < 0.03
    assert found[512].bias < 0.001
    assert 3.5 < found[128].w2 / found[512].w2 < 4.2


@pytest.mark.slow
@pytest.mark.parametrize("name", operators())
def test_the_same_on_64_pixels(name) -> None:
    exact = case(operators()[name])
    found = {steps: audit(propagate(mmps(steps), exact.problem), exact) for steps in (128, 512)}
    assert found[512].w2 < 0.03
    assert 3.5 < found[128].w2 / found[512].w2 < 4.2


@pytest.mark.parametrize(
    ("psf", "n"),
    [(PSF, 8), pytest.param(PSF, 32, marks=pytest.mark.slow), pytest.param(None, 32, marks=pytest.mark.slow)],
    ids=["blur of 64 pixels", "blur", "identity"],
)
def test_the_same_for_stationary_fields(psf, n) -> None:
    problem, exact = field_case(psf, n)
    errors = {steps: w2_field(propagate_field(mmps(steps), problem), exact) for steps in (32, 128)}
    assert errors[128] < 0.07
    assert 2.5 < errors[32] / errors[128] < 4.2
    second = propagate_field(mmps(32, integrator=DPMSolver()), problem)
    assert w2_field(second, exact) < 0.035


@pytest.mark.slow
def test_fields_at_512_steps() -> None:
    problem, exact = field_case(PSF, 32)
    assert w2_field(propagate_field(mmps(512), problem), exact) < 0.03


def test_two_ways_to_propagate_agree() -> None:
    problem, _ = field_case(PSF, 4)
    solver = mmps(12, integrator=DPMSolver())
    field, law = propagate_field(solver, problem), propagate(solver, problem)
    F = torch.fft.fft(torch.eye(4, dtype=torch.float64), norm="ortho")
    F2 = torch.kron(F, F)
    torch.testing.assert_close(field.mean.flatten(), law.mean)
    torch.testing.assert_close((F2.mH @ torch.diag(field.spectrum.flatten() + 0j) @ F2).real, law.cov)


def test_what_is_propagated_is_what_is_drawn() -> None:
    exact = case(operators(3)["random"])
    solver = mmps(10)
    law = propagate(solver, exact.problem)
    x = sample(solver, exact.problem, samples=4000).samples.flatten(1)
    n, spread = len(x), law.cov.diagonal().sqrt()
    assert float(((x.mean(0) - law.mean) / spread).abs().max()) < 4.5 / n**0.5
    error = (torch.cov(x.T) - law.cov) / (spread[:, None] * spread)
    assert float(error.abs().max()) < 4.5 * (2 / n) ** 0.5


def test_distances_of_known_laws() -> None:
    exact = case(operators(4)["mask"])
    shifted = Law(exact.posterior.mean + 1, exact.posterior.cov)
    wide = Law(exact.posterior.mean, 4 * exact.posterior.cov)
    size = float(torch.trace(exact.posterior.cov)) ** 0.5
    assert w2(shifted, exact.posterior) == pytest.approx(4)
    assert audit(wide, exact).w2 == pytest.approx(1)
    assert audit(wide, exact).seen == pytest.approx(2)
    assert audit(wide, exact).unseen == pytest.approx(2)
    assert audit(shifted, exact).bias == pytest.approx(4 / size)


def test_the_exact_posterior_of_a_field_is_that_of_a_matrix() -> None:
    problem, exact = field_case(PSF, 4)
    posterior = problem.prior.posterior(Blur(PSF, (4, 4), boundary="circular"), problem.data[0], 0.1)
    torch.testing.assert_close(posterior.mean, exact.mean)
    assert float(posterior.covariance.dense().trace()) == pytest.approx(float(exact.spectrum.sum()))
    assert float(spectrum(4).sum()) > float(exact.spectrum.sum())
