"""Step sizes of the primal-dual method, tested as inequalities on what it actually uses."""

from __future__ import annotations

from typing import Literal

import pytest
import torch

from recon.operators import Blur, CapabilityError, GaussianNoise, Gradient, PoissonNoise, Stack
from recon.operators.diagonal import Diagonal
from recon.priors import Box, NonNegative, Tikhonov, TotalVariation, WaveletSparsity
from recon.solvers import PDHG, CondatVu, Gap, MaxIter, PnPADMM, Problem
from recon.solvers.optimisation.saddle import split

from .known_optima import matrix, tv_denoising


def _problem(scale: float = 1.0, items: int = 3) -> Problem:
    weights = scale * torch.linspace(0.2, 1.0, 30, dtype=torch.float64).reshape(5, 6)
    generator = torch.Generator().manual_seed(0)
    data = (
        torch.rand((items, 5, 6), generator=generator, dtype=torch.float64)
        * torch.tensor([1.0, 100.0, 1e-3])[:items, None, None]
    )
    return Problem(Diagonal(weights), data, GaussianNoise(0.1), 0.3 * TotalVariation() + NonNegative())


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("ratio", [0.01, 1.0, 100.0])
def test_tau_sigma_norm_stays_below_one_throughout(scale: float, ratio: float) -> None:
    problem = _problem(scale)
    solver = PDHG(ratio=ratio)
    norms = [
        torch.linalg.matrix_norm(torch.from_numpy(matrix(b.operator, torch.float64)), 2) for b in split(problem).blocks
    ]
    state = solver.init(problem)
    for _ in range(100):
        tau, sigmas = state.steps
        product = tau * sum(sigma * norm**2 for sigma, norm in zip(sigmas, norms, strict=True))
        assert product.shape == (3,)
        assert bool((product < 1).all())
        assert bool((product > 0.5).all())
        state = solver.step(problem, state)


def test_steps_of_a_stacked_operator_use_the_norm_of_the_stack() -> None:
    A = Stack(Gradient((5, 6)), 3 * Gradient((5, 6)))
    data = torch.ones((1, *A.range_shape), dtype=torch.float64)
    problem = Problem(A, data, prior=Tikhonov(0.1))
    state = PDHG().init(problem)
    norm = float(torch.linalg.matrix_norm(torch.from_numpy(matrix(A, torch.float64)), 2))
    assert float(state.steps.tau[0] * state.steps.sigmas[0][0]) * norm**2 < 1


def test_extrapolates_with_the_new_iterate() -> None:
    """One step by hand from a nonzero state: y⁺ uses K(2x⁺ − x)."""
    A = Diagonal(torch.tensor([2.0, 0.5], dtype=torch.float64))
    y = torch.tensor([[1.0, -1.0]], dtype=torch.float64)
    problem = Problem(A, y)
    state = PDHG(steps="constant").init(problem, torch.tensor([[0.3, 0.4]], dtype=torch.float64))
    duals = torch.tensor([[0.2, -0.1]], dtype=torch.float64)
    state = state._replace(at=state.at._replace(duals=(duals,)), pull=A.adjoint(duals))
    tau, sigma = state.steps.tau[0], state.steps.sigmas[0][0]
    x = state.at.x - tau * A.adjoint(duals)
    v = duals + sigma * A(2 * x - state.at.x)
    expected = (v - sigma * y) / (1 + sigma)  # prox of σf* for f = ½‖· − y‖²
    new = PDHG(steps="constant").step(problem, state)
    torch.testing.assert_close(new.proximal.x, x)
    torch.testing.assert_close(new.proximal.duals[0], expected)


