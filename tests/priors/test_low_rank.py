"""Low-rank priors: costs by hand, optima of an independent solver, proximal maps block by block."""

from __future__ import annotations

import cvxpy as cp
import pytest
import torch
from torch import Tensor

from recon.operators import GaussianNoise, LinearOperator, Mask, TubalGram, tubal_product, tubal_transpose
from recon.priors import LocallyLowRank, LowRank, TubalLowRank
from recon.solvers import FISTA, LBFGS, PDHG, Gap, MaxIter, Problem, Solver


def random(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def completion(shape: tuple[int, ...], dtype: torch.dtype = torch.float64) -> tuple[Mask, Tensor]:
    """A series of frames with two temporal courses, half of its samples seen, with noise."""
    series = random(shape[0], 2, dtype=dtype) @ random(2, 24, dtype=dtype, seed=1)
    M = Mask(torch.rand(shape, generator=torch.Generator().manual_seed(2)) < 0.6)
    return M, M(GaussianNoise(0.1).sample(series.reshape(shape), torch.Generator().manual_seed(3)))


@pytest.mark.parametrize(
    ("solver", "dtype"),
    [
        (PDHG(stop=MaxIter(20000) | Gap(1e-8)), torch.complex128),
        (FISTA(stop=MaxIter(5000) | Gap(1e-8)), torch.float64),
    ],
)
def test_matrix_completion_reaches_the_optimum_of_an_independent_solver(solver: Solver, dtype: torch.dtype) -> None:
    M, data = completion((5, 4, 6), dtype)
    problem = Problem(M, data, GaussianNoise(0.1), LowRank(15.0))
    x = cp.Variable((5, 24), complex=dtype.is_complex)
    seen = M.normal(torch.ones(5, 4, 6, dtype=torch.float64)).reshape(5, 24).numpy()
    fit = cp.sum_squares(cp.multiply(seen, x) - M.adjoint(data).reshape(5, 24).numpy()) / (2 * 0.01)
    reference = cp.Problem(cp.Minimize(fit + 15.0 * cp.normNuc(x)))
    reference.solve(solver=cp.CLARABEL, tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10)
    result = solver.solve(problem)
    assert float(problem.objective(result.image)) == pytest.approx(reference.value, rel=1e-6)
    assert float(result.last("relative_gap")) <= 1e-6


def test_tubal_completion_is_certified() -> None:
    M, data = completion((5, 4, 6))
    result = PDHG(stop=MaxIter(20000) | Gap(1e-7)).solve(Problem(M, data, GaussianNoise(0.1), TubalLowRank(8.0, 0)))
    assert float(result.last("relative_gap")) <= 1e-7


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_local_prox_shrinks_each_block_by_itself(dtype: torch.dtype) -> None:
    x = random(3, 4, 6, dtype=dtype)
    prior = LocallyLowRank(0.5, (2, 3))
    found = prior.prox(x, 1.4)
    for i in (0, 2):
        for j in (0, 3):
            part = x[:, i : i + 2, j : j + 3]
            alone = LowRank(0.5).prox(part, 1.4).x
            torch.testing.assert_close(found.x[:, i : i + 2, j : j + 3], alone)
    assert float(found.gap) == 0
    shifted = LocallyLowRank(0.5, (2, 3), offset=(1, 2))
    moved = x.roll((1, 2), (1, 2))
    torch.testing.assert_close(shifted.prox(moved, 1.4).x, found.x.roll((1, 2), (1, 2)))


def test_overlapping_blocks_cost_the_mean_over_all_grids() -> None:
    x = random(3, 4, 6)
    grids = [LocallyLowRank(block=(2, 3), offset=(i, j)).cost(x) for i in range(2) for j in range(3)]
    torch.testing.assert_close(LocallyLowRank(block=(2, 3), stride=(1, 1)).cost(x), torch.stack(grids).mean())


def test_overlapping_blocks_are_certified() -> None:
    M, data = completion((5, 4, 6))
    prior = LocallyLowRank(8.0, (2, 3), stride=(1, 2))
    problem = Problem(M, data, GaussianNoise(0.1), prior)
    result = PDHG(stop=MaxIter(20000) | Gap(1e-5)).solve(problem)
    assert float(result.last("relative_gap")) <= 1e-5


def test_sizes_that_blocks_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match=r"image sizes that they divide, got shape \(3, 5, 6\)"):
        LocallyLowRank(block=(2, 3)).terms((3, 5, 6))
    with pytest.raises(ValueError, match="expects images of more than 2 axes"):
        LocallyLowRank(block=(2, 3)).terms((4, 6))


def test_gram_tensors_are_hermitian_and_of_low_tubal_rank() -> None:
    U = random(4, 2, 5, dtype=torch.complex128)
    X = TubalGram(4, 2, 5)(U)
    torch.testing.assert_close(X, tubal_product(U, tubal_transpose(U)))
    torch.testing.assert_close(tubal_transpose(X), X)
    assert torch.linalg.matrix_rank(torch.fft.fft(X).movedim(-1, 0), atol=1e-9).tolist() == [2] * 5


@pytest.mark.slow
def test_small_factors_lead_gradient_descent_to_tensors_of_low_tubal_rank() -> None:
    """A factor of full rank, begun at 1e-4 of the size of a large start, errs at most a tenth as much."""
    n, length, measured = 10, 4, 150
    generator = torch.Generator().manual_seed(0)
    draw = {"generator": generator, "dtype": torch.float64}
    truth = TubalGram(n, 1, length)(torch.randn(n, 1, length, **draw))
    truth = truth / truth.norm()
    matrix = torch.randn(measured, n * n * length, **draw) / measured**0.5
    A = LinearOperator.from_functions(
        lambda x: x.flatten(-3) @ matrix.T,
        lambda y: (y @ matrix).unflatten(-1, (n, n, length)),
        (n, n, length),
        (measured,),
    )
    gram = TubalGram(n, n, length)
    problem = Problem(A @ gram, A(truth))
    start = torch.randn(n, n, length, **draw)
    start = start / start.norm()
    errors = []
    for size in (1e-4, 1.0):
        U = size * start
        for _ in range(1200):
            U = U - 0.05 * problem.operator.vjp(U, problem.operator(U) - problem.data)
        errors.append(float((gram(U) - truth).norm()))
    assert errors[0] < 1e-3
    assert errors[1] > 10 * errors[0]
    found = LBFGS(stop=MaxIter(300)).solve(problem, initial=1e-4 * start).image
    assert float((gram(found) - truth).norm()) < 1e-3
