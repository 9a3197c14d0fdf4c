"""Nonlinear conjugate gradients against linear ones, and on problems that are not quadratic."""

from __future__ import annotations

import pytest
import torch

from recon.operators import Blur, CapabilityError, GaussianNoise, Gradient, PoissonNoise, gaussian_psf
from recon.operators.diagonal import Diagonal
from recon.priors import NonNegative, Tikhonov
from recon.solvers import CGLS, LBFGS, MaxIter, NonlinearCG, Problem, Residuals

from .nonlinear import Rosenbrock

FORMULAS = ("hager-zhang", "polak-ribiere")


@pytest.mark.parametrize("formula", FORMULAS)
def test_quadratics_take_the_iterates_of_conjugate_gradients(formula: str) -> None:
    A = Diagonal(torch.linspace(0.1, 1.0, 30, dtype=torch.float64))
    data = torch.randn(2, 30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for k in (1, 2, 5, 9):
        mine = NonlinearCG(stop=MaxIter(k), formula=formula).solve(Problem(A, data))  # type: ignore[arg-type]
        torch.testing.assert_close(mine.image, CGLS(stop=MaxIter(k)).solve(Problem(A, data)).image, rtol=1e-9, atol=0)


@pytest.mark.parametrize("formula", FORMULAS)
def test_rosenbrock_from_three_starts(formula: str) -> None:
    starts = torch.tensor([[-1.2, 1.0], [0.0, 0.0], [5.0, -3.0]], dtype=torch.float64)
    problem = Problem(Rosenbrock(), torch.zeros(3, 2, dtype=torch.float64))
    solver = NonlinearCG(stop=MaxIter(600) | Residuals(1e-14), formula=formula, check_every=1)  # type: ignore[arg-type]
    torch.testing.assert_close(solver.solve(problem, starts).image, torch.ones(3, 2).double(), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("formula", FORMULAS)
def test_poisson_data_reach_the_optimum_of_lbfgs(formula: str) -> None:
    A = Blur(gaussian_psf(1.5), (16, 16), boundary="reflect")
    x = torch.full((2, 16, 16), 0.5, dtype=torch.float64)
    x[:, 4:10, 5:12] += torch.tensor([2.0, 20.0], dtype=torch.float64)[:, None, None]
    noise = PoissonNoise(background=1.0)
    data = noise.sample(A(x), torch.Generator().manual_seed(0))
    problem = Problem(A, data, noise, Tikhonov(0.02, Gradient((16, 16))))
    solver = NonlinearCG(stop=MaxIter(500) | Residuals(1e-8), formula=formula)  # type: ignore[arg-type]
    other = LBFGS(stop=MaxIter(500) | Residuals(1e-8)).solve(problem)
    torch.testing.assert_close(solver.solve(problem).last("objective"), other.last("objective"), rtol=1e-10, atol=0)


def test_objective_never_rises() -> None:
    problem = Problem(Rosenbrock(), torch.zeros(1, 2, dtype=torch.float64))
    start = torch.tensor([[-1.2, 1.0]], dtype=torch.float64)
    values = NonlinearCG(stop=MaxIter(60), check_every=1).solve(problem, start).history["objective"]
    assert bool((values[1:] <= values[:-1] + 1e-300).all())


def test_refusals() -> None:
    problem = Problem(Diagonal(torch.ones(3)), torch.ones(3), GaussianNoise(1.0), NonNegative())
    with pytest.raises(CapabilityError, match=r"differentiable terms; \w+ of NonNegative has no gradient"):
        NonlinearCG().solve(problem)
    with pytest.raises(ValueError, match="formula 'hager-zhang' or 'polak-ribiere'"):
        NonlinearCG(formula="fletcher")  # type: ignore[arg-type]
