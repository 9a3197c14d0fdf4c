"""Sampling under correlated noise: the posterior, and the same samples as behind whitened data."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recon.operators import Blur, CorrelatedNoise, GaussianNoise, LinearOperator
from recon.priors import GaussianPrior
from recon.solvers import MMPS, Problem
from recon.solvers.sampling.scatter import misfit, scatter
from tests.solvers.sampling.audit import Law, propagate, w2

SHAPE, D = (3, 4), 12
GENERATOR = torch.Generator().manual_seed(0)
ROOT = torch.randn(D, D, generator=GENERATOR, dtype=torch.float64)
KY, KX = torch.fft.fftfreq(3, dtype=torch.float64), torch.fft.fftfreq(4, dtype=torch.float64)
NOISES = {
    "dense": CorrelatedNoise(ROOT @ ROOT.mT / D + 0.05 * torch.eye(D), sigma=0.5),
    "stationary": CorrelatedNoise(spectrum=1 / (0.05 + KY[:, None] ** 2 + KX**2), sigma=0.2),
    "rows": CorrelatedNoise(torch.tensor([[1.0, 0.8, 0.6], [0.8, 1.0, 0.8], [0.6, 0.8, 1.0]]), axes=(-2,), sigma=0.3),
}
each = pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)


def question(noise: CorrelatedNoise) -> Problem:
    A = Blur(torch.tensor([[0.25, 0.5, 0.25]], dtype=torch.float64), SHAPE)
    prior = GaussianPrior(0.5, std=torch.linspace(0.5, 1.5, D, dtype=torch.float64).reshape(SHAPE))
    return Problem(A, noise.sample(A(prior.sample(1, GENERATOR)), GENERATOR), noise, prior)


def whitened(problem: Problem) -> Problem:
    """W y = W A x + white noise of σ."""
    assert isinstance(problem.noise, CorrelatedNoise)
    W = problem.noise.whitening(SHAPE)
    return Problem(W @ problem.operator, W(problem.data), GaussianNoise(problem.noise.sigma), problem.prior)


def solver(steps: int) -> MMPS:
    return MMPS(steps=steps, cg_rtol=1e-12, cg_max_iter=60, cg_conjugacy=float("inf"))


@each
def test_samples_are_those_behind_whitened_data(noise: CorrelatedNoise) -> None:
    problem = question(noise)
    found, wanted = (solver(20).solve(p) for p in (problem, whitened(problem)))
    torch.testing.assert_close(found.image, wanted.image, rtol=1e-7, atol=1e-8)
    torch.testing.assert_close(found.history["misfit"], wanted.history["misfit"], rtol=1e-6, atol=0)


def test_moment_matching_is_exact_up_to_the_schedule() -> None:
    noise = NOISES["rows"]
    problem = question(noise)
    white = whitened(problem)
    assert isinstance(white.operator, LinearOperator)
    exact = problem.prior.posterior(white.operator, white.data[0], float(noise.sigma))  # type: ignore[union-attr]
    law = Law(exact.mean.flatten(), exact.covariance.dense())
    assert w2(propagate(solver(60), problem), law) < 0.14 * float(law.cov.trace().sqrt())


@each
def test_the_scatter_is_the_covariance(noise: CorrelatedNoise) -> None:
    problem = question(noise)
    S, v = scatter(problem, problem.data), torch.randn(1, *SHAPE, generator=GENERATOR, dtype=torch.float64)
    many = noise.sample(torch.zeros(60_000, *SHAPE, dtype=torch.float64), GENERATOR).flatten(1)
    dense: Tensor = S.times(torch.eye(D, dtype=torch.float64).reshape(D, *SHAPE)).reshape(D, D)
    assert float((many.mT @ many / len(many) - dense).abs().max()) < 0.03 * float(dense.abs().max())
    torch.testing.assert_close(S.variance, dense.diagonal().mean()[None])
    torch.testing.assert_close(S.inverse(S.times(v)), v)
    torch.testing.assert_close(S.whiten(S.root(v)), v)
    assert S.white is None
    repeated = Problem(problem.operator, many.reshape(-1, *SHAPE), noise, problem.prior)
    assert float(misfit(repeated, torch.zeros(60_000, *SHAPE, dtype=torch.float64)).mean()) == pytest.approx(
        1, abs=0.01
    )