def test_poisson_with_background_agrees_with_the_optimality_conditions() -> None:
    generator = torch.Generator().manual_seed(2)
    A = Diagonal(torch.linspace(0.5, 1.0, 12, dtype=torch.float64))
    x = 5 + 3 * torch.rand(12, generator=generator, dtype=torch.float64)
    noise = PoissonNoise(0.1, 0.5)
    problem = Problem(A, noise.sample(A(x), generator), noise, Box(0, 6.0))
    image = PDHG(stop=MaxIter(5000)).solve(problem).image
    # Separable: the optimum clips the unconstrained one, (y − b)/a.
    expected = ((problem.data - 0.5) / A.diagonal).clamp(0, 6)
    torch.testing.assert_close(image, expected, rtol=1e-6, atol=1e-6)


def test_refuses_by_name_what_it_cannot_do() -> None:
    problem = Problem(Diagonal(torch.ones(3)), torch.ones(3), PoissonNoise(), TotalVariation())
    with pytest.raises(CapabilityError, match="CondatVu needs a data term with a Lipschitz gradient; PoissonKL has"):
        CondatVu().solve(problem)
    with pytest.raises(CapabilityError, match=r"PnPADMM needs a denoiser as prior.*got TotalVariation"):
        PnPADMM().solve(problem)
    with pytest.raises(ValueError, match="PDHG expects ratio > 0, got -1"):
        PDHG(ratio=-1)


def test_acceleration_has_its_rate() -> None:
    """Distances to the solution fall like 1/k with a strongly convex g, and geometrically where f* is so too."""
    problem = tv_denoising().problem
    solution = PDHG(data_term="primal", stop=MaxIter(20000) | Gap(1e-13), check_every=100).solve(problem).image
    solver = PDHG(steps="accelerated", data_term="primal")
    state, errors = solver.init(problem.flatten()), {}
    for k in range(1, 801):
        state = solver.step(problem.flatten(), state)
        errors[k] = float((solver.image(state) - solution).norm())
    assert errors[800] < errors[100] / 8

    A = Diagonal(torch.linspace(0.5, 1.0, 30, dtype=torch.float64).reshape(5, 6))
    both = Problem(A, torch.ones((1, 5, 6), dtype=torch.float64), GaussianNoise(0.5), Tikhonov(0.4))
    exact = A.solve_normal(A.adjoint(both.data), 0.4 * 0.25)
    linear = PDHG(steps="accelerated")
    state, distances = linear.init(both), []
    for _ in range(60):
        state = linear.step(both, state)
        distances.append(float((linear.image(state) - exact).norm()))
    mu = 2 * (0.4 * 0.5**2) ** 0.5  # 2√(γδ)/L with γ = λ, δ = σ², L = 1: squared distances fall like (1 + μ)^−k
    assert distances[59] < distances[19] * (1 + mu) ** -18


