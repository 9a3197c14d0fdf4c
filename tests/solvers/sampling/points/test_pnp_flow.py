"""PnP-Flow against its published recursion and its fixed point under Gaussian priors."""

import pytest
import torch
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.priors import FlowMatching, GaussianPrior
from recon.solvers import PnPFlow, Problem
from recon.solvers.sampling.random import keyed
from recon.solvers.sampling.small_problems import bent_problem, noisy_problems
from tests.solvers.sampling.audit import Case, case, operators, propagate

STEPS, SIGMA, ALPHA, AVERAGES = 12, 0.3, 0.7, 3


def velocity(exact: Case, t: float) -> tuple[Tensor, Tensor]:
    """v(x, t) = V x + v of straight paths x_t = (1 − t) ε + t x₁ with x₁ ~ N(m, C): E[x₁ − ε | x_t]."""
    C, m = exact.problem.prior.covariance.dense(), exact.problem.prior.mean.flatten()
    S = t**2 * C + (1 - t) ** 2 * torch.eye(16)
    V = (t * C - (1 - t) * torch.eye(16)) @ torch.linalg.inv(S)
    return V, m - V @ (t * m)


def published(exact: Case, lipschitz: float) -> tuple[Tensor, Tensor]:
    """Mean and covariance of the authors' loop, in their coordinates, from t = 1/N on, after D₀ = m at t = 0."""
    A, y, eye = exact.A, exact.problem.data.flatten(), torch.eye(16, dtype=torch.float64)
    mean, cov = exact.problem.prior.mean.flatten(), torch.zeros(16, 16, dtype=torch.float64)
    for k in range(1, STEPS):
        t = k / STEPS
        gamma = (1 - t) ** ALPHA / lipschitz
        B = eye - gamma * A.mT @ A / SIGMA**2
        V, v = velocity(exact, t)
        D = eye + (1 - t) * V
        mean = D @ (t * (B @ mean + gamma * A.mT @ y / SIGMA**2)) + (1 - t) * v
        cov = t**2 * D @ B @ cov @ B.mT @ D.mT + (1 - t) ** 2 * D @ D.mT / AVERAGES
    return mean, cov


@pytest.mark.parametrize("name", ["mask", "blur", "random", "ct"])
def test_mean_and_covariance_are_those_of_the_published_recursion(name) -> None:
    exact = case(operators(4)[name], sigma=SIGMA)
    solver = PnPFlow(steps=STEPS, alpha=ALPHA, averages=AVERAGES, lipschitz=80.0)
    law = propagate(solver, exact.problem)
    mean, cov = published(exact, 80.0)
    torch.testing.assert_close(law.mean, mean, rtol=0, atol=2e-4)  # the first level is not infinite
    torch.testing.assert_close(law.cov, cov, rtol=1e-3, atol=1e-5)


def test_steps_at_one_time_reach_the_analytic_fixed_point() -> None:
    """x = m + K (x − γ AᵀΣ⁻¹(A x − y) − m)."""
    exact = case(operators(4)["random"], sigma=SIGMA)
    solver, prior = PnPFlow(steps=10, averages=1), exact.problem.prior
    state = solver.init(exact.problem)
    number = torch.tensor([4])
    sigma = solver.level(exact.problem, state._replace(step=number)).sigma
    z = keyed(0, state.stream, number + 1, (4, 4), torch.float64, 0).flatten()
    for _ in range(400):
        state = solver.step(exact.problem, state._replace(step=number))
    K = prior.covariance.dense() @ torch.linalg.inv(prior.covariance.dense() + sigma**2 * torch.eye(16))
    H = exact.A.mT @ exact.A / SIGMA**2
    t = 1 / (1 + float(sigma))
    gamma = (1 - t) / (exact.problem.operator.norm_bound() ** 2 / SIGMA**2)
    m, y = prior.mean.flatten(), exact.problem.data.flatten()
    force = K @ (gamma * exact.A.mT @ (y - exact.A @ m) / SIGMA**2 + float(sigma) * z)
    wanted = m + torch.linalg.solve(torch.eye(16) - K @ (torch.eye(16) - gamma * H), force)
    torch.testing.assert_close(state.u.flatten(), wanted, rtol=1e-4, atol=1e-5)


def test_a_flow_and_the_gaussian_it_belongs_to_give_the_same_images() -> None:
    """Noise levels are those of evenly spaced times of the network's own path, whatever the range of the images."""

    def network(x: Tensor, t: Tensor) -> Tensor:
        t = t.reshape(-1, *(1,) * (x.ndim - 1))
        return ((2 * t - 1) / (t**2 + (1 - t) ** 2)) * x

    flow = FlowMatching(network, (2, 3), value_range=(-1.0, 1.0), network_range=(-1.0, 1.0))
    wide = FlowMatching(network, (2, 3), value_range=(-4.0, 4.0), network_range=(-1.0, 1.0))
    uneven, _ = noisy_problems()
    solver, zero = PnPFlow(steps=20, averages=2), torch.zeros(2, 2, 3, dtype=torch.float64)
    data = uneven.data / 4
    x = solver.solve(Problem(uneven.operator, data, uneven.noise, GaussianPrior(std=1.0, shape=(2, 3))), zero).image
    found = solver.solve(Problem(uneven.operator, data, uneven.noise, flow), zero).image
    torch.testing.assert_close(found, x, rtol=0, atol=2e-3)
    sizes = [solver.sigmas(Problem(uneven.operator, data, uneven.noise, p)) for p in (flow, wide)]
    torch.testing.assert_close(sizes[1], 4 * sizes[0])


def test_what_it_cannot_do_is_refused_by_name() -> None:
    with pytest.raises(CapabilityError, match="give lipschitz="):
        PnPFlow().solve(bent_problem())
    for options, message in (
        ({"alpha": -1.0}, "alpha >= 0"),
        ({"rate": 3.0}, "rate <= 2"),
        ({"averages": 0}, "averages to be a positive"),
        ({"lipschitz": 0.0}, "lipschitz > 0"),
    ):
        with pytest.raises(ValueError, match=message):
            PnPFlow(**options)
    assert PnPFlow.kind == "point estimate"
