"""Data terms in solvers: optima of an independent interior-point solver, and gaps that truly bound."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import cvxpy as cp
import numpy as np
import pytest
import torch

from recon.operators import (
    BesselPotential,
    Blur,
    CapabilityError,
    CorrentropyFidelity,
    DataTerm,
    Diagonal,
    Functional,
    GaussianNoise,
    Gradient,
    HuberFidelity,
    L1Fidelity,
    L2BallFidelity,
    LaplaceNoise,
    LinearOperator,
    MetricL2,
    NoiseModel,
    SobolevFidelity,
    SquaredL2,
    StudentTFidelity,
    StudentTNoise,
)
from recon.priors import Tikhonov, TotalVariation
from recon.solvers import ADMM, CGLS, FISTA, LBFGS, LSQR, PDHG, Gap, MaxIter, Problem, RelChange, Solver

from .known_optima import matrix

N = 7


@cache
def _data(complex_: bool = False) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    x = torch.zeros(N, N, dtype=torch.complex128 if complex_ else torch.float64)
    x[1:5, 2:6] = 1 + 0.5j if complex_ else 1.0
    y = GaussianNoise(0.05).sample(_blur()(x), generator)
    y[2, 3], y[5, 1] = 4.0, -3.0
    return y


def _blur() -> LinearOperator:
    psf = torch.tensor([[1.0, 2, 0], [2, 4, 1], [1, 3, 1]], dtype=torch.float64) / 15
    return Blur(psf, (N, N), boundary="reflect")


def _weights() -> torch.Tensor:
    w = torch.rand(N, N, generator=torch.Generator().manual_seed(5), dtype=torch.float64) + 0.3
    w[torch.rand(N, N, generator=torch.Generator().manual_seed(6)) < 0.3] = 0
    return w


def _metric() -> np.ndarray:
    return matrix(BesselPotential((N, N), -0.7, 0.8), torch.float64)


Fit = Callable[[cp.Expression], cp.Expression | list[cp.Constraint]]
SIGMAS = torch.linspace(0.05, 0.3, N * N, dtype=torch.float64).reshape(N, N)

CASES: dict[str, tuple[NoiseModel | DataTerm | Callable[[torch.Tensor], Functional], Fit]] = {
    "weights and a mask": (
        lambda y: SquaredL2((N, N), y, _weights()),
        lambda r: 0.5 * cp.sum(cp.multiply(_weights().numpy().ravel(), cp.abs(r) ** 2)),
    ),
    "sigma per measurement": (
        GaussianNoise(SIGMAS),
        lambda r: 0.5 * cp.sum(cp.multiply(SIGMAS.numpy().ravel() ** -2, cp.abs(r) ** 2)),
    ),
    "L1": (L1Fidelity(0.8), lambda r: 0.8 * cp.norm1(r)),
    "Laplace noise": (LaplaceNoise(0.4), lambda r: cp.norm1(r) / 0.4),
    "Huber": (HuberFidelity(0.3, 1.5), lambda r: 1.5 * cp.sum(cp.huber(cp.abs(r), 0.3)) / 2),
    "ball": (L2BallFidelity(1.5), lambda r: [cp.norm2(r) <= 1.5]),
    "Sobolev": (SobolevFidelity(-0.7, 0.8, weight=2.0), lambda r: cp.sum_squares(_metric() @ r)),
}


@cache
def _optimum(name: str, complex_: bool) -> tuple[float, np.ndarray]:
    dtype = torch.complex128 if complex_ else torch.float64
    x = cp.Variable(N * N, complex=complex_)
    D = matrix(Gradient((N, N)), torch.float64).reshape(2, N * N, N * N)
    parts = [part(d @ x) for d in D for part in ((cp.real, cp.imag) if complex_ else (lambda v: v,))]
    penalty = 0.3 * cp.sum(cp.norm(cp.vstack(parts), 2, axis=0))
    fit = CASES[name][1](matrix(_blur(), dtype) @ x - _data(complex_).numpy().ravel())
    constraints = fit if isinstance(fit, list) else []
    problem = cp.Problem(cp.Minimize(penalty if constraints else penalty + fit), constraints)
    problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    return float(problem.value), np.asarray(x.value)


def _problem(name: str, complex_: bool) -> Problem:
    term, y = CASES[name][0], _data(complex_)
    prior = TotalVariation(0.3)
    if isinstance(term, NoiseModel):
        return Problem(_blur(), y, term, prior)
    return Problem(_blur(), y, prior=prior, fidelity=term if isinstance(term, DataTerm) else term(y))


STOP = MaxIter(30000) | Gap(5e-7)


@pytest.mark.parametrize("complex_", [False, True], ids=["real", "complex"])
@pytest.mark.parametrize(
    "solver", [PDHG(stop=STOP, check_every=50), ADMM(stop=STOP, check_every=50)], ids=["PDHG", "ADMM"]
)
@pytest.mark.parametrize("name", [name for name in CASES if name != "ball"])
def test_reaches_the_optimum_and_proves_it(name: str, solver: Solver, complex_: bool) -> None:
    problem, (optimum, _) = _problem(name, complex_), _optimum(name, complex_)
    result = solver.solve(problem)
    assert float(problem.objective(result.image)) == pytest.approx(optimum, rel=1e-6)
    assert result.reason == "converged"
    suboptimality = result.history["objective"] - optimum
    assert bool((result.history["gap"] >= suboptimality - 1e-8 * optimum).all())


@pytest.mark.parametrize("name", ["weights and a mask", "Huber", "Sobolev"])
def test_fista_takes_smooth_data_terms(name: str) -> None:
    problem = _problem(name, False)
    result = FISTA(stop=MaxIter(3000) | Gap(1e-6), check_every=50).solve(problem)
    assert float(problem.objective(result.image)) == pytest.approx(_optimum(name, False)[0], rel=2e-6)


@pytest.mark.parametrize(("solver", "iterations"), [(PDHG, 8000), (ADMM, 1500)])
def test_the_smoothest_image_in_the_ball(solver: type[Solver], iterations: int) -> None:
    """Ax ends on the ball's boundary, where rounding decides whether the objective is finite: no gap, but optimal."""
    problem, (optimum, image) = _problem("ball", False), _optimum("ball", False)
    result = solver(stop=MaxIter(iterations) | RelChange(1e-11), check_every=50).solve(problem)
    assert float(problem.terms[0](result.image)) == pytest.approx(optimum, rel=1e-6)
    assert float(torch.linalg.vector_norm(_blur()(result.image) - _data())) == pytest.approx(1.5, rel=1e-7)
    np.testing.assert_allclose(_blur()(result.image).numpy().ravel(), matrix(_blur(), torch.float64) @ image, atol=1e-4)


