"""RED-diff against its published recursion and its fixed point under Gaussian priors."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from recon.priors import GaussianPrior
from recon.solvers import NoiseSchedule, Problem, REDDiff, VPSchedule
from recon.solvers.sampling.points.red_diff import backprojected
from recon.solvers.sampling.random import normal
from tests.solvers.sampling.audit import Case, case, operators, propagate

STEPS, SIGMA = 40, 0.3


def published(exact: Case, weight: str, form: str, lam: float) -> Tensor:
    """The authors' loop with torch's Adam, in network values; images are those here."""
    problem, prior = exact.problem, exact.problem.prior
    C, m, A, y = prior.covariance.dense(), prior.mean.flatten(), exact.A, problem.data.flatten()
    alphas = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)
    times = torch.linspace(999, 0, STEPS, dtype=torch.float64).round().long()
    mu = backprojected(problem).flatten().clone().requires_grad_()
    adam = torch.optim.Adam([mu], lr=0.1, betas=(0.9, 0.99))
    for k, t in enumerate(times.tolist()):
        a = alphas[t]
        epsilon = normal(5, torch.tensor([0]), torch.tensor([k + 1]), (4, 4), torch.float64).flatten()
        x_t = a.sqrt() * mu + (1 - a).sqrt() * epsilon
        total = a * C + (1 - a) * torch.eye(16)
        predicted = (1 - a).sqrt() * torch.linalg.solve(total, x_t - a.sqrt() * m)
        s = ((1 - a) / a).sqrt()
        w = lam * {"linear": s, "sqrt": s.sqrt(), "log": (s + 1).log(), "truncated": s.clamp(max=1)}[weight]
        residual = y - A @ mu
        away = (predicted - epsilon).detach() * mu
        if form == "code":
            loss = w * away.mean() + residual.square().mean() / 2
        else:
            loss = w * away.sum() + residual.square().sum() / 2 / SIGMA**2
        adam.zero_grad()
        loss.backward()
        adam.step()
    return mu.detach()


@pytest.mark.parametrize("form", ["code", "paper"])
@pytest.mark.parametrize("weight", ["linear", "sqrt", "log", "truncated"])
def test_descent_is_the_published_one(weight, form) -> None:
    exact = case(operators(4)["random"], sigma=SIGMA)
    solver = REDDiff(steps=STEPS, seed=5, weighting=weight, form=form, lam=0.4, noise_schedule=VPSchedule())
    found = solver.solve(exact.problem).image[0].flatten()
    torch.testing.assert_close(found, published(exact, weight, form, 0.4), rtol=1e-5, atol=1e-6)


@dataclass(frozen=True)
class Nearly(NoiseSchedule):
    """Levels around one."""

    sigma: float

    def __call__(self, steps: int) -> Tensor:
        ramp = torch.linspace(1 + 1e-9, 1, steps, dtype=torch.float64)
        return torch.cat([self.sigma * ramp, torch.zeros(1, dtype=torch.float64)])


@pytest.mark.parametrize("name", ["mask", "blur", "random"])
def test_the_mean_of_plain_descent_reaches_the_analytic_fixed_point(name) -> None:
    """argmin ‖y − Aμ‖²/2σ_y² + ½ λ w s (μ − m)ᵀ (C + σ²I)⁻¹ (μ − m)."""
    exact = case(operators(4)[name], sigma=SIGMA)
    prior, level, lam = exact.problem.prior, 0.5, 3.0
    H = exact.A.mT @ exact.A / SIGMA**2
    R = lam * level**2 * torch.linalg.inv(prior.covariance.dense() + level**2 * torch.eye(16))
    m, y = prior.mean.flatten(), exact.problem.data.flatten()
    wanted = m + torch.linalg.solve(H + R, exact.A.mT @ (y - exact.A @ m)) / SIGMA**2
    rate = 1.0 / float(torch.linalg.eigvalsh(H + R).max())
    solver = REDDiff(steps=600, lam=lam, form="paper", optimiser="gradient", rate=rate, noise_schedule=Nearly(level))
    law = propagate(solver, exact.problem)
    torch.testing.assert_close(law.mean, wanted, rtol=1e-5, atol=1e-5)
    # what is left of the random numbers: S = (1 − rH′) S (1 − rH′) + r² N Nᵀ with N = λ w C (C + σ²I)⁻¹
    N = lam * level * (prior.covariance.dense() @ torch.linalg.inv(prior.covariance.dense() + level**2 * torch.eye(16)))
    T = torch.eye(16) - rate * (H + R)
    S = torch.zeros(16, 16, dtype=torch.float64)
    for _ in range(600):
        S = T @ S @ T.mT + rate**2 * N @ N.mT
    torch.testing.assert_close(law.cov, S, rtol=1e-5, atol=1e-7)


def test_without_a_prior_term_the_data_are_fitted() -> None:
    exact = case(operators(4)["mask"], sigma=SIGMA)
    x = REDDiff(steps=300, lam=0.0, noise_schedule=VPSchedule()).solve(exact.problem).image
    torch.testing.assert_close(exact.problem.operator(x - exact.problem.data), 0 * x, rtol=0, atol=1e-3)


def test_coordinates_are_those_of_the_network() -> None:
    """A prior with scale 2 behaves as one of scale 1 for images twice as large."""
    exact = case(operators(4)["random"], sigma=SIGMA)
    prior = exact.problem.prior
    half = GaussianPrior(prior.mean / 2, covariance=prior.covariance.dense() / 4, shape=(4, 4))
    half.scale = 2.0
    A, y, noise = exact.problem.operator, exact.problem.data, exact.problem.noise
    zero = torch.zeros(1, 4, 4, dtype=torch.float64)
    for form, same in (("paper", Problem(2.0 * A, y, noise, half)), ("code", Problem(A, y / 2, noise, half))):
        one = REDDiff(steps=30, form=form, noise_schedule=VPSchedule()).solve(exact.problem, zero).image
        two = REDDiff(steps=30, form=form, noise_schedule=Halved()).solve(same, zero).image
        torch.testing.assert_close(one, 2 * two, rtol=1e-5, atol=1e-6)


@dataclass(frozen=True)
class Halved(NoiseSchedule):
    """The levels of VPSchedule, halved."""

    def __call__(self, steps: int) -> Tensor:
        return VPSchedule()(steps) / 2


def test_misuse_gets_one_sentence() -> None:
    for options, message in (
        ({"lam": -1.0}, "lam >= 0"),
        ({"form": "l2"}, "form 'paper' or 'code'"),
        ({"weighting": "cubic"}, "weighting among 'linear'"),
        ({"optimiser": "sgd"}, "optimiser 'adam' or 'gradient'"),
    ):
        with pytest.raises(ValueError, match=message):
            REDDiff(**options)
    assert REDDiff.kind == "point estimate"
