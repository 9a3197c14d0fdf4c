"""Learning what a problem depends on: closed optima, derivatives and bounds that are known."""

from __future__ import annotations

from itertools import pairwise
from math import log

import pytest
import torch
from torch import Tensor

from recon.operators import Diagonal, GaussianNoise, Gradient
from recon.priors import Tikhonov
from recon.solvers import FISTA, Evidence, MaxIter, Problem, hypergradient, learn, neumann, tune
from recon.solvers.learning.learn import Learning

DTYPE = torch.float64
SIZE = (6, 7)
GENERATOR = torch.Generator().manual_seed(0)
TRUTH = torch.randn(4, *SIZE, generator=GENERATOR, dtype=DTYPE)
S = torch.linspace(1.0, 0.4, 42, dtype=DTYPE).reshape(SIZE)
DATA = S * TRUTH + 0.3 * torch.randn(4, *SIZE, generator=GENERATOR, dtype=DTYPE)


def denoising(theta: Tensor) -> Problem:
    """x̂(θ) = y/(1 + e^θ) where A = I: ½Σ‖x̂ − x*‖² is least at 1 + e^θ = ‖y‖²/⟨y, x*⟩."""
    return Problem(Diagonal(torch.ones(SIZE)), TRUTH + 2 * (DATA - S * TRUTH), None, Tikhonov().with_lam(theta.exp()))


def edges(theta: Tensor) -> Problem:
    prior = Tikhonov(operator=Gradient(SIZE)).with_lam(theta[0].exp()) + Tikhonov().with_lam(theta[1].exp())
    return Problem(Diagonal(S), DATA, GaussianNoise(theta[2].exp()), prior)


def loss(x: Tensor) -> Tensor:
    return (x - TRUTH).square().sum() / 2


@pytest.mark.parametrize("epsilon", [1.0, 0.1, 1e-3])
@pytest.mark.parametrize("method", ["maid", "hoag"])
def test_the_closed_optimum_of_a_quadratic_from_any_first_accuracy(method: Learning, epsilon: float) -> None:
    y = denoising(torch.zeros((), dtype=DTYPE)).data
    best = log(float(y.square().sum() / (y * TRUTH).sum()) - 1)
    found = learn(denoising, TRUTH, torch.tensor(3.0, dtype=DTYPE), method, epsilon=epsilon, tol=1e-4, steps=200)
    assert found.met
    assert abs(float(found.theta) - best) < 1e-4


def exact(theta: Tensor) -> Tensor:
    """ℓ(x̂(θ)) by a dense solve."""
    D = Gradient(SIZE)(torch.eye(42, dtype=DTYPE).reshape(42, *SIZE)).flatten(1).T
    weight = (-2 * theta[2]).exp()
    H = weight * torch.diag(S.flatten() ** 2) + theta[0].exp() * D.T @ D + theta[1].exp() * torch.eye(42, dtype=DTYPE)
    return loss(torch.linalg.solve(H, weight * (S * DATA).flatten(1).T).T.reshape(TRUTH.shape))


def test_hypergradients_are_those_of_differences() -> None:
    """Central differences, extrapolated: to 1e-8 by both implicit methods and by unrolling."""
    theta, h = torch.tensor([-0.5, -1.0, -1.0], dtype=DTYPE), 1e-3

    def slope(step: Tensor) -> Tensor:
        values = [(exact(theta + k * step) - exact(theta - k * step)) / (2 * k * h) for k in (1, 2, 4)]
        once = [(4 * a - b) / 3 for a, b in pairwise(values)]
        return (16 * once[0] - once[1]) / 15

    wanted = torch.stack([slope(h * e) for e in torch.eye(3, dtype=DTYPE)])
    solver = FISTA(stop=MaxIter(250), check_every=250)
    for method in ("implicit-cg", "implicit-neumann", "unroll"):
        found = hypergradient(loss, solver, edges, theta, method, tol=1e-12, max_iter=20000)
        assert float((found.gradient - wanted).norm() / wanted.norm()) < 1e-8, method


def test_the_error_of_the_neumann_series() -> None:
    """(1 − αμ)^{K+1} for every K, and reached by the vector that decides it."""
    eigenvalues = torch.linspace(0.1, 2.0, 12, dtype=DTYPE)
    Q = torch.linalg.qr(torch.randn(12, 12, generator=GENERATOR, dtype=DTYPE))[0]
    H, alpha, mu = Q @ torch.diag(eigenvalues) @ Q.T, 0.5, 0.1
    b = torch.stack([torch.randn(12, generator=GENERATOR, dtype=DTYPE), Q[:, 0]])
    wanted = b @ torch.linalg.inv(H)
    for K in range(0, 200, 7):
        w, _ = neumann(lambda v: v - alpha * v @ H, alpha * b, 1, 1e-300, K)
        ratio = (w - wanted).norm(dim=1) / wanted.norm(dim=1) / (1 - alpha * mu) ** (K + 1)
        assert float(ratio.max()) < 1 + 1e-6
        assert float(ratio[1]) > 1 - 1e-6


def test_the_evidence_and_its_data_emphasised_bound() -> None:
    """λ of a Gaussian prior from which the truth was drawn, found without it; κ = n/m weighs the data more."""
    generator = torch.Generator().manual_seed(1)
    truth = 0.5 * torch.randn(20, 400, generator=generator, dtype=DTYPE)
    A = Diagonal((torch.arange(400) % 4 == 0).to(DTYPE))
    data = A(truth + 0.2 * torch.randn(20, 400, generator=generator, dtype=DTYPE))
    problem = Problem(A, data, GaussianNoise(0.2), Tikhonov())
    plain = tune(problem, "evidence").lam
    assert abs(float(plain.log().mean()) - log(4.0)) < 4 * float(plain.log().std()) / 20**0.5
    assert bool((tune(problem, Evidence(emphasis="data")).lam < plain).all())
