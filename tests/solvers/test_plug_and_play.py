"""Plug-and-play with a linear denoiser D(x) = W x against fixed points in closed form."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recon.operators import CapabilityError, GaussianNoise, LinearOperator, PoissonNoise
from recon.operators.diagonal import Diagonal
from recon.priors import DenoiserPrior
from recon.solvers import MaxIter, PnPADMM, PnPHQS, PnPPGD, Problem, Reason, RelChange

N, M, SIGMA, STRENGTH = 6, 5, 0.3, 0.4
generator = torch.Generator().manual_seed(7)
MATRIX = torch.randn((M, N), generator=generator, dtype=torch.float64)
BASIS = torch.linalg.qr(torch.randn((N, N), generator=generator, dtype=torch.float64))[0]
SMOOTH = BASIS @ torch.diag(torch.linspace(0.2, 0.95, N, dtype=torch.float64)) @ BASIS.T
DATA = torch.randn((3, M), generator=generator, dtype=torch.float64)
EYE = torch.eye(N, dtype=torch.float64)


def forward(x: Tensor) -> Tensor:
    return x @ MATRIX.T.to(x)


def adjoint(y: Tensor) -> Tensor:
    return y @ MATRIX.to(y)


def denoise(x: Tensor, sigma: float | Tensor) -> Tensor:
    return x @ SMOOTH.T


@pytest.fixture
def problem() -> Problem:
    A = LinearOperator.from_functions(forward, adjoint, (N,), (M,))
    return Problem(A, DATA, GaussianNoise(SIGMA), DenoiserPrior(denoise, sigma=STRENGTH))


def test_pgd_fixed_point(problem: Problem) -> None:
    solver = PnPPGD(stop=MaxIter(20000) | RelChange(1e-14))
    result = solver.solve(problem)
    tau = solver.init(problem.flatten()).tau[0]
    gram = MATRIX.T @ MATRIX / SIGMA**2
    expected = torch.linalg.solve(EYE - SMOOTH + tau * SMOOTH @ gram, (tau * DATA @ MATRIX / SIGMA**2 @ SMOOTH.T).T).T
    torch.testing.assert_close(result.image, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("lam", [0.23, 2.0])
def test_hqs_fixed_point(problem: Problem, lam: float) -> None:
    """z = W (AᴴA/σ² + μ)⁻¹(Aᴴy/σ² + μ z)."""
    result = PnPHQS(stop=MaxIter(5000) | RelChange(1e-14), lam=lam, inner_tol=1e-10).solve(problem)
    mu = lam / STRENGTH**2
    inverse = torch.linalg.inv(MATRIX.T @ MATRIX / SIGMA**2 + mu * EYE)
    rhs = SMOOTH @ inverse @ MATRIX.T @ DATA.T / SIGMA**2
    expected = torch.linalg.solve(EYE - mu * SMOOTH @ inverse, rhs).T
    torch.testing.assert_close(result.image, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("lam", [0.23, 2.0])
def test_admm_fixed_point_is_the_map_estimate(problem: Problem, lam: float) -> None:
    """W = (I + Q/μ)⁻¹ is the prox of ½xᵀQx, so the limit minimises ‖Ax − y‖²/2σ² + ½xᵀQx."""
    result = PnPADMM(stop=MaxIter(5000) | RelChange(1e-14), lam=lam, inner_tol=1e-8).solve(problem)
    mu = lam / STRENGTH**2
    Q = mu * (torch.linalg.inv(SMOOTH) - EYE)
    expected = torch.linalg.solve(MATRIX.T @ MATRIX / SIGMA**2 + Q, MATRIX.T @ DATA.T / SIGMA**2).T
    torch.testing.assert_close(result.image, expected, rtol=1e-8, atol=1e-8)


def test_hqs_anneals_geometrically(problem: Problem) -> None:
    solver = PnPHQS(sigma=0.1, sigma_start=1.6, steps=5)
    levels = [solver.level(problem, k) for k in range(7)]
    assert levels == pytest.approx([1.6, 0.8, 0.4, 0.2, 0.1, 0.1, 0.1])


def test_an_expansive_denoiser_is_reported_as_diverged_and_its_neighbours_are_not_touched() -> None:
    def expansive(x: Tensor, sigma: float | Tensor) -> Tensor:
        return torch.where(x.abs().amax(-1, keepdim=True) > 5, 3 * x, 0.5 * x)

    A = Diagonal(torch.ones(4, dtype=torch.float64))
    data = torch.tensor([[1.0, 2, 1, 0], [9.0, 9, 9, 9], [0.5, 1, 1, 2]], dtype=torch.float64)
    prior = DenoiserPrior(expansive, sigma=1.0)
    solver = PnPPGD(stop=MaxIter(300), step_size=0.1)
    result = solver.solve(Problem(A, data, GaussianNoise(1.0), prior))
    assert result.reasons == (Reason.MAX_ITER, Reason.DIVERGED, Reason.MAX_ITER)
    assert bool(torch.isfinite(result.image).all())
    assert int(result.iterations[1]) < 300
    for item in (0, 2):
        alone = solver.solve(Problem(A, data[item], GaussianNoise(1.0), prior))
        torch.testing.assert_close(result.image[item], alone.image, rtol=0, atol=0)


def test_refuses_other_noise_by_name() -> None:
    problem = Problem(Diagonal(torch.ones(3)), torch.ones(3), PoissonNoise(), DenoiserPrior(denoise))
    with pytest.raises(CapabilityError, match="PnPHQS needs a quadratic data term"):
        PnPHQS().solve(problem)
    with pytest.raises(CapabilityError, match="PnPPGD needs a data term with a Lipschitz gradient"):
        PnPPGD().solve(problem)
