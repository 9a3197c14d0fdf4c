"""L-BFGS with and without bounds against closed forms and SciPy's L-BFGS-B."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from recon.operators import Blur, CapabilityError, GaussianNoise, Gradient, PoissonNoise, gaussian_psf
from recon.operators.diagonal import Diagonal
from recon.priors import Box, NonNegative, Tikhonov, TotalVariation
from recon.solvers import LBFGS, Gap, MaxIter, Problem, Reason, Residuals

from .nonlinear import Rosenbrock

WEIGHTS = torch.linspace(0.3, 1.2, 6, dtype=torch.float64)


def _deblurring(noise: GaussianNoise | PoissonNoise, bounded: bool) -> Problem:
    A = Blur(gaussian_psf(1.5), (16, 16), boundary="reflect")
    x = torch.full((3, 16, 16), 0.5, dtype=torch.float64)
    x[:, 4:10, 5:12] += torch.tensor([2.0, 8.0, 20.0], dtype=torch.float64)[:, None, None]
    prior = Tikhonov(0.02, Gradient((16, 16)))
    data = noise.sample(A(x), torch.Generator().manual_seed(0))
    return Problem(A, data, noise, prior + NonNegative() if bounded else prior)


@pytest.mark.parametrize(
    ("noise", "bounded"),
    [(GaussianNoise(1.0), False), (GaussianNoise(1.0), True), (PoissonNoise(background=1.0), True)],
)
def test_agrees_with_scipy(noise: GaussianNoise | PoissonNoise, bounded: bool) -> None:
    problem = _deblurring(noise, bounded)
    result = LBFGS(stop=MaxIter(500) | Residuals(1e-8), check_every=1).solve(problem)
    assert result.reason is Reason.CONVERGED
    for item in range(3):
        one = problem.select(torch.tensor([item]))
        start = np.full(256, 1.0)

        def both(v: np.ndarray, one: Problem = one) -> tuple[float, np.ndarray]:
            x = torch.from_numpy(v).reshape(1, 16, 16).requires_grad_()
            value = one.likelihood(one.operator(x)) + one.terms[0](x)
            (slope,) = torch.autograd.grad(value.sum(), x)
            return float(value), slope.reshape(-1).numpy()

        bounds = [(0, None)] * 256 if bounded else None
        other = minimize(both, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-15, "gtol": 1e-9})
        assert float(result.last("objective")[item]) == pytest.approx(other.fun, rel=1e-9)


def test_bounds_of_a_quadratic_are_clipped_exactly() -> None:
    data = torch.tensor([[3.0, -1.0, 0.2, 0.9, 0.0, 2.0]], dtype=torch.float64)
    problem = Problem(Diagonal(WEIGHTS), data, GaussianNoise(0.5), Box(0.1, 1.5) + Tikhonov(0.3))
    result = LBFGS(stop=MaxIter(100) | Residuals(1e-12), check_every=1).solve(problem)
    expected = (WEIGHTS * data / 0.25 / (WEIGHTS.square() / 0.25 + 0.3)).clamp(0.1, 1.5)
    torch.testing.assert_close(result.image, expected, rtol=1e-10, atol=1e-10)
    assert float(result.last("relative_gap")) < 1e-9


def test_gap_of_a_strongly_convex_problem_stops_it() -> None:
    data = torch.tensor([[3.0, -1.0, 0.2, 0.9, 0.0, 2.0]], dtype=torch.float64)
    problem = Problem(Diagonal(WEIGHTS), data, GaussianNoise(0.5), Tikhonov(0.3))
    result = LBFGS(stop=MaxIter(100) | Gap(1e-9), check_every=1).solve(problem)
    assert result.reason is Reason.CONVERGED


def test_rosenbrock_from_three_starts() -> None:
    starts = torch.tensor([[-1.2, 1.0], [0.0, 0.0], [5.0, -3.0]], dtype=torch.float64)
    problem = Problem(Rosenbrock(), torch.zeros(3, 2, dtype=torch.float64))
    result = LBFGS(stop=MaxIter(200) | Residuals(1e-12), check_every=1).solve(problem, starts)
    torch.testing.assert_close(result.image, torch.ones(3, 2, dtype=torch.float64), rtol=1e-9, atol=1e-9)
    assert int(result.iterations.max()) < 80


def test_objective_never_rises() -> None:
    problem = _deblurring(PoissonNoise(background=1.0), True)
    values = LBFGS(stop=MaxIter(40), check_every=1).solve(problem).history["objective"]
    assert bool((values[1:] <= values[:-1] * (1 + 1e-12)).all())


def test_complex_images() -> None:
    w = torch.linspace(0.3, 1.2, 5, dtype=torch.float64)
    y = torch.randn(2, 5, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    problem = Problem(Diagonal(w), y, prior=Tikhonov(0.2))
    result = LBFGS(stop=MaxIter(100) | Residuals(1e-12), check_every=1).solve(problem)
    torch.testing.assert_close(result.image, w * y / (w.square() + 0.2), rtol=1e-9, atol=1e-9)


def test_refuses_terms_without_gradient_by_name() -> None:
    problem = Problem(Diagonal(WEIGHTS), WEIGHTS, prior=TotalVariation())
    with pytest.raises(CapabilityError, match="terms and bounds; GroupL1 of TotalVariation has no gradient"):
        LBFGS().solve(Problem(Diagonal(torch.ones(3, 3)), torch.ones(3, 3), prior=TotalVariation()))
    assert problem.prior is not None
    with pytest.raises(ValueError, match="memory >= 1, got 0"):
        LBFGS(memory=0)
    with pytest.raises(ValueError, match="bounds that no image meets"):
        LBFGS().solve(Problem(Diagonal(WEIGHTS), WEIGHTS, prior=Box(0.0, 1.0) + Box(2.0, 3.0)))
