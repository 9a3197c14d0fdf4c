"""LSQR and LSMR against SciPy's, iterate by iterate, and against dense solutions."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse.linalg as sla
import torch

from recon.operators import CapabilityError, GaussianNoise, LinearOperator, PoissonNoise
from recon.operators.diagonal import Diagonal
from recon.priors import Tikhonov, TotalVariation
from recon.solvers import CGLS, LSMR, LSQR, MaxIter, Problem, Residuals

generator = torch.Generator().manual_seed(0)
MATRIX = torch.randn((14, 9), generator=generator, dtype=torch.float64) @ torch.diag(
    torch.logspace(0, -1, 9, dtype=torch.float64)
)
DATA = torch.randn((3, 14), generator=generator, dtype=torch.float64)
SOLVERS = {"lsqr": LSQR, "lsmr": LSMR}


def _operator(matrix: torch.Tensor) -> LinearOperator:
    return LinearOperator.from_functions(
        lambda x: x @ matrix.T.to(x), lambda y: y @ matrix.conj().to(y), (matrix.shape[1],), (matrix.shape[0],)
    )


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("damped", [False, True])
@pytest.mark.parametrize("k", [1, 2, 4, 6])
def test_iterates_are_those_of_scipy(name: str, damped: bool, k: int) -> None:
    lam, sigma = 0.3, 0.7
    prior = Tikhonov(lam) if damped else None
    problem = Problem(_operator(MATRIX), DATA, GaussianNoise(sigma), prior)
    mine = SOLVERS[name](stop=MaxIter(k)).solve(problem).image.numpy()
    damp = lam**0.5 * sigma if damped else 0.0
    for item in range(3):
        y, A = DATA[item].numpy(), MATRIX.numpy()
        if name == "lsqr":
            theirs = sla.lsqr(A, y, damp=damp, atol=0, btol=0, conlim=0, iter_lim=k)[0]
        else:
            theirs = sla.lsmr(A, y, damp=damp, atol=0, btol=0, conlim=0, maxiter=k)[0]
        np.testing.assert_allclose(mine[item], theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", SOLVERS)
def test_damped_solution_from_any_start_and_complex(name: str) -> None:
    matrix = MATRIX + 0.3j * MATRIX.flip(0)
    data = DATA + 0.5j * DATA.flip(1)
    A = LinearOperator.from_functions(
        lambda x: x @ matrix.T.to(x), lambda y: y @ matrix.conj().to(y), (9,), (14,), domain_field="complex",
        range_field="complex",
    )  # fmt: skip
    start = torch.ones(3, 9, dtype=torch.complex128)
    solver = SOLVERS[name](stop=MaxIter(40) | Residuals(1e-12))
    found = solver.solve(Problem(A, data, GaussianNoise(0.5), Tikhonov(0.8)), start).image
    gram = matrix.conj().T @ matrix + 0.2 * torch.eye(9, dtype=torch.complex128)
    expected = torch.linalg.solve(gram, (data @ matrix.conj()).T).T
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_lsqr_takes_the_iterates_of_cgls_with_sart_weights_too() -> None:
    matrix = MATRIX.abs()
    for k in (1, 3, 5):
        for preconditioner in ("none", "sart"):
            settings = {"stop": MaxIter(k), "preconditioner": preconditioner}
            problem = Problem(_operator(matrix), DATA)
            mine, other = (cls(**settings).solve(problem).image for cls in (LSQR, CGLS))  # type: ignore[arg-type]
            torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-11)


def test_lsmr_lowers_the_residual_of_the_normal_equations_at_every_step() -> None:
    result = LSMR(stop=MaxIter(9)).solve(Problem(_operator(MATRIX), DATA))
    values = result.history["dual_residual"]
    assert bool((values[1:] <= values[:-1] * (1 + 1e-9)).all())


@pytest.mark.parametrize("name", SOLVERS)
def test_items_stop_by_themselves_and_stay(name: str) -> None:
    data = torch.stack([DATA[0], MATRIX[:, 0], torch.zeros(14, dtype=torch.float64)])
    result = SOLVERS[name](stop=MaxIter(60) | Residuals(1e-10)).solve(Problem(_operator(MATRIX), data))
    expected = torch.linalg.lstsq(MATRIX, data.T).solution.T
    torch.testing.assert_close(result.image, expected, rtol=1e-7, atol=1e-7)
    assert int(result.iterations[2]) == 1
    long = SOLVERS[name](stop=MaxIter(200)).solve(Problem(_operator(MATRIX), data))
    torch.testing.assert_close(long.image, expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", SOLVERS)
def test_refusals(name: str) -> None:
    A, y = Diagonal(torch.ones(4, 4)), torch.ones(4, 4)
    cls = SOLVERS[name]
    with pytest.raises(CapabilityError, match="takes the prior Tikhonov\\(lam\\) and no other, got TotalVariation"):
        cls().solve(Problem(A, y, prior=TotalVariation()))
    with pytest.raises(CapabilityError, match="needs a quadratic data term"):
        cls().solve(Problem(A, y, PoissonNoise()))
    with pytest.raises(CapabilityError, match="takes no prior with preconditioner='sart'"):
        cls(preconditioner="sart").solve(Problem(A, y, prior=Tikhonov()))
    with pytest.raises(ValueError, match="'none' or 'sart', got 'ilu'"):
        cls(preconditioner="ilu")  # type: ignore[arg-type]
