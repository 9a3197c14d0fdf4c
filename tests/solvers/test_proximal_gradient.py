"""Barzilai-Borwein proximal gradient: its acceptance, its steps, and what it finds."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recon.operators import Blur, CapabilityError, GaussianNoise, PoissonNoise, gaussian_psf
from recon.operators.diagonal import Diagonal
from recon.priors import NonNegative, WaveletSparsity
from recon.solvers import FISTA, MaxIter, Problem, ProximalGradient, Reason, Residuals
from recon.solvers.optimisation.proximal_gradient import ProximalGradientState

from .nonconvex import MinimaxConcave, sparse_regression


def _blurred(lam: float, gaussian: bool = False) -> tuple[Problem, Tensor]:
    x = torch.full((32, 32), 0.2, dtype=torch.float64)
    for rows, columns, value in (((4, 12), (4, 20), 6), ((16, 28), (8, 12), 10), ((20, 24), (20, 30), 3)):
        x[slice(*rows), slice(*columns)] = value
    x[8:12, 24:28] = 14
    A = Blur(gaussian_psf(1.2), (32, 32), method="direct")
    noise = PoissonNoise(background=0.5)
    data = noise.sample(A(x), torch.Generator().manual_seed(2))
    prior = lam * WaveletSparsity(1.0, "haar", 3, approximation=False) + NonNegative()
    if gaussian:
        return Problem(A, data - 0.5, GaussianNoise(1.0), 5 * prior), x
    return Problem(A, data, noise, prior), x


def test_poisson_step_is_that_of_spiral_tap() -> None:
    """α = ‖√y ⊙ Aδ/(Ax + b)‖²/‖δ‖² after an accepted step, with x before it."""
    w = torch.tensor([0.5, 1.0, 1.5], dtype=torch.float64)
    y = torch.tensor([[3.0, 1.0, 6.0]], dtype=torch.float64)
    problem = Problem(Diagonal(w), y, PoissonNoise(background=0.25), NonNegative())
    solver = ProximalGradient()
    old = solver.init(problem)
    new = solver.step(problem, old)
    delta = new.x - old.x
    assert float(delta.norm()) > 0
    expected = (y.sqrt() * w * delta / (w * old.x + 0.25)).square().sum() / delta.square().sum()
    assert float(new.alpha) == pytest.approx(float(expected), rel=1e-12)


def test_gaussian_steps_are_the_secant_ones() -> None:
    problem = Problem(Diagonal(torch.linspace(0.1, 1.0, 8, dtype=torch.float64)), torch.ones(2, 8).double())
    images = [ProximalGradient(stop=MaxIter(9), steps=s).solve(problem).image for s in ("curvature", "secant")]
    torch.testing.assert_close(images[0], images[1], rtol=1e-9, atol=1e-9)


def test_reaches_the_optimum_that_fista_finds() -> None:
    problem, _ = _blurred(0.3)
    mine = ProximalGradient(stop=MaxIter(500) | Residuals(1e-6)).solve(problem)
    other = FISTA(stop=MaxIter(300)).solve(problem)
    assert mine.reason is Reason.CONVERGED
    assert float(mine.last("objective")) == pytest.approx(float(other.last("objective")), rel=1e-6)


def test_objectives_rise_but_never_above_the_window() -> None:
    problem, _ = _blurred(0.3)
    result = ProximalGradient(stop=MaxIter(60), check_every=1).solve(problem)
    values = result.history["objective"]
    assert bool((values[1:] > values[:-1]).any())
    accepted = values[torch.cat([torch.tensor([True]), result.history["accepted"].diff() > 0])]
    for k in range(1, len(accepted)):
        assert float(accepted[k]) <= float(accepted[max(0, k - 11) : k].max()) * (1 + 1e-12)


def test_memory_of_one_is_monotone() -> None:
    problem, _ = _blurred(0.3)
    values = ProximalGradient(stop=MaxIter(60), check_every=1, memory=1).solve(problem).history["objective"]
    assert bool((values[1:] <= values[:-1] * (1 + 1e-12)).all())


def test_a_nonlinear_operator() -> None:
    """x ↦ x² with Gaussian noise on x ≥ 0: the root of the data, zero where they are negative."""
    from recon.operators.operator import Operator

    class Square(Operator):
        def apply(self, x: Tensor) -> Tensor:
            return x.square()

    y = torch.tensor([[4.0, 0.25, 9.0]], dtype=torch.float64)
    problem = Problem(Square((3,), (3,)), y, prior=NonNegative())
    start = torch.ones(1, 3, dtype=torch.float64)
    for steps in ("curvature", "secant"):
        solver = ProximalGradient(stop=MaxIter(200) | Residuals(1e-10), steps=steps, check_every=1)
        torch.testing.assert_close(solver.solve(problem, start).image, y.sqrt(), rtol=1e-8, atol=1e-8)


def test_finds_minimisers_of_a_nonconvex_penalty() -> None:
    """Separable: the answer is the prox, found by a grid."""
    data = torch.tensor([[0.2, 0.9, 1.6, -2.5, 4.0]], dtype=torch.float64)
    problem = Problem(Diagonal(torch.ones(5, dtype=torch.float64)), data, prior=MinimaxConcave(1.0, 2.5))
    result = ProximalGradient(stop=MaxIter(300) | Residuals(1e-12), check_every=1).solve(problem)
    grid = torch.linspace(-5, 5, 200001, dtype=torch.float64)
    penalty = MinimaxConcave(1.0, 2.5).unit_terms((1,))[0].functional(grid[:, None])
    best = torch.stack([grid[(0.5 * (grid - y).square() + penalty).argmin()] for y in data[0]])
    torch.testing.assert_close(result.image[0], best, rtol=0, atol=1e-4)


def test_refusals() -> None:
    problem = Problem(Diagonal(torch.ones(3)), torch.ones(3), PoissonNoise(background=1.0), NonNegative())
    with pytest.raises(CapabilityError, match=r"constant steps needs a Lipschitz constant, which PoissonKL"):
        ProximalGradient(steps="constant").solve(problem)
    with pytest.raises(CapabilityError, match="closed-form prox of terms that are not convex; MinimaxConcave"):
        ProximalGradient().solve(Problem(Diagonal(torch.ones(3)), torch.ones(3), prior=_beside()))
    with pytest.raises(ValueError, match="memory >= 1, got 0"):
        ProximalGradient(memory=0)


def _beside() -> MinimaxConcave:
    return MinimaxConcave(1.0, 2.5) + NonNegative()  # type: ignore[return-value]


@pytest.mark.slow
def test_spiral_tap_is_stationary_and_beats_least_squares() -> None:
    errors = {}
    for gaussian in (False, True):
        found = []
        for lam in (0.1, 0.15, 0.2, 0.3):
            problem, x = _blurred(lam, gaussian)
            problem = problem.flatten()
            solver = ProximalGradient(inner_iter=1000)
            state = solver.init(problem)
            while state.iteration < 600 and float(state.residual) > 1e-8:
                state = solver.step(problem, state)
            found.append(float((state.x[0] - x).norm() / x.norm()))
            assert _kkt(problem, state) <= 1e-6
        errors[gaussian] = min(found)
    assert errors[False] < 0.95 * errors[True]


def _kkt(problem: Problem, state: ProximalGradientState) -> float:
    """How far 0 is from ∇F(x) + λWᴴ∂‖Wx‖₁ + ∂(x ≥ 0), from the solver's p ∈ λ∂‖·‖₁ and its slack Σ λ|Wx| − p·Wx."""
    x, (p,) = state.x, state.duals
    gradient = problem.linear.adjoint(problem.likelihood.grad(problem.linear(x)))
    term = problem.terms[0]
    W, cost = term.operator, term.functional
    assert W is not None
    assert float(cost.conjugate(p)) == 0
    force = gradient + W.adjoint(p)
    slack = float(cost(W(x)) - (p * W(x)).sum()) / float(problem.objective(x))
    return max(float((x - (x - force).clamp(min=0)).norm() / gradient.norm()), slack)


