"""SIRT against dense algebra."""

from math import pi

import pytest
import torch

from recon.operators import (
    CapabilityError,
    CartesianMRI,
    GaussianNoise,
    LinearOperator,
    ParallelBeam,
    PoissonNoise,
    RayTransform,
    Volume,
    sart_weights,
)
from recon.priors import Box, DenoiserPrior, NonNegative, TotalVariation
from recon.solvers import SIRT, MaxIter, Problem

BEAM = ParallelBeam([pi * a / 14 + 0.1 for a in range(14)], 17, 0.5)


def rays(model: str = "joseph") -> RayTransform:
    return RayTransform(Volume((5, 5)), BEAM, model)  # type: ignore[arg-type]


def matrix(operator: LinearOperator) -> torch.Tensor:
    return operator(torch.eye(25, dtype=torch.float64).view(25, 5, 5)).reshape(25, -1).T


def noisy(operator: LinearOperator, items: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand((items, 5, 5), generator=generator, dtype=torch.float64)
    y: torch.Tensor = operator(x)
    return y + 0.3 * torch.randn(y.shape, generator=generator, dtype=y.dtype)


def test_one_step_is_the_formula() -> None:
    A, y = rays(), noisy(rays())
    M = matrix(A)
    R, C = (torch.where(s > 0, 1 / s.clamp(min=1e-12), 0) for s in (M.sum(1), M.sum(0)))
    x = torch.rand((2, 25), dtype=torch.float64)
    expected = x + 1.3 * C * ((R * (y.reshape(2, -1) - x @ M.T)) @ M)
    found = SIRT(stop=MaxIter(1), relaxation=1.3).solve(Problem(A, y), x.view(2, 5, 5)).image
    torch.testing.assert_close(found, expected.view(2, 5, 5))


@pytest.mark.parametrize("model", ["joseph", "shear", "nufft"])
@pytest.mark.parametrize("relaxation", [1.0, 1.95])
def test_the_limit_is_weighted_least_squares(model: str, relaxation: float) -> None:
    A, y = rays(model), noisy(rays(model))
    root = sart_weights(A, y).rows.flatten().sqrt()
    expected = torch.linalg.lstsq(root[:, None] * matrix(A), (root * y.reshape(2, -1)).T).solution.T.view(2, 5, 5)
    result = SIRT(stop=MaxIter(600), relaxation=relaxation, check_every=600).solve(Problem(A, y))
    torch.testing.assert_close(result.image, expected, rtol=1e-5, atol=1e-5)
    misfit = (A(expected) - y).flatten(1).norm(dim=1) / y.flatten(1).norm(dim=1)
    torch.testing.assert_close(result.last("misfit"), misfit, rtol=1e-4, atol=0)


@pytest.mark.parametrize("relaxation", [0.3, 1.0, 1.99])
def test_the_weighted_misfit_falls_at_every_step(relaxation: float) -> None:
    A, y = rays("nufft"), noisy(rays("nufft"))
    rows, problem = sart_weights(A, y).rows, Problem(A, y)
    solver = SIRT(relaxation=relaxation)
    state, last = solver.init(problem), torch.tensor(float("inf"))
    for _ in range(30):
        state = solver.step(problem, state)
        misfit = (rows * (A(state.x) - y).square()).sum((1, 2))
        assert bool((misfit < last).all())
        last = misfit


def test_bounds_give_the_constrained_optimum() -> None:
    """First-order conditions of min ½‖Ax − y‖²_R over a box: the gradient points out of it or is zero."""
    A, y = rays(), noisy(rays())
    prior = 0.5 * NonNegative() + Box(-1.0, 0.8)
    x = SIRT(stop=MaxIter(500), relaxation=1.9).solve(Problem(A, y, prior=prior)).image
    gradient = A.adjoint(sart_weights(A, y).rows * (A(x) - y))
    low, high = x == 0, x == 0.8
    assert low.any()
    assert high.any()
    assert bool((x >= 0).all() and (x <= 0.8).all())
    assert bool((gradient[low] > 0).all() and (gradient[high] < 0).all())
    assert float(gradient[~(low | high)].abs().max()) < 1e-6


def test_noise_levels_and_scales_do_not_matter() -> None:
    A, y = rays(), noisy(rays())
    plain = SIRT(stop=MaxIter(7)).solve(Problem(A, y)).image
    sigmas = torch.tensor([0.1, 3.0], dtype=torch.float64)
    torch.testing.assert_close(SIRT(stop=MaxIter(7)).solve(Problem(A, y, GaussianNoise(sigmas))).image, plain)
    torch.testing.assert_close(SIRT(stop=MaxIter(7)).solve(Problem(5.0 * A, 5.0 * y)).image, plain)


def test_complex_data_are_two_real_problems() -> None:
    A, y = rays(), noisy(rays())
    image = SIRT(stop=MaxIter(5)).solve(Problem(A, torch.complex(y[0], y[1]))).image
    parts = SIRT(stop=MaxIter(5)).solve(Problem(A, y)).image
    torch.testing.assert_close(image, torch.complex(parts[0], parts[1]))


def test_refuses_by_name() -> None:
    A, y = rays(), noisy(rays())
    with pytest.raises(ValueError, match=r"^SIRT expects a relaxation in \(0, 2\), got 2.0.$"):
        SIRT(relaxation=2.0)
    for prior in (TotalVariation(), DenoiserPrior(lambda x, sigma: x)):
        with pytest.raises(
            CapabilityError, match=r"^SIRT takes bounds \(Box, NonNegative\) as prior and nothing else, got "
        ):
            SIRT().solve(Problem(A, y, prior=prior))
    with pytest.raises(ValueError, match=r"^SIRT got bounds that no image meets: above 2 and below 1.$"):
        SIRT().solve(Problem(A, y, prior=Box(0, 1) + Box(2, 3)))
    with pytest.raises(CapabilityError, match=r"^SIRT needs a quadratic data term \(Gaussian noise\), got PoissonKL"):
        SIRT().solve(Problem(A, y.abs(), PoissonNoise()))
    F = CartesianMRI(torch.ones(6, 6))
    with pytest.raises(CapabilityError, match=r"^SART weights need an operator with real entries"):
        SIRT().solve(Problem(F, torch.ones(F.range_shape, dtype=torch.complex64)))