def test_acceleration_of_the_dual_where_all_terms_are_smooth() -> None:
    A = Diagonal(torch.linspace(0.0, 1.0, 30, dtype=torch.float64).reshape(5, 6))
    prior = Tikhonov(0.4, Gradient((5, 6)))
    generator = torch.Generator().manual_seed(8)
    data = torch.rand((2, 5, 6), generator=generator, dtype=torch.float64)
    problem = Problem(A, data, GaussianNoise(0.5), prior)
    result = PDHG(steps="accelerated", stop=MaxIter(3000) | Gap(1e-8)).solve(problem)
    M = torch.from_numpy(matrix(A, torch.float64))
    D = torch.from_numpy(matrix(Gradient((5, 6)), torch.float64))
    x = torch.linalg.solve(4 * M.T @ M + 0.4 * D.T @ D, 4 * (data.reshape(2, -1) @ M).T).T.reshape(2, 5, 6)
    torch.testing.assert_close(result.image, x, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(problem.objective(result.image), problem.objective(x), rtol=1e-7, atol=0)


@pytest.mark.parametrize("boundary", ["neumann", "circular"])
def test_diagonal_steps_satisfy_their_inequality(boundary: Literal["neumann", "circular"]) -> None:
    A = Stack(Diagonal(torch.linspace(-1.0, 2.0, 30, dtype=torch.float64).reshape(5, 6)), 3 * Gradient((5, 6)))
    data = torch.ones((2, *A.range_shape), dtype=torch.float64)
    prior = TotalVariation(0.3, boundary=boundary) + NonNegative()
    problem = Problem(A, data, GaussianNoise(0.1), prior)
    solver = PDHG(preconditioner="diagonal")
    state = solver.init(problem)
    blocks = split(problem).blocks
    for _ in range(25):
        tau, sigmas = state.steps
        rows = []
        for block, sigma in zip(blocks, sigmas, strict=True):
            K = torch.from_numpy(matrix(block.operator, torch.float64))
            weight = sigma[1].reshape(-1).expand(K.shape[0]) if sigma.ndim > 1 else sigma[1].expand(K.shape[0])
            rows.append(weight.sqrt()[:, None] * K * tau[1].reshape(-1).sqrt())
        norm = float(torch.linalg.matrix_norm(torch.cat(rows), 2))
        assert 0.3 < norm < 1
        state = solver.step(problem, state)


def test_relaxation_of_one_is_the_plain_method_and_the_image_obeys_constraints() -> None:
    problem = _problem()
    image = PDHG(relaxation=1.9, stop=MaxIter(7)).solve(problem).image
    assert bool((image >= 0).all())
    plain, half = (PDHG(relaxation=r, steps="constant") for r in (1.0, 0.5))
    start = plain.step(problem, plain.init(problem))
    moved = half.step(problem, start._replace(pull=start.at.r))
    full = plain.step(problem, start)
    torch.testing.assert_close(moved.at.x, 0.5 * (start.at.x + full.at.x))
    torch.testing.assert_close(moved.at.duals[1], 0.5 * (start.at.duals[1] + full.at.duals[1]))


def test_own_steps_are_used_and_refused_where_they_are_too_large() -> None:
    problem = _problem()
    square = sum(block.operator.norm_bound() ** 2 for block in split(problem).blocks)
    own = PDHG(steps="constant", tau=0.5, sigma=1.9 / square)
    state = own.init(problem)
    assert float(state.steps.tau[0]) == 0.5
    assert float(state.steps.sigmas[1][2]) == pytest.approx(1.9 / square)
    with pytest.raises(ValueError, match=r"tau = 0\.5 and sigma = .* are too large: tau·sigma·‖K‖² is 1\.05 and must"):
        PDHG(steps="constant", tau=0.5, sigma=2.1 / square).solve(problem)
    with pytest.raises(ValueError, match="tau and sigma together"):
        PDHG(tau=0.1, sigma=0.1)
    with pytest.raises(ValueError, match="expects tau > 0 and sigma > 0, got -1"):
        PDHG(steps="constant", tau=-1.0, sigma=0.1)


def test_refuses_settings_that_do_not_fit() -> None:
    problem = _problem()
    with pytest.raises(ValueError, match=r"relaxation in \(0, 2\), got 2"):
        PDHG(relaxation=2.0)
    with pytest.raises(ValueError, match="steps among adaptive, constant, accelerated, got 'fast'"):
        PDHG(steps="fast")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="accelerated steps without relaxation"):
        PDHG(steps="accelerated", relaxation=1.5)
    with pytest.raises(CapabilityError, match=r"strongly convex.*BoxIndicator is not.*GroupL1 has none"):
        PDHG(steps="accelerated").solve(problem)
    with pytest.raises(CapabilityError, match="this prior has one on the image itself"):
        PDHG(data_term="primal").solve(problem)
    blur = Blur(torch.ones(3, 3), (5, 6), boundary="reflect")
    with pytest.raises(CapabilityError, match="no closed form"):
        PDHG(data_term="primal").solve(Problem(blur, torch.ones(5, 6), prior=TotalVariation()))
    wavelets = Problem(Diagonal(torch.ones(8, 8)), torch.ones(8, 8), prior=WaveletSparsity(level=1))
    with pytest.raises(CapabilityError, match=r"needs absolute row and column sums.*Wavelet"):
        PDHG(preconditioner="diagonal").solve(wavelets)
