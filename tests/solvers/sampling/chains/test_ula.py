"""ULA against the law of its discretisation, in closed form."""

import pytest
import torch
from torch import Tensor

from recon.operators import CorrelatedNoise, GaussianNoise, PoissonNoise
from recon.operators.linear import CapabilityError
from recon.priors import GaussianPrior
from recon.solvers import ULA, Problem
from recon.solvers.sampling.small_problems import bent_problem, gaussian_problems, noisy_problems
from tests.solvers.sampling.audit import Law, case, operators
from tests.solvers.sampling.chains.stationary import parts, stationary


def predicted(exact, sigma: float, noise: Tensor, delta: float) -> tuple[Law, Tensor]:
    """The stationary law from the docstring's formula, and H."""
    prior, A = exact.problem.prior, exact.A
    d = A.shape[1]
    smoothed = prior.covariance.dense() + sigma**2 * torch.eye(d, dtype=torch.float64)
    H = A.mT @ torch.linalg.solve(noise, A) + torch.linalg.inv(smoothed)
    m = prior.mean.flatten()
    y = exact.problem.data.flatten()
    mean = m + torch.linalg.solve(H, A.mT @ torch.linalg.solve(noise, y - A @ m))
    return Law(mean, torch.linalg.inv(H - delta / 2 * H @ H)), H


@pytest.mark.parametrize("name", ["identity", "mask", "blur", "random", "ct"])
def test_the_stationary_law_is_that_of_the_closed_form(name) -> None:
    exact = case(operators(4)[name], sigma=0.3)
    problem, solver = exact.problem, ULA(sigma=0.1, step_size=0.6)
    L = float(solver.curvature(problem)[0])
    noise = 0.3**2 * torch.eye(len(exact.A), dtype=torch.float64)
    wanted, H = predicted(exact, 0.1, noise, 0.6 * 2 / L)
    found = stationary(*parts(solver, problem))
    torch.testing.assert_close(found.mean, wanted.mean, rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(found.cov, wanted.cov, rtol=1e-8, atol=1e-10)
    # L is a bound on the curvature, and the bias is largest where it is reached: a factor 1/(1 - step_size)
    most = float(torch.linalg.eigvalsh(H).max())
    assert most <= L
    worst = torch.linalg.eigvalsh(torch.linalg.solve(torch.linalg.inv(H), found.cov)).max()
    assert float(worst) <= 1 / (1 - 0.6) + 1e-9


@pytest.mark.parametrize("kind", ["per measurement", "correlated"])
def test_noise_of_any_covariance(kind) -> None:
    exact = case(operators(4)["random"])
    generator = torch.Generator().manual_seed(3)
    root = torch.randn(8, 8, generator=generator, dtype=torch.float64)
    Sigma = root @ root.mT / 8 + 0.1 * torch.eye(8)
    noise = CorrelatedNoise(Sigma)
    if kind == "per measurement":
        Sigma = torch.diag(torch.linspace(0.2, 1.0, 8, dtype=torch.float64) ** 2)
        noise = GaussianNoise(Sigma.diagonal().sqrt())
    problem = Problem(exact.problem.operator, exact.problem.data, noise, exact.problem.prior)
    solver = ULA(sigma=0.1)
    L = float(solver.curvature(problem)[0])
    assert float(torch.linalg.eigvalsh(exact.A.mT @ torch.linalg.solve(Sigma, exact.A)).max()) <= L
    wanted, _ = predicted(exact, 0.1, Sigma, 0.25 * 2 / L)
    found = stationary(*parts(solver, problem))
    torch.testing.assert_close(found.mean, wanted.mean, rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(found.cov, wanted.cov, rtol=1e-8, atol=1e-10)


def test_long_chains_have_that_law() -> None:
    """Moments of 1000 independent chains against the stationary ones, within four standard errors."""
    solver = ULA(sigma=0.3, steps=1000, step_size=0.5)
    one = next(noisy_problems()).select(torch.zeros(1, dtype=torch.long))
    law = stationary(*parts(solver, one))
    x = solver.solve(one.select(torch.zeros(1000, dtype=torch.long))).image.flatten(1)
    error = (x.mean(0) - law.mean) / (law.cov.diagonal() / 1000).sqrt()
    assert float(error.abs().max()) < 4
    ratio = x.var(0) / law.cov.diagonal()
    assert float((ratio - 1).abs().max()) < 4 * (2 / 1000) ** 0.5


def test_bounds_draw_back_and_hardly_change_the_law_inside() -> None:
    exact = case(operators(4)["mask"], sigma=0.3)
    inside = exact.problem.prior.mean[None]
    free, bound = ULA(sigma=0.1), ULA(sigma=0.1, bounds=(-5.0, 5.0))
    torch.testing.assert_close(free.drift(exact.problem, inside), bound.drift(exact.problem, inside))
    far = inside + 20
    L = free.curvature(exact.problem)
    expected = free.drift(exact.problem, far) - 2 * L * (far - 5)
    torch.testing.assert_close(bound.drift(exact.problem, far), expected)
    torch.testing.assert_close(bound.curvature(exact.problem), 3 * L)


def test_a_likelihood_without_bounded_curvature_needs_to_be_told_it() -> None:
    _, counts = noisy_problems()
    for problem in (counts, bent_problem()):
        with pytest.raises(CapabilityError, match="give lipschitz="):
            ULA(sigma=0.3).solve(problem)
        x = ULA(sigma=0.3, lipschitz=500.0, steps=30).solve(problem).image
        assert bool(torch.isfinite(x).all())


def test_the_drift_of_counts_is_the_gradient_of_their_likelihood() -> None:
    _, problem = noisy_problems()
    assert isinstance(problem.noise, PoissonNoise)
    x = torch.full((2, 2, 3), 3.0, dtype=torch.float64, requires_grad=True)
    mean = problem.operator(x) + 0.2
    logs = (problem.data / 0.1 * mean.log() - mean / 0.1).sum()
    logs = logs + 0.5 * problem.prior.covariance.log_density(x - 3.0, 0.3**2).sum() * 2
    (gradient,) = torch.autograd.grad(logs, x)
    torch.testing.assert_close(ULA(sigma=0.3, lipschitz=1.0).drift(problem, x.detach()), gradient)


def test_misuse_gets_one_sentence() -> None:
    prior = GaussianPrior(std=1.0, shape=(2, 3))
    real, complex_ = gaussian_problems()
    for options, message in (
        ({"sigma": 0.0}, "sigma > 0"),
        ({"step_size": 1.0}, "0 < step_size < 1"),
        ({"lipschitz": -1.0}, "lipschitz > 0"),
        ({"bounds": (1.0, 0.0)}, "low < high"),
        ({"steps": 1}, "steps >= 2"),
    ):
        with pytest.raises(ValueError, match=message):
            ULA(**options)
    with pytest.raises(CapabilityError, match="real images only"):
        ULA(bounds=(0.0, 1.0)).solve(complex_)
    with pytest.raises(TypeError):
        ULA(noise_schedule=None)
    prior.sigma_range = (0.1, 10.0)
    with pytest.raises(ValueError, match="holds for sigma from"):
        ULA(sigma=0.01).solve(Problem(real.operator, real.data, real.noise, prior))
