"""Twisted sequential Monte Carlo against exact posteriors and evidences."""

from math import sqrt

import pytest
import torch
from torch import Tensor

from recon.operators import Diagonal, GaussianNoise, Operator, PoissonNoise
from recon.priors import GaussianPrior
from recon.solvers import KarrasSchedule, Problem, TwistedSMC, sample
from recon.solvers.sampling.resampling import systematic
from recon.solvers.sampling.small_problems import gaussian_problems
from tests.solvers.sampling.audit import case, matrix_operator, propagate
from tests.solvers.sampling.integrators.test_integrators import Free
from tests.solvers.sampling.mixtures import EXACT, two_modes


def run(solver: TwistedSMC, problem: Problem) -> tuple[Tensor, Tensor, float]:
    """All particles ``(items, J, *shape)``, the logarithm of the evidence, and the least effective share."""
    state, least = solver.init(problem), 1.0
    with torch.no_grad():
        for _ in range(solver.steps):
            state = solver.step(problem, state)
            least = min(least, float(state.records[0].min()))
    return state.u, state.records[1].double(), least


def test_modes_have_their_weights() -> None:
    solver = TwistedSMC(steps=150, particles=256, noise_schedule=KarrasSchedule(0.01, 80.0))
    x, _, least = run(solver, two_modes(24))
    share = (x[..., 0] > 0).double().mean(1)
    assert float(share.std()) / sqrt(24) < 0.008
    assert abs(float(share.mean()) - EXACT) < 0.02
    assert least > 0.1


def test_the_evidence_is_unbiased_whatever_the_number_of_particles() -> None:
    """∫ p(x) p(y | x) dx, p being what this schedule makes of a Gaussian prior, in closed form."""
    exact = case(
        matrix_operator(torch.randn(2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)), (2, 2)),
        sigma=0.7,
    )
    schedule = KarrasSchedule(0.05, 20.0)
    prior = propagate(Free(steps=12, noise_schedule=schedule), exact.problem)
    A, y = exact.A, exact.problem.data.flatten()
    S = A @ prior.cov @ A.mT + 0.49 * torch.eye(2)
    r = y - A @ prior.mean
    wanted = -float(r @ torch.linalg.solve(S, r)) / 2 - float(torch.logdet(S / 0.49)) / 2
    items = 4000
    many = exact.problem.select(torch.zeros(items, dtype=torch.long))
    for particles in (4, 16):
        _, log, _ = run(TwistedSMC(steps=12, particles=particles, noise_schedule=schedule), many)
        ratio = (log - wanted).exp()
        error = float(ratio.std()) / sqrt(items)
        assert error < 0.03
        assert abs(float(ratio.mean()) - 1) < 4 * error


def test_a_gaussian_posterior_is_sampled() -> None:
    exact = case(matrix_operator(torch.eye(4, dtype=torch.float64)[:2] * 1.5, (2, 2)), sigma=0.4)
    many = exact.problem.select(torch.zeros(60, dtype=torch.long))
    x, _, _ = run(TwistedSMC(steps=200, particles=64, noise_schedule=KarrasSchedule(0.005, 80.0)), many)
    means, flat = x.flatten(2).mean(1), x.flatten(0, 1).flatten(1)
    error = (means.mean(0) - exact.posterior.mean) / (means.std(0) / sqrt(60))
    assert float(error.abs().max()) < 4.5
    ratio = flat.var(0) / exact.posterior.cov.diagonal()
    assert float((ratio - 1).abs().max()) < 0.12


class Bent(Operator):
    """x ↦ x + x²/4 on one pixel."""

    def __init__(self) -> None:
        super().__init__((1,), (1,))

    def apply(self, x: Tensor) -> Tensor:
        return x + x**2 / 4


@pytest.mark.parametrize("kind", ["nonlinear", "counts"])
def test_likelihoods_of_any_kind_against_quadrature(kind) -> None:
    prior = GaussianPrior(1.5, std=0.5, shape=(1,))
    if kind == "nonlinear":
        problem = Problem(Bent(), torch.tensor([[3.2]], dtype=torch.float64), GaussianNoise(0.4), prior)
    else:
        problem = Problem(
            Diagonal(torch.ones(1).double()), torch.tensor([[2.4]]).double(), PoissonNoise(0.8, 0.1), prior
        )
    grid = torch.linspace(0, 4, 2001, dtype=torch.float64)
    fit = torch.stack([problem.likelihood(problem.operator(v[None, None]))[0] for v in grid])
    p = torch.softmax(-fit - (grid - 1.5).square() / 0.5, 0)
    mean = float((p * grid).sum())
    variance = float((p * (grid - mean).square()).sum())
    many = problem.select(torch.zeros(50, dtype=torch.long))
    x, _, _ = run(TwistedSMC(steps=150, particles=64, noise_schedule=KarrasSchedule(0.005, 30.0), spread=0.5), many)
    means = x[..., 0].mean(1)
    assert abs(float(means.mean()) - mean) < 4 * float(means.std()) / sqrt(50) + 0.005
    assert abs(float(x.var()) / variance - 1) < 0.12


def test_chunks_and_numbers_of_samples_change_nothing() -> None:
    real, _ = gaussian_problems()
    whole, parts = (TwistedSMC(steps=12, particles=8, chunk=chunk) for chunk in (None, 3))
    torch.testing.assert_close(whole.solve(real).image, parts.solve(real).image)
    assert sample(TwistedSMC(steps=12, particles=8), real, 3).samples.shape == (3, 2, 2, 3)


def test_resampling_gives_every_particle_its_share() -> None:
    weights = torch.tensor([[0.1, 0.45, 0.05, 0.4], [1.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    counts = torch.zeros(2, 4, dtype=torch.float64)
    for i in range(1000):
        chosen = systematic(weights.log(), torch.full((2, 1), (i + 0.5) / 1000, dtype=torch.float64))
        found = torch.stack([torch.bincount(row, minlength=4) for row in chosen])
        assert bool(((found - 4 * weights).abs() < 1).all())
        counts += found
    torch.testing.assert_close(counts / 4000, weights, rtol=0, atol=3e-4)


def test_misuse_gets_one_sentence() -> None:
    for options, message in (
        ({"resample_below": 0.0}, "0 < resample_below <= 1"),
        ({"spread": 0.0}, "spread > 0"),
        ({"cg_rtol": 1.0}, "0 < cg_rtol < 1"),
        ({"particles": 1}, "particles >= 2"),
    ):
        with pytest.raises(ValueError, match=message):
            TwistedSMC(**options)
