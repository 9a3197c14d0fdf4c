"""Ensemble Kalman guidance against its recursion, for ensembles of any size and for infinite ones."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from recon.operators import BlackBox, Diagonal, GaussianNoise, LinearOperator, PoissonNoise
from recon.priors import GaussianPrior
from recon.solvers import DPS, EnKG, KarrasSchedule, Problem
from recon.solvers.counting import counted

D, M, STEPS = 4, 2, 20
LEVELS = KarrasSchedule()(STEPS).tolist()
GENERATOR = torch.Generator().manual_seed(0)
ROOT = torch.randn(D, D, generator=GENERATOR, dtype=torch.float64)
C = ROOT @ ROOT.mT / D + 0.2 * torch.eye(D)
MU = torch.randn(D, generator=GENERATOR, dtype=torch.float64)
A = torch.randn(M, D, generator=GENERATOR, dtype=torch.float64)
Y = A @ MU + torch.tensor([1.0, -0.5])


def problem(data: Tensor = Y[None]) -> Problem:
    operator = LinearOperator.from_functions(lambda x: x @ A.mT, lambda y: y @ A, (D,), (M,))
    return Problem(operator, data, GaussianNoise(0.3), GaussianPrior(MU, covariance=C))


def sampler(particles: int, guidance: float = 0.8) -> EnKG:
    return EnKG(steps=STEPS, particles=particles, guidance=guidance, noise_schedule=KarrasSchedule(), seed=3)


def flow_levels(number: int) -> list[float]:
    """Karras' levels from σ_i to the least one of the schedule, as many as the published rule says."""
    count = min(1 + (STEPS - number) // 4, 20)
    sigma, least = LEVELS[number], LEVELS[STEPS - 1]
    if count == 1:
        return [sigma, 0.0]
    ramp = [i / (count - 1) for i in range(count)]
    return [(sigma ** (1 / 7) + t * (least ** (1 / 7) - sigma ** (1 / 7))) ** 7 for t in ramp] + [0.0]


def contractions(levels: list[float]) -> np.ndarray:
    """F with u ↦ μ + F (u − μ), the Euler steps of the flow under the Gaussian prior."""
    F, identity, cov = np.eye(D), np.eye(D), C.numpy()
    for high, low in pairwise(levels):
        J = cov @ np.linalg.inv(cov + high**2 * identity)
        F = (J + low / high * (identity - J)) @ F
    return F


def guided(number: int) -> bool:
    return 0.05 * STEPS < number < STEPS - 1


def test_a_run_is_the_published_recursion() -> None:
    """The whole run of a finite ensemble, in NumPy: no noise but that of the start enters."""
    solver = sampler(12)
    question = problem()
    u = solver.init(question).u[0].numpy()
    mu, operator, y = MU.numpy(), A.numpy(), Y.numpy()
    for number in range(STEPS):
        if guided(number):
            for _ in range(2):
                clean = (mu + (u - mu) @ contractions(flow_levels(number)).T) @ operator.T
                weights = (clean - y) @ (clean - clean.mean(0)).T / len(u) / 0.3**2
                u = u - 0.8 / np.linalg.norm(weights) * weights @ (u - u.mean(0))
        u = mu + (u - mu) @ contractions(LEVELS[number : number + 2]).T
    found = solver.whole().solve(question).image[0].numpy()
    order = np.argsort(found[:, 0])
    np.testing.assert_allclose(found[order], u[np.argsort(u[:, 0])], rtol=1e-7, atol=1e-9)


def moments(guidance: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of an infinite ensemble: under a Gaussian prior it stays Gaussian."""
    mu, operator, y = MU.numpy(), A.numpy(), Y.numpy()
    m, P = np.zeros(D), (1 + LEVELS[0] ** 2) * np.eye(D)
    for number in range(STEPS):
        if guided(number):
            for _ in range(2):
                G = operator @ contractions(flow_levels(number))
                mean = operator @ mu + G @ (m - mu) - y
                spread = G @ P @ G.T
                size = np.sqrt(np.trace((spread + np.outer(mean, mean)) @ spread))
                gain = guidance / size * P @ G.T
                m, T = m - gain @ mean, np.eye(D) - gain @ G
                P = T @ P @ T.T
        F = contractions(LEVELS[number : number + 2])
        m, P = mu + F @ (m - mu), F @ P @ F.T
    return m, P


def test_large_ensembles_follow_the_moments_of_an_infinite_one() -> None:
    m, P = moments(0.3)
    particles = sampler(1500, 0.3).whole().solve(problem()).image[0]
    scale = np.sqrt(np.trace(P))
    assert np.linalg.norm(particles.mean(0).numpy() - m) < 0.08 * scale
    assert np.linalg.norm(torch.cov(particles.mT).numpy() - P) < 0.1 * scale**2
    exact = problem().prior.posterior(problem().operator, Y, 0.3)  # type: ignore[union-attr]
    assert scale < 0.8 * float(exact.covariance.dense().trace().sqrt())  # the posterior it is not


def test_the_ensemble_collapses_where_data_are_and_keeps_the_prior_elsewhere() -> None:
    """No spread where A sees, independent pixels that are not seen untouched, and the level of the noise cancels."""
    prior = GaussianPrior(torch.tensor([0.5, -1.0], dtype=torch.float64), std=1.0)
    question = Problem(
        Diagonal(torch.tensor([1.0, 0.0], dtype=torch.float64)),
        torch.tensor([[1.4, 0.0]], dtype=torch.float64),
        GaussianNoise(0.5),
        prior,
    )
    exact = prior.posterior(question.operator, question.data[0], 0.5)
    solver = EnKG(steps=80, particles=1000, guidance=1.0, noise_schedule=KarrasSchedule())
    particles = solver.whole().solve(question).image[0]
    mean, std = particles.mean(0), particles.std(0)
    posterior = exact.covariance.dense().diagonal().sqrt()
    assert float(posterior[0]) == pytest.approx(0.447, abs=1e-3)
    assert float(std[0]) < 0.01 * float(posterior[0])
    assert float(mean[1]) == pytest.approx(-1.0, abs=0.1)
    assert float(std[1]) == pytest.approx(1.0, rel=0.1)
    quiet = Problem(question.operator, question.data, GaussianNoise(0.01), prior)
    torch.testing.assert_close(solver.whole().solve(quiet).image[0], particles, atol=1e-5, rtol=1e-5)


class NoGradient(GaussianPrior):
    """A prior that says so where it is differentiated."""

    def linearise(self, u: Tensor, sigma: float | Tensor):  # type: ignore[no-untyped-def]
        raise AssertionError("the denoiser was differentiated.")

    def expectation(self, u: Tensor, sigma: float | Tensor) -> Tensor:
        assert not torch.is_grad_enabled(), "a gradient of the denoiser was prepared."
        return super().expectation(u, sigma)


def bend(x: np.ndarray) -> np.ndarray:
    return np.sinh(x[:2])


def test_it_takes_black_boxes_and_calls_no_derivative() -> None:
    truth = torch.tensor([0.8, -0.4, 0.1, 0.0], dtype=torch.float64)
    operator = BlackBox(bend, (D,), (2,))
    question = Problem(operator, operator(truth)[None], GaussianNoise(0.01), NoGradient(0.0, std=1.0, shape=(D,)))
    solver = EnKG(particles=200, noise_schedule=KarrasSchedule())
    with counted(operator, question.prior) as calls:
        result = solver.solve(question)
    assert calls["vjp"] == calls["adjoint"] == 0
    corrections = sum(4 < i < 76 for i in range(80)) * 2
    assert calls.images["forward"] == 200 * (corrections + 4)  # and one measurement of the misfit every 20 steps
    torch.testing.assert_close(result.image[0, :2], truth[:2], atol=0.05, rtol=0)
    assert float(result.history["spread"][-1]) < 1.0


def test_others_refuse_black_boxes() -> None:
    operator = BlackBox(bend, (D,), (2,))
    question = Problem(operator, torch.zeros(1, 2), GaussianNoise(0.1), GaussianPrior(0.0, std=1.0, shape=(D,)))
    with pytest.raises(TypeError, match="DPS needs the derivative of the operator, and BlackBox is known"):
        DPS(steps=5).solve(question)


def test_counts_are_weighed_by_their_variance() -> None:
    """Poisson data: pixels of many counts pull less, so that the ensemble is that of the scaled Gaussian problem."""
    prior = GaussianPrior(5.0, std=0.2, shape=(3,))
    gains = torch.tensor([1.0, 4.0, 0.5], dtype=torch.float64)
    data = gains * torch.tensor([5.2, 4.9, 5.1], dtype=torch.float64)
    solver = EnKG(steps=20, particles=100, guidance=0.3, noise_schedule=KarrasSchedule())
    counts = solver.solve(Problem(Diagonal(gains), data[None], PoissonNoise(1e-3), prior)).image
    sigma = (1e-3 * 5 * gains).sqrt()
    alike = solver.solve(Problem(Diagonal(gains), data[None], GaussianNoise(sigma[None]), prior)).image
    uniform = solver.solve(Problem(Diagonal(gains), data[None], GaussianNoise(0.05), prior)).image
    assert float((counts - alike).norm()) < 0.3 * float((counts - uniform).norm())


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"guidance": 0.0}, "guidance > 0, got 0.0"),
        ({"guided": (0.5, 0.5)}, "guided = \\(first, last\\)"),
        ({"updates": 0}, "updates >= 1, got 0"),
        ({"least": 2.0}, "0 <= least <= 1"),
        ({"particles": 1}, "particles >= 2, got 1"),
        ({"chunk": 0}, "chunk >= 1, got 0"),
        ({"output": "both"}, "'particle' or 'mean'"),
    ],
)  # type: ignore[no-untyped-def]
def test_refusals(settings, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        EnKG(**settings)
