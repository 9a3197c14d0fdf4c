"""The discrepancy principle as a stopping rule, and rules together, per item."""

from __future__ import annotations

import pytest
import torch

from recon.operators import CapabilityError, CartesianMRI, GaussianNoise, Identity, Mask, PoissonNoise
from recon.operators.diagonal import Diagonal
from recon.priors import TotalVariation
from recon.solvers import (
    CGLS,
    FISTA,
    PDHG,
    Discrepancy,
    Gap,
    MaxIter,
    MaxSeconds,
    Problem,
    Reason,
    RelChange,
    Residuals,
    Solver,
)
from recon.solvers.discrepancy import discrepancy, reach
from recon.solvers.stopping import Rule


def _scan(sigmas: tuple[float, ...], seed: int = 0) -> tuple[Problem, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    A = Diagonal(torch.logspace(0, -2, 400, dtype=torch.float64))
    x = 1 + torch.rand((len(sigmas), 400), generator=generator, dtype=torch.float64)
    noise = GaussianNoise(torch.tensor(sigmas, dtype=torch.float64))
    return Problem(A, noise.sample(A(x), generator), noise), x


def test_it_stops_each_item_at_its_own_noise_level() -> None:
    problem, _ = _scan((0.3, 0.03, 0.003))
    solver = CGLS(stop=MaxIter(400) | Discrepancy(1.05), check_every=1)
    result = solver.solve(problem)
    assert set(result.reasons) == {Reason.CONVERGED}
    first, second, third = result.iterations.tolist()
    assert first < second < third
    residual = (problem.operator(result.image) - problem.data) / torch.tensor([0.3, 0.03, 0.003]).double()[:, None]
    assert bool((residual.square().mean(1) <= 1.05**2).all())
    for item, count in enumerate((first, second, third)):
        before = CGLS(stop=MaxIter(count - 1)).solve(problem.flatten().select(torch.tensor([item])))
        misfit = (problem.operator(before.image[0]) - problem.data[item]) / (0.3, 0.03, 0.003)[item]
        assert float(misfit.square().mean()) > 1.05**2


def test_the_measure_is_about_one_at_the_truth() -> None:
    problem, x = _scan((0.3, 0.03))
    reached = reach(problem)
    assert reached.number == 400
    residual = (problem.operator(x) - problem.data) / torch.tensor([0.3, 0.03]).double()[:, None]
    torch.testing.assert_close(discrepancy(problem, x, reached), residual.square().mean(1))


def test_data_out_of_reach_and_imaginary_parts_are_counted_right() -> None:
    mask = torch.tensor([[1.0, 0, 1, 0], [0, 0, 1, 1]])
    data = 5 * torch.ones(2, 4, dtype=torch.float64)
    problem = Problem(Mask(mask), data[None], GaussianNoise(2.0))
    reached = reach(problem)
    assert reached.number == 4
    assert float(discrepancy(problem, torch.ones(1, 2, 4, dtype=torch.float64), reached)) == pytest.approx(4.0)
    lines = torch.zeros(4, 4)
    lines[:, ::2] = 1
    A = CartesianMRI(lines)
    scan = Problem(A, torch.zeros((1, *A.range_shape), dtype=torch.complex128), GaussianNoise(0.5))
    assert reach(scan).number == 2 * 8


def test_it_needs_gaussian_noise() -> None:
    problem = Problem(Identity((4,)), torch.ones(4), PoissonNoise(), TotalVariation(0.1))
    with pytest.raises(CapabilityError, match="needs Gaussian noise, whose misfit it knows, got PoissonKL"):
        PDHG(stop=MaxIter(3) | Discrepancy()).solve(problem)
    with pytest.raises(ValueError, match="Discrepancy expects tau > 0, got 0"):
        Discrepancy(0)


def _batch() -> Problem:
    generator = torch.Generator().manual_seed(3)
    weights = torch.linspace(0.3, 1.2, 30, dtype=torch.float64).reshape(5, 6)
    scale = torch.tensor([1e-3, 1.0, 40.0], dtype=torch.float64)[:, None, None]
    data = scale * torch.rand((3, 5, 6), generator=generator, dtype=torch.float64)
    return Problem(Diagonal(weights), data, GaussianNoise(0.5), TotalVariation(0.4))


RULES: list[Rule] = [
    Residuals(1e-4),
    RelChange(1e-4),
    RelChange(1e-3) & Residuals(1e-3),
    Gap(1e-3) & (RelChange(1e-5) | Residuals(1e-5)),
]


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_rules_and_their_compositions_work_per_item(rule: Rule) -> None:
    problem = _batch()
    solver: Solver = PDHG(stop=MaxIter(3000) | rule, check_every=5)
    together = solver.solve(problem)
    assert set(together.reasons) == {Reason.CONVERGED}
    assert len(set(together.iterations.tolist())) == 3
    for item in range(3):
        alone = solver.solve(problem.select(torch.tensor([item])))
        assert alone.iterations.tolist() == [together.iterations.tolist()[item]]


def test_a_time_limit_stops_all_items_that_still_run() -> None:
    result = FISTA(stop=MaxSeconds(1e-9) | Gap(1e-30)).solve(_batch())
    assert result.reasons == (Reason.TIME_LIMIT,) * 3
    assert result.iterations.tolist() == [1, 1, 1]
    both = PDHG(stop=MaxIter(10**6) | MaxSeconds(0.3) | RelChange(1e-4), check_every=5).solve(_batch())
    assert set(both.reasons) <= {Reason.CONVERGED, Reason.TIME_LIMIT}
