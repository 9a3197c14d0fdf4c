import pytest
import torch
from torch import Tensor

from recon.operators import CapabilityError, CorrelatedNoise, Diagonal, GaussianNoise
from recon.priors import GaussianPrior
from recon.solvers import MMPS, TMPD, Level, Problem
from tests.solvers.sampling.audit import audit, case, operators, propagate
from tests.solvers.sampling.guidance.published import SIGMA_Y, Affine, Question, agrees, ddpm


def projected(form: str):
    """x̂₀ + (∂x̂₀/∂x_t)ᵀ Hᵀ (y − H x̂₀)/(row sums of H (∂x̂₀/∂x_t)ᵀ Hᵀ + σ_y² √ᾱ/(1 − ᾱ)), then the DDPM step."""

    def step(q: Question, now: Tensor, then: Tensor) -> tuple[Affine, Tensor]:
        x0 = q.denoised(now)
        ones = q.A @ torch.ones(q.d, dtype=torch.float64) if form == "code" else torch.ones_like(q.y)
        sums = q.A @ x0.M.T @ q.A.T @ ones + SIGMA_Y**2 * now.sqrt() / (1 - now)
        return ddpm(q, now, then, x0 + (x0.M.T @ q.A.T / sums) * (q.data - q.A * x0))

    return step


@pytest.mark.parametrize("form", ["paper", "code"])
@pytest.mark.parametrize("name", ["identity", "mask", "blur", "ct"])
def test_the_law_is_that_of_the_published_recursion(name, form) -> None:
    agrees(TMPD(steps=12, form=form), name, projected(form))


def test_independent_pixels_are_treated_as_by_moment_matching() -> None:
    A = Diagonal(torch.tensor([1.0, 0.0, 2.0, 0.5], dtype=torch.float64))
    prior = GaussianPrior(0.2, std=torch.tensor([1.0, 0.5, 0.3, 2.0]))
    problem = Problem(A, torch.tensor([[0.5, 0.0, 1.0, -1.0]]).double(), GaussianNoise(0.1), prior)
    x = TMPD(steps=20).solve(problem).image
    torch.testing.assert_close(x, MMPS(steps=20, cg_rtol=1e-12, cg_max_iter=50).solve(problem).image)


def test_sums_below_zero_count_as_zero() -> None:
    C = torch.tensor([[1.0, -0.9], [-0.9, 0.85]], dtype=torch.float64)
    A = Diagonal(torch.tensor([1.0, 2.0], dtype=torch.float64))
    problem = Problem(A, torch.tensor([[0.3, 0.1]]).double(), GaussianNoise(0.05), GaussianPrior(covariance=C))
    u, sigma = torch.tensor([[0.4, -0.2]]).double(), torch.tensor([3.0]).double()
    guess = TMPD().guide(problem, u, Level(sigma, sigma / 2, sigma * 2), lambda draw, like=None: u)
    V = torch.linalg.inv(torch.linalg.inv(C) + torch.eye(2, dtype=torch.float64) / 9)
    D, x0 = A.diagonal, V @ u[0] / 9
    sums = D * (V @ D)
    assert float(sums[0]) < 0 < float(sums[1])
    wanted = x0 + V @ (D * (problem.data[0] - D * x0) / (0.05**2 + sums.clamp(min=0)))
    torch.testing.assert_close(guess.mean[0], wanted)


def test_smooth_images_keep_too_little_of_the_data() -> None:
    """Row sums overrate the variance of positively correlated data."""
    exact = case(operators(8)["mask"])
    found = audit(propagate(TMPD(steps=100), exact.problem), exact)
    assert found.bias > 0.2


def test_what_it_cannot_do_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="form 'paper' or 'code', got 'rows'"):
        TMPD(form="rows")
    problem = case(operators(4)["identity"]).problem
    stripes = CorrelatedNoise(spectrum=torch.linspace(1, 2, 3).double()[[0, 1, 2, 1]], axes=(-1,))
    with pytest.raises(
        CapabilityError, match="noise independent from one measurement to the next, got CorrelatedNoise"
    ):
        TMPD().require(Problem(problem.operator, problem.data, stripes, problem.prior))
