"""Bilevel learning: closed optima, certified descent, filters."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d

from recon.operators import Diagonal, GaussianNoise, Identity, LinearOperator
from recon.operators.operator import Shape
from recon.priors import Tikhonov, TotalVariation, VariationalPrior
from recon.priors.prior import Term
from recon.solvers import FISTA, MaxIter, Problem, hypergradient, learn
from recon.solvers.learning.learn import Learning
from tests.solvers.differentiation.soft_edges import SoftAbs, SoftEdges

DTYPE = torch.float64
GENERATOR = torch.Generator().manual_seed(0)
TRUTH = torch.randn(5, 12, generator=GENERATOR, dtype=DTYPE)
DATA = TRUTH + 0.7 * torch.randn(5, 12, generator=GENERATOR, dtype=DTYPE)
START = torch.tensor(3.0, dtype=DTYPE)


def ridge(theta: Tensor) -> Problem:
    """x̂ = y/(1 + e^θ): the best factor is ⟨y, x*⟩/‖y‖²."""
    return Problem(Identity((12,)), DATA, GaussianNoise(1.0), Tikhonov().with_lam(theta.exp()))


BEST = log(float(DATA.square().sum() / (DATA * TRUTH).sum()) - 1)


@pytest.mark.parametrize("method", ["maid", "hoag"])
@pytest.mark.parametrize("epsilon", [1.0, 0.1, 1e-3])
def test_a_quadratic_with_a_closed_optimum(epsilon: float, method: Learning) -> None:
    found = learn(ridge, TRUTH, START, method, epsilon=epsilon, tol=1e-5, steps=200)
    assert found.met
    assert abs(float(found.theta) - BEST) < 1e-4
    assert float(START) == 3.0
    least = float((DATA / (1 + torch.tensor(BEST).exp()) - TRUTH).square().sum()) / 2
    assert found.loss == pytest.approx(least, rel=1e-6)


@pytest.mark.parametrize("method", ["maid", "hoag"])
def test_a_slowly_solved_lower_level(method: Learning) -> None:
    """Unequal singular values, where the accuracy of the lower level costs iterations; the optimum by a fine grid."""
    s = torch.linspace(1.0, 0.2, 12, dtype=DTYPE)
    data = s * TRUTH + 0.3 * (DATA - TRUTH)

    def problem_of(theta: Tensor) -> Problem:
        return Problem(Diagonal(s), data, GaussianNoise(0.3), Tikhonov().with_lam(theta.exp()))

    grid = torch.linspace(-6, 4, 200001, dtype=DTYPE)
    w = 1 / 0.09
    losses = torch.zeros_like(grid)
    for k in range(12):
        factor = w * s[k] / (w * s[k] ** 2 + grid.exp())
        losses += (factor[:, None] * data[:, k] - TRUTH[:, k]).square().sum(1) / 2
    found = learn(problem_of, TRUTH, START, method, tol=1e-5, steps=300)
    assert found.met
    assert abs(float(found.theta - grid[losses.argmin()])) < 1e-3


def test_maid_descends_in_the_true_loss() -> None:
    path = learn(ridge, TRUTH, START, epsilon=1.0, tol=1e-6).path
    assert bool((path["loss"].diff() <= 1e-9).all())
    assert float(path["epsilon"][0]) != float(path["epsilon"][-1])
    assert bool((path["iterations"].diff() >= 0).all())


def test_the_hypergradient_to_eight_digits() -> None:
    theta = torch.tensor(0.4, dtype=DTYPE)

    def loss(x: Tensor) -> Tensor:
        return (x - TRUTH).square().sum() / 2

    def value(t: Tensor) -> Tensor:
        return loss(DATA / (1 + t.exp()))

    found = hypergradient(loss, FISTA(stop=MaxIter(50)), ridge, theta, tol=1e-13)
    h = 1e-4
    slopes = [(value(theta + k * h) - value(theta - k * h)) / (2 * k * h) for k in (1, 2)]
    wanted = (4 * slopes[0] - slopes[1]) / 3
    assert abs(float((found.gradient - wanted) / wanted)) < 1e-8


class Experts(VariationalPrior):
    """Fields of experts: Σ √((kⱼ ∗ x)² + ε²) − ε, with filters that can be learned."""

    def __init__(self, kernels: Tensor) -> None:
        super().__init__()
        self.kernels = kernels

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        count, size, _ = self.kernels.shape
        kernels = self.kernels[:, None]
        out = (count, *(n - size + 1 for n in shape))

        def forward(x: Tensor) -> Tensor:
            return conv2d(x.reshape(-1, 1, *shape), kernels).reshape(*x.shape[:-2], *out)

        def adjoint(y: Tensor) -> Tensor:
            return conv_transpose2d(y.reshape(-1, *out), kernels).reshape(*y.shape[:-3], *shape)

        bound = float(self.kernels.detach().abs().sum((1, 2)).square().sum().sqrt())
        K = LinearOperator.from_functions(forward, adjoint, shape, out, differentiable=True, norm=None)
        K._norms = {"cpu": (bound / 1.01, 0.0)}  # type: ignore[attr-defined]
        return (Term(SoftAbs(out, 0.1), K),)


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.kernels = nn.Parameter(0.5 * torch.randn(2, 2, 2, generator=generator, dtype=DTYPE))
        self.log_lam = nn.Parameter(torch.tensor(0.0, dtype=DTYPE))


def test_filters_of_a_field_of_experts() -> None:
    truth = torch.zeros(3, 8, 8, dtype=DTYPE)
    truth[0, 2:5, 2:6], truth[1, :, 4:], truth[2, 5:, :3] = 1.0, 1.0, -1.0
    noise = GaussianNoise(0.3)
    data = noise.sample(truth, torch.Generator().manual_seed(2))

    def problem_of(model: Model) -> Problem:
        prior = Experts(model.kernels).with_lam(model.log_lam.exp()) + 0.1 * Tikhonov()
        return Problem(Identity((8, 8)), data, noise, prior)

    def loss(x: Tensor) -> Tensor:
        return (x - truth).square().sum() / 2

    model, solver = Model(), FISTA(stop=MaxIter(300))
    gradient = hypergradient(loss, solver, problem_of, model, tol=1e-11).gradient["kernels"]
    along = torch.randn(2, 2, 2, generator=torch.Generator().manual_seed(3), dtype=DTYPE)
    values = []
    for h in (1e-5, -1e-5):
        shifted = Model()
        with torch.no_grad():
            shifted.kernels += h * along
        values.append(float(loss(solver.solve(problem_of(shifted)).image)))
    slope = (values[0] - values[1]) / 2e-5
    assert float((gradient * along).sum()) == pytest.approx(slope, rel=1e-6)

    found = learn(problem_of, truth, model, steps=12, tol=1e-6)
    assert bool((found.path["loss"].diff() <= 0).all())
    assert found.loss < 0.75 * float(found.path["loss"][0])
    assert isinstance(found.theta, Model)
    assert torch.equal(model.kernels, Model().kernels)
    assert not torch.equal(found.theta.kernels, model.kernels)


def test_several_weights() -> None:
    """θ as a mapping: the weights of edges and of energy at once, better than either start."""
    truth = torch.zeros(2, 8, 8, dtype=DTYPE)
    truth[0, 2:5, 2:6], truth[1, :, 4:] = 1.0, 1.0
    noise = GaussianNoise(0.3)
    data = noise.sample(truth, torch.Generator().manual_seed(2))

    def problem_of(theta: dict[str, Tensor]) -> Problem:
        prior = SoftEdges(0.1).with_lam(theta["edges"].exp()) + Tikhonov().with_lam(theta["energy"].exp())
        return Problem(Identity((8, 8)), data, noise, prior)

    zero = torch.zeros((), dtype=DTYPE)
    found = learn(problem_of, truth, {"edges": zero, "energy": zero}, steps=25, tol=1e-3)
    assert list(found.theta) == ["edges", "energy"]
    assert found.loss < 0.7 * float(found.path["loss"][0])
    assert float(found.theta["energy"]) < 0 < float(found.theta["edges"])


def test_wrong_use_says_what_to_do() -> None:
    def not_strongly_convex(theta: Tensor) -> Problem:
        mask = Diagonal(torch.ones(12).index_fill(0, torch.tensor([3]), 0))
        return Problem(mask, DATA, GaussianNoise(1.0), SoftEdges(0.1).with_lam(theta.exp()))

    with pytest.raises(ValueError, match="known to be strongly convex"):
        learn(not_strongly_convex, TRUTH, START)
    with pytest.raises(TypeError, match=r"use method='unroll'|closed-form prox"):
        learn(
            lambda t: Problem(Identity((12,)), DATA, None, TotalVariation().with_lam(t.exp()) + Tikhonov()),
            TRUTH,
            START,
        )
    with pytest.raises(ValueError, match="the method 'maid' or 'hoag', got 'adam'"):
        learn(ridge, TRUTH, START, "adam")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="tol > 0, got 0"):
        learn(ridge, TRUTH, START, tol=0)
    with pytest.raises(ValueError, match="steps and max_iter >= 1"):
        learn(ridge, TRUTH, START, steps=0)

    def hard(theta: Tensor) -> Problem:
        s = torch.linspace(1.0, 0.01, 12, dtype=DTYPE)
        return Problem(Diagonal(s), DATA, GaussianNoise(0.1), Tikhonov().with_lam(0.001 * theta.exp()))

    with pytest.raises(RuntimeError, match=r"FISTA did not reach an accuracy of 0.1 in 5 iterations"):
        learn(hard, TRUTH, START, max_iter=5)
