"""FISTA where no Lipschitz constant is known, and under strong convexity, against closed forms and other methods."""

from __future__ import annotations

import pytest
import torch

from recon.operators import Blur, CapabilityError, GaussianNoise, PoissonNoise, gaussian_psf
from recon.operators.diagonal import Diagonal
from recon.operators.functionals import Functional
from recon.operators.tensors import item_sum
from recon.priors import NonNegative, Tikhonov, TotalVariation
from recon.solvers import FISTA, PDHG, Gap, MaxIter, Problem, Reason, RelChange, Residuals

WEIGHTS = torch.linspace(0.3, 1.2, 6, dtype=torch.float64)
COUNTS = torch.tensor([[3.0, 0, 1, 7, 2, 4], [1.0, 5, 2, 0, 0, 3], [9.0, 1, 8, 2, 6, 0]], dtype=torch.float64)


class LogCosh(Functional):
    """A user's data term: a gradient and nothing else."""

    capabilities = frozenset({"grad"})

    def __init__(self, data: torch.Tensor) -> None:
        super().__init__(tuple(data.shape[1:]))
        self.data = data

    per_item_attributes = {"data": "item"}  # noqa: RUF012

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        return item_sum(torch.log(torch.cosh(x - self.data)), self.ndim)

    def grad(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x - self.data)


def test_poisson_data_reach_the_closed_form_by_backtracking() -> None:
    problem = Problem(Diagonal(WEIGHTS), COUNTS, PoissonNoise(background=0.5), NonNegative())
    result = FISTA(stop=MaxIter(3000) | Gap(1e-9), check_every=10).solve(problem)
    assert result.reason is Reason.CONVERGED
    expected = (COUNTS - 0.5).clamp(min=0) / WEIGHTS
    torch.testing.assert_close(result.image, expected, rtol=1e-3, atol=1e-3)
    assert bool((result.last("relative_gap") <= 1e-9).all())


def test_poisson_total_variation_agrees_with_pdhg() -> None:
    A = Blur(gaussian_psf(1.0), (8, 8))
    x = torch.zeros(8, 8, dtype=torch.float64)
    x[2:6, 3:6] = 20
    noise = PoissonNoise(background=1.0)
    problem = Problem(A, noise.sample(A(x).clamp(min=0), torch.Generator().manual_seed(0)), noise, TotalVariation(0.3))
    mine = FISTA(stop=MaxIter(2000) | Gap(1e-6)).solve(problem)
    other = PDHG(stop=MaxIter(20000) | Gap(1e-6)).solve(problem)
    assert mine.reason is Reason.CONVERGED
    assert float(mine.last("objective")) == pytest.approx(float(other.last("objective")), rel=2e-6)


def test_a_user_functional_with_a_gradient_only() -> None:
    data = torch.tensor([[1.0, -2.0, 0.5], [4.0, 0.1, -3.0]], dtype=torch.float64)
    A = Diagonal(torch.tensor([1.0, 0.5, 2.0], dtype=torch.float64))
    result = FISTA(stop=MaxIter(3000) | RelChange(1e-14), check_every=1).solve(Problem(A, data, fidelity=LogCosh(data)))
    torch.testing.assert_close(result.image, data / A.diagonal, rtol=1e-7, atol=1e-7)
    assert bool(torch.isinf(result.last("gap")).all())


def test_backtracking_finds_no_smaller_a_step_than_half_of_the_norms() -> None:
    problem = Problem(Diagonal(WEIGHTS), COUNTS, GaussianNoise(0.7), Tikhonov(0.4))
    fixed = FISTA(stop=MaxIter(30)).solve(problem)
    found = FISTA(stop=MaxIter(30), steps="backtracking").solve(problem)
    assert bool((found.last("tau") >= 0.5 * fixed.last("tau")).all())


def test_strong_convexity_is_used() -> None:
    """The error falls as (1 − √q)^k with q = μ/(L + μ), without any restart."""
    weights = torch.linspace(0.02, 1.0, 40, dtype=torch.float64)
    data = torch.randn((1, 40), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    problem = Problem(Diagonal(weights), data, prior=Tikhonov(0.01))
    exact = weights * data / (weights.square() + 0.01)
    solver = FISTA(restart=False, stop=MaxIter(120), check_every=1)
    errors: list[float] = []
    state = solver.init(problem)
    for _ in range(120):
        state = solver.step(problem, state)
        errors.append(float((state.x - exact).norm()))
    assert errors[-1] < 3 * errors[0] * (1 - (0.01 / 1.01) ** 0.5) ** (120 / 2)
    assert float(state.momentum[0]) < 12  # t tends to 1/√q, not to infinity


def test_smooth_terms_of_a_sum_need_no_inner_method() -> None:
    A = Diagonal(WEIGHTS)
    problem = Problem(A, COUNTS, GaussianNoise(0.7), Tikhonov(0.4) + NonNegative())
    result = FISTA(stop=MaxIter(2000) | Gap(1e-12)).solve(problem)
    expected = (WEIGHTS * COUNTS / 0.49 / (WEIGHTS.square() / 0.49 + 0.4)).clamp(min=0)
    torch.testing.assert_close(result.image, expected, rtol=1e-6, atol=1e-6)
    assert float(result.last("inner_gap").max()) == 0


def test_refusals() -> None:
    problem = Problem(Diagonal(WEIGHTS), COUNTS, PoissonNoise(background=0.5), NonNegative())
    with pytest.raises(CapabilityError, match=r"steps='norm' needs a data term with a Lipschitz gradient; PoissonKL"):
        FISTA(steps="norm").solve(problem)
    with pytest.raises(ValueError, match="expects steps 'auto', 'norm' or 'backtracking', got 'line'"):
        FISTA(steps="line")  # type: ignore[arg-type]


@pytest.mark.parametrize("steps", ["norm", "backtracking"])
def test_residuals_vanish_at_the_solution_and_stop_it(steps: str) -> None:
    weights = torch.linspace(0.3, 1.2, 12, dtype=torch.float64)
    data = torch.rand((3, 12), generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 0.4
    problem = Problem(Diagonal(weights), data, GaussianNoise(0.3), NonNegative())
    solver = FISTA(steps=steps, stop=MaxIter(5000) | Residuals(1e-9), check_every=5)  # type: ignore[arg-type]
    result = solver.solve(problem)
    assert set(result.reasons) == {Reason.CONVERGED}
    torch.testing.assert_close(result.image, (data / weights).clamp(min=0), rtol=1e-7, atol=1e-7)
