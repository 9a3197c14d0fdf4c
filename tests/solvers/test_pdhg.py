"""Step sizes of the primal-dual method, tested as inequalities on what it actually uses."""

from __future__ import annotations

import pytest
import torch

from recon.operators import CapabilityError, GaussianNoise, Gradient, PoissonNoise, Stack
from recon.operators.diagonal import Diagonal
from recon.priors import Box, NonNegative, Tikhonov, TotalVariation
from recon.solvers import FISTA, PDHG, MaxIter, PnPADMM, Problem
from recon.solvers.optimisation.saddle import split

from .known_optima import matrix


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
        product = state.tau * sum(sigma * norm**2 for sigma, norm in zip(state.sigmas, norms, strict=True))
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
    assert float(state.tau[0] * state.sigmas[0][0]) * norm**2 < 1


def test_extrapolates_with_the_new_iterate() -> None:
    """One step by hand from a nonzero state: y⁺ uses K(2x⁺ − x)."""
    A = Diagonal(torch.tensor([2.0, 0.5], dtype=torch.float64))
    y = torch.tensor([[1.0, -1.0]], dtype=torch.float64)
    problem = Problem(A, y)
    state = PDHG(adaptive=False).init(problem, torch.tensor([[0.3, 0.4]], dtype=torch.float64))
    state = state._replace(duals=(torch.tensor([[0.2, -0.1]], dtype=torch.float64),))
    state = state._replace(r=A.adjoint(state.duals[0]))
    tau, sigma = state.tau[0], state.sigmas[0][0]
    x = state.x - tau * A.adjoint(state.duals[0])
    v = state.duals[0] + sigma * A(2 * x - state.x)
    expected = (v - sigma * y) / (1 + sigma)  # prox of σf* for f = ½‖· − y‖²
    new = PDHG(adaptive=False).step(problem, state)
    torch.testing.assert_close(new.x, x)
    torch.testing.assert_close(new.duals[0], expected)


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
    with pytest.raises(CapabilityError, match="FISTA needs a data term with a Lipschitz gradient; PoissonKL has none"):
        FISTA().solve(problem)
    with pytest.raises(CapabilityError, match=r"PnPADMM needs a denoiser as prior.*got TotalVariation"):
        PnPADMM().solve(problem)
    with pytest.raises(ValueError, match="PDHG expects ratio > 0, got -1"):
        PDHG(ratio=-1)