def test_epsilon_of_the_discrepancy_principle() -> None:
    y = torch.zeros(2, 3, 4)
    assert L2BallFidelity(sigma=0.5).fidelity(y, (3, 4)).epsilon == pytest.approx(0.5 * 12**0.5)
    assert L2BallFidelity(sigma=0.5).fidelity(y.to(torch.complex64), (3, 4)).epsilon == pytest.approx(0.5 * 24**0.5)
    with pytest.raises(ValueError, match=r"L2BallFidelity needs sigma"):
        L2BallFidelity()
    with pytest.raises(ValueError, match=r"epsilon or sigma, not both"):
        L2BallFidelity(1.0, sigma=0.5)


def test_weighted_steps_of_plug_and_play_and_admm_solve_their_normal_equations() -> None:
    """With λ → 0 in a Tikhonov prior the solution is that of weighted least squares."""
    w, y = _weights() + 0.1, _data()
    A = matrix(_blur(), torch.float64)
    weight = np.diag(w.numpy().ravel())
    expected = np.linalg.solve(A.T @ weight @ A + 0.2 * np.eye(N * N), A.T @ weight @ y.numpy().ravel())
    problem = Problem(_blur(), y, prior=Tikhonov(0.2), fidelity=SquaredL2((N, N), y, w))
    result = ADMM(stop=MaxIter(2000) | RelChange(1e-11), inner_tol=1e-8).solve(problem)
    np.testing.assert_allclose(result.image.numpy().ravel(), expected, atol=1e-7)


def test_solvers_that_weigh_all_data_alike_refuse_weights() -> None:
    problem = Problem(_blur(), _data(), fidelity=SquaredL2((N, N), _data(), _weights()))
    for solver, message in (
        (LSQR(), "LSQR weighs all measurements"),
        (CGLS(preconditioner="sart"), "takes no weights"),
    ):
        with pytest.raises(CapabilityError, match=message):
            solver.solve(problem)
    whitened = Problem(Diagonal(_weights() ** 0.5) @ _blur(), _weights() ** 0.5 * _data())
    residual = CGLS(stop=MaxIter(200) | RelChange(1e-12)).solve(whitened).image
    normal = _blur().adjoint(_weights() * (_blur()(residual) - _data()))
    assert float(normal.abs().max()) < 1e-6
    weighted = CGLS(stop=MaxIter(200) | RelChange(1e-12)).solve(problem).image
    torch.testing.assert_close(weighted, residual, atol=1e-8, rtol=0)


