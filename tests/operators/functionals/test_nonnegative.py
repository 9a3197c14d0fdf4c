"""Penalties of magnitudes on nonnegative images: prox against a grid, and solvers that no order of terms upsets."""

from __future__ import annotations

import cvxpy as cp
import pytest
import torch

from recon.operators import L0, L1, MCP, SCAD, Functional, GaussianNoise, LinearOperator, Nonnegative, NuclearNorm
from recon.priors import NonNegative, Sparsity
from recon.solvers import ADMM, FISTA, PDHG, Gap, MaxIter, Problem, ProximalGradient, Residuals


@pytest.mark.parametrize("penalty", [L1((1,)), 0.4 * L1((1,)), L0((1,)), MCP((1,), 0.8), SCAD((1,), 0.5)], ids=str)
@pytest.mark.parametrize("v", [-1.5, -0.2, 0.3, 0.9, 1.6, 4.0])
def test_prox_is_the_best_nonnegative_number(penalty: Functional, v: float) -> None:
    f, tau = Nonnegative(penalty), 0.9
    grid = torch.linspace(0, 5, 500001, dtype=torch.float64)[:, None]
    cost = f(grid) + (grid[:, 0] - v).square() / (2 * tau)
    found = f.prox(torch.tensor([v], dtype=torch.float64), tau)
    assert float(f(found)) + (float(found) - v) ** 2 / (2 * tau) <= float(cost.min()) + 1e-9


def test_only_magnitudes_are_taken() -> None:
    with pytest.raises(ValueError, match="monotone in magnitudes, got NuclearNorm"):
        Nonnegative(NuclearNorm((3, 3)))
    with pytest.raises(ValueError, match="got L1"):
        Nonnegative(L1((3,), data=torch.ones(3)))


@pytest.mark.parametrize("order", [0, 1], ids=["sparse first", "bounds first"])
def test_solvers_reach_the_optimum_whatever_the_order_of_terms(order: int) -> None:
    """Iterates used to leave x ≥ 0 by rounding where the bounds came second, and their objectives were infinite."""
    draw = torch.Generator().manual_seed(0)
    matrix = torch.randn(12, 20, generator=draw, dtype=torch.float64)
    data = torch.randn(12, generator=draw, dtype=torch.float64)
    A = LinearOperator.from_functions(lambda v: v @ matrix.T.to(v), lambda w: w @ matrix.to(w), (20,), (12,))
    x = cp.Variable(20, nonneg=True)
    known = cp.Problem(cp.Minimize(cp.sum_squares(matrix.numpy() @ x - data.numpy()) / 2 + 0.7 * cp.sum(x)))
    known.solve(solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    terms = [Sparsity(0.7), NonNegative()]
    problem = Problem(A, data, GaussianNoise(1.0), terms[order] + terms[1 - order])
    stop = MaxIter(5000) | Gap(1e-8)
    for solver in (PDHG(stop=stop), ADMM(stop=stop), FISTA(stop=stop), ProximalGradient(stop=stop & Residuals(1e-9))):
        result = solver.solve(problem)
        assert float(result.last("relative_gap")) <= 1e-8, solver.name
        assert float(problem.objective(result.image)) == pytest.approx(known.value, rel=1e-7)
