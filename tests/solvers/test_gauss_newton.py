"""Iteratively regularised Gauss-Newton against dense steps, closed forms and exact recoveries."""

from __future__ import annotations

import pytest
import torch

from recon.operators import CapabilityError, GaussianNoise, PoissonNoise
from recon.operators.diagonal import Diagonal
from recon.operators.functionals import TransmissionPoisson
from recon.priors import DenoiserPrior, NonNegative, TotalVariation
from recon.solvers import FISTA, LBFGS, Gap, GaussNewton, MaxIter, Problem, Residuals

from .nonlinear import Decay

TRUTH = torch.tensor([[2.0, 0.7], [5.0, 1.6], [0.4, 0.1]], dtype=torch.float64)
START = torch.tensor([[1.0, 0.5], [3.0, 1.0], [1.0, 0.5]], dtype=torch.float64)


@pytest.mark.parametrize("noise", [GaussianNoise(0.3), PoissonNoise(background=0.2)])
def test_a_step_is_the_dense_one(noise: GaussianNoise | PoissonNoise) -> None:
    """Jᵀ(HJJᵀ + λI)⁻¹r to 1e-12."""
    A, lam = Decay(), 0.37
    problem = Problem(A, A(TRUTH), noise)
    solver = GaussNewton(stop=MaxIter(1), alpha=lam, inner_tol=1e-15)
    step = solver.solve(problem, START).image - START
    for item in range(3):
        x = START[item]
        J = torch.func.jacrev(A)(x)
        f = noise.fidelity(A(TRUTH[item]), (6,))
        H = torch.func.jacrev(f.grad)(A(x))
        r = -f.grad(A(x))
        dense = J.T @ torch.linalg.solve(H @ J @ J.T + lam * torch.eye(6, dtype=torch.float64), r)
        torch.testing.assert_close(step[item], dense, rtol=1e-12, atol=1e-12)


def test_clean_data_are_fitted_exactly_and_fast() -> None:
    A = Decay()
    problem = Problem(A, A(TRUTH))
    result = GaussNewton(stop=MaxIter(40), alpha=0.1, decay=0.2, inner_tol=1e-12).solve(problem, START)
    torch.testing.assert_close(result.image, TRUTH, rtol=1e-8, atol=1e-8)
    fast = GaussNewton(stop=MaxIter(8), alpha=1e-3, decay=0.01, inner_tol=1e-12).solve(problem, START)
    torch.testing.assert_close(fast.image, TRUTH, rtol=1e-8, atol=1e-8)


def test_noise_is_fitted_to_its_level() -> None:
    A, sigma = Decay(), 0.02
    data = GaussianNoise(sigma).sample(A(TRUTH), torch.Generator().manual_seed(3))
    problem = Problem(A, data, GaussianNoise(sigma))
    result = GaussNewton(stop=MaxIter(25), alpha=1.0).solve(problem, START)
    misfit = (A(result.image) - data).norm(dim=-1)
    assert bool((misfit < 1.3 * sigma * 6**0.5).all())
    torch.testing.assert_close(result.last("misfit"), misfit / data.norm(dim=-1), rtol=1e-9, atol=0)
    other = LBFGS(stop=MaxIter(300) | Residuals(1e-12)).solve(problem, START)
    torch.testing.assert_close(result.image, other.image, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_a_prior_is_kept_whole_and_alpha_fades() -> None:
    weights = torch.linspace(0.3, 1.2, 30, dtype=torch.float64).reshape(5, 6)
    data = torch.rand((2, 5, 6), generator=torch.Generator().manual_seed(3), dtype=torch.float64) - 0.2
    problem = Problem(Diagonal(weights), data, GaussianNoise(0.5), TotalVariation(0.2) + NonNegative())
    solver = GaussNewton(stop=MaxIter(12), decay=0.1, inner_tol=1e-5, inner_iter=100)
    proven = FISTA(stop=MaxIter(3000) | Gap(1e-7)).solve(problem)
    torch.testing.assert_close(solver.solve(problem).last("objective"), proven.last("objective"), rtol=1e-6, atol=0)


def test_bounds_are_kept_exactly() -> None:
    weights = torch.linspace(0.3, 1.2, 30, dtype=torch.float64)
    data = torch.randn((2, 30), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    problem = Problem(Diagonal(weights), data, GaussianNoise(0.5), NonNegative())
    result = GaussNewton(stop=MaxIter(12), decay=0.01, inner_tol=1e-9, inner_iter=500).solve(problem)
    torch.testing.assert_close(result.image, (data / weights).clamp(min=0), rtol=1e-7, atol=1e-7)


def test_refusals() -> None:
    A = Decay()
    with pytest.raises(CapabilityError, match="explicit cost, got DenoiserPrior"):
        GaussNewton().solve(Problem(A, A(TRUTH), prior=DenoiserPrior(lambda x, s: x)))
    rough = TransmissionPoisson((6,), torch.full((3, 6), 4.0), 20.0, background=1.0)
    with pytest.raises(CapabilityError, match="convex data term with a gradient, got TransmissionPoisson"):
        GaussNewton().solve(Problem(A, torch.full((3, 6), 4.0), fidelity=rough))
    with pytest.raises(ValueError, match="decay in"):
        GaussNewton(decay=2.0)
