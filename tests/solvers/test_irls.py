"""Reweighted least squares: monotone, and at the optimum of the smoothed problem."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from recon.operators import CapabilityError, GaussianNoise, Gradient, LinearOperator, PoissonNoise
from recon.operators.diagonal import Diagonal
from recon.operators.functionals import L1, MCP
from recon.priors import NonNegative, Tikhonov, TotalVariation
from recon.priors.prior import Term, VariationalPrior
from recon.solvers import IRLS, MaxIter, Problem, Residuals

from . import known_optima as known


@pytest.mark.parametrize("name", ["tv_deblurring", "tv_mri"])
def test_total_variation_comes_within_the_smoothing_of_the_optimum(name: str) -> None:
    case = getattr(known, name)()
    smoothing = 1e-4
    lam = case.problem.prior.lam
    solver = IRLS(stop=MaxIter(60) | Residuals(1e-6), smoothing=smoothing, inner_iter=100)
    excess = float(case.problem.objective(solver.solve(case.problem).image)) - case.optimum
    assert -1e-8 * case.optimum <= excess <= 1.01 * lam * smoothing * known.N**2


def test_smoothed_objective_never_rises() -> None:
    problem, smoothing = known.tv_deblurring().problem.flatten(), 0.01
    solver = IRLS(smoothing=smoothing, inner_iter=3)
    D, lam = Gradient(problem.shape), problem.prior.lam  # type: ignore[union-attr]
    state = solver.init(problem)
    values = []
    for _ in range(60):
        lengths = (D(state.x).square().sum(1) + smoothing**2).sqrt()
        values.append(float(problem.likelihood(problem.operator(state.x)) + lam * lengths.sum()))
        state = solver.step(problem, state)
    assert all(b <= a * (1 + 1e-12) for a, b in pairwise(values))
    assert values[-1] < 0.9 * values[0]


def test_l1_data_term_fits_a_line_through_outliers() -> None:
    """Least absolute deviations: the line goes through the points that are not outliers."""
    t = torch.linspace(0, 1, 21, dtype=torch.float64)
    design = torch.stack([torch.ones_like(t), t], 1)
    truth = torch.tensor([0.3, 2.0], dtype=torch.float64)
    y = design @ truth
    y[[2, 9, 15]] += torch.tensor([5.0, -7.0, 9.0], dtype=torch.float64)

    class Deviations(L1):
        def __init__(self) -> None:
            super().__init__((21,))

        def apply(self, x: torch.Tensor) -> torch.Tensor:
            return super().apply(x - y)

        def majorant(self, x: torch.Tensor, smoothing: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
            weights, _ = super().majorant(x - y, smoothing)
            return weights, y.expand(x.shape)

    A = LinearOperator.from_functions(lambda v: v @ design.T.to(v), lambda w: w @ design.to(w), (2,), (21,))
    problem = Problem(A, y[None], fidelity=Deviations())
    result = IRLS(stop=MaxIter(200), smoothing=1e-7, inner_tol=1e-9).solve(problem)
    torch.testing.assert_close(result.image[0], truth, rtol=1e-5, atol=1e-5)


def test_a_nonconvex_penalty_reaches_a_stationary_point() -> None:
    class Prior(VariationalPrior):
        def unit_terms(self, shape: tuple[int, ...]) -> tuple[Term, ...]:
            return (Term(MCP(shape, 3.0)),)

    data = torch.tensor([[0.3, 2.0, -2.4, 5.0]], dtype=torch.float64)
    problem = Problem(Diagonal(torch.ones(4, dtype=torch.float64)), data, prior=Prior())
    found = IRLS(stop=MaxIter(300), smoothing=1e-6, inner_tol=1e-9).solve(problem).image
    expected = MCP((4,), 3.0).prox(data, 1.0)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_quadratics_are_solved_at_once() -> None:
    w = torch.linspace(0.3, 1.2, 6, dtype=torch.float64)
    y = torch.ones(2, 6, dtype=torch.float64)
    result = IRLS(stop=MaxIter(1), inner_tol=1e-14).solve(Problem(Diagonal(w), y, prior=Tikhonov(0.2)))
    torch.testing.assert_close(result.image, w * y / (w.square() + 0.2), rtol=1e-12, atol=0)


def test_refusals() -> None:
    A, y = Diagonal(torch.ones(4)), torch.ones(4)
    with pytest.raises(CapabilityError, match="majorant of every term; PoissonKL has none"):
        IRLS().solve(Problem(A, y, PoissonNoise(background=1.0), Tikhonov()))
    with pytest.raises(CapabilityError, match="majorant of every term; BoxIndicator has none"):
        IRLS().solve(Problem(A, y, GaussianNoise(1.0), TotalVariation() + NonNegative()))
    with pytest.raises(ValueError, match="smoothing > 0, got 0"):
        IRLS(smoothing=0)