@pytest.mark.slow
def test_barzilai_borwein_takes_a_fraction_of_constant_steps() -> None:
    problem, truth = sparse_regression()
    stop = MaxIter(20000) | Residuals(1e-8)
    fast, slow = (ProximalGradient(stop=stop, check_every=1, steps=s).solve(problem) for s in ("curvature", "constant"))
    assert float(fast.last("objective")) == pytest.approx(float(slow.last("objective")), rel=1e-9)
    assert int(fast.iterations) < int(slow.iterations) / 4
    assert float((fast.image - truth).norm() / truth.norm()) < 0.05


def test_a_step_of_ones_own() -> None:
    """Gradient descent with τ on a nonlinear operator; refused where it cannot converge, or means nothing."""
    from recon.operators import TubalGram

    gram = TubalGram(2, 1, 2)
    start = torch.tensor([[[1.0, 0.5]], [[-0.3, 0.2]]], dtype=torch.float64)
    data = gram(2 * start)
    problem = Problem(gram, data)
    result = ProximalGradient(steps="constant", tau=0.05, stop=MaxIter(3)).solve(problem, start)
    x = start
    for _ in range(3):
        x = x - 0.05 * gram.vjp(x, gram(x) - data)
    torch.testing.assert_close(result.image, x)
    scaled = Problem(Diagonal(torch.full((3,), 2.0)), torch.ones(3))
    with pytest.raises(ValueError, match=r"expects tau <= 2/L = 0.5 here, got 0.6"):
        ProximalGradient(steps="constant", tau=0.6).solve(scaled)
    with pytest.raises(ValueError, match="tau with steps='constant' only, got 'secant'"):
        ProximalGradient(steps="secant", tau=0.6)