@pytest.mark.parametrize(
    "term",
    [StudentTFidelity(0.05, 2.0), CorrentropyFidelity(0.15, 400.0), StudentTNoise(0.05, 2.0)],
    ids=lambda t: type(t).__name__,
)
def test_robust_terms_forget_outliers(term: DataTerm) -> None:
    """Two gross errors draw the least-squares image away, and the robust ones not."""
    clean = torch.zeros(N, N, dtype=torch.float64)
    clean[1:5, 2:6] = 1.0
    y = GaussianNoise(0.02).sample(_blur()(clean), torch.Generator().manual_seed(0))
    with_errors = y.clone()
    with_errors[2, 3], with_errors[5, 1] = 4.0, -3.0
    prior = Tikhonov(0.5)

    def solve(data: torch.Tensor, initial: torch.Tensor | None = None, **given: object) -> torch.Tensor:
        problem = Problem(_blur(), data, prior=prior, **given)
        result = LBFGS(stop=MaxIter(500) | RelChange(1e-10)).solve(problem, initial)
        gradient = _blur().adjoint(problem.likelihood.grad(_blur()(result.image))) + 0.5 * result.image
        assert float(gradient.abs().max()) < 1e-3
        return result.image

    given = {"noise": term} if isinstance(term, NoiseModel) else {"fidelity": term}
    start = solve(y, noise=GaussianNoise(0.05))
    moved = solve(with_errors, start, **given) - solve(y, start, **given)
    ruined = solve(with_errors, noise=GaussianNoise(0.05)) - start
    assert float(moved.norm()) < 0.05 * float(ruined.norm())


@pytest.mark.parametrize(
    "term",
    [HuberFidelity(0.3), SobolevFidelity(-0.5), pytest.param(L2BallFidelity(1.5), marks=pytest.mark.slow)],
    ids=lambda t: type(t).__name__,
)
def test_items_follow_their_data_terms(term: DataTerm) -> None:
    """Batches with two dimensions, and items that stop at different times, are solved as they are alone."""
    y = torch.stack([_data(), 2 * _data(), _data().flip(0)]).reshape(1, 3, N, N)
    solver = PDHG(stop=MaxIter(4000) | RelChange(1e-7), check_every=10)
    together = solver.solve(Problem(_blur(), y, prior=TotalVariation(0.3), fidelity=term))
    assert len(set(together.iterations.flatten().tolist())) > 1
    for i in range(3):
        alone = solver.solve(Problem(_blur(), y[0, i], prior=TotalVariation(0.3), fidelity=term))
        assert int(alone.iterations) == int(together.iterations[0, i])
        torch.testing.assert_close(alone.image, together.image[0, i], rtol=1e-9, atol=1e-9)


def test_problems_keep_what_they_were_given() -> None:
    term = HuberFidelity(0.3)
    problem = Problem(_blur(), _data(), fidelity=term)
    assert problem.fidelity is term
    assert problem.noise is None
    single = problem.to(dtype=torch.float32)
    assert single.likelihood.data.dtype == torch.float32
    noise = Problem(_blur(), _data(), GaussianNoise(SIGMAS)).noise
    assert isinstance(noise, GaussianNoise)
    with pytest.raises(ValueError, match=r"Problem expects noise or fidelity, not both"):
        Problem(_blur(), _data(), GaussianNoise(1.0), fidelity=term)
    with pytest.raises(TypeError, match=r"a functional or a data term of recon.operators as fidelity, got str"):
        Problem(_blur(), _data(), fidelity="huber")
    with pytest.raises(TypeError, match=r"a noise model of recon.operators as noise, got HuberFidelity"):
        Problem(_blur(), _data(), term)
    assert isinstance(Problem(_blur(), _data(), fidelity=SobolevFidelity(0.5)).likelihood, MetricL2)


def test_plug_and_play_with_sigma_per_measurement() -> None:
    """The data step is (AᴴWA + μI)x = AᴴWy + μz."""
    from recon.solvers.optimisation.quadratic import data_prox

    problem = Problem(_blur(), _data()[None], GaussianNoise(SIGMAS))
    z, mu = torch.ones(1, N, N, dtype=torch.float64), torch.tensor([3.0], dtype=torch.float64)
    x, _ = data_prox(problem, z, mu, z, 1e-13, 500)
    A, W = matrix(_blur(), torch.float64), np.diag(SIGMAS.numpy().ravel() ** -2)
    expected = np.linalg.solve(A.T @ W @ A + 3 * np.eye(N * N), A.T @ W @ _data().numpy().ravel() + 3)
    np.testing.assert_allclose(x.numpy().ravel(), expected, atol=1e-9)
