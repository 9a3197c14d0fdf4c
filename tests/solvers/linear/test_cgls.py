"""CGLS against dense least squares."""

from math import pi

import pytest
import torch

from recon.operators import (
    CapabilityError,
    CartesianMRI,
    Diagonal,
    GaussianNoise,
    Gradient,
    LinearOperator,
    ParallelBeam,
    PoissonNoise,
    RayTransform,
    Volume,
    sart_weights,
)
from recon.phantoms import shepp_logan
from recon.priors import NonNegative
from recon.solvers import CGLS, SIRT, MaxIter, Problem, Reason, Residuals


def rays(views: int = 12) -> RayTransform:
    return RayTransform(Volume((6, 6)), ParallelBeam([pi * a / views + 0.1 for a in range(views)], 11, 0.8))


def matrix(operator: LinearOperator, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return operator(torch.eye(36, dtype=dtype).view(36, 6, 6)).reshape(36, -1).T


def random(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("views", [12, 2])
@pytest.mark.parametrize("preconditioner", ["none", "sart"])
def test_equals_dense_least_squares_of_least_norm(views: int, preconditioner: str) -> None:
    A, y = rays(views), random(3, views, 11) * torch.tensor([1.0, 100.0, 1e-3])[:, None, None]
    row = column = torch.ones((), dtype=torch.float64)
    if preconditioner == "sart":
        row, column = (w.flatten().sqrt() for w in sart_weights(A, y))
    M = row.reshape(-1, 1) * matrix(A) * column
    expected = column * (torch.linalg.pinv(M) @ (row * y.flatten(1)).T).T
    solver = CGLS(stop=MaxIter(200) | Residuals(1e-10), preconditioner=preconditioner)  # type: ignore[arg-type]
    result = solver.solve(Problem(A, y))
    assert result.reasons == (Reason.CONVERGED,) * 3
    torch.testing.assert_close(
        result.image.flatten(1) / y.flatten(1).norm(dim=1)[:, None],
        expected / y.flatten(1).norm(dim=1)[:, None],
        rtol=1e-6,
        atol=1e-8,
    )


def test_complex_data_and_operators() -> None:
    maps = random(2, 6, 6, dtype=torch.complex128)
    F = CartesianMRI((torch.arange(36).view(6, 6) % 3 > 0).double(), maps)
    y = F(random(2, 6, 6, dtype=torch.complex128)) + F.adjoint(torch.zeros(F.range_shape, dtype=maps.dtype)).sum()
    y = y + 0.1 * random(*y.shape, dtype=torch.complex128, seed=1)
    M = matrix(F, torch.complex128)
    expected = (torch.linalg.pinv(M) @ y.flatten(1).T).T.view(2, 6, 6)
    image = CGLS(stop=MaxIter(300) | Residuals(1e-11)).solve(Problem(F, y)).image
    torch.testing.assert_close(image, expected, rtol=1e-6, atol=1e-6)
    A = rays()
    both = CGLS(stop=MaxIter(8)).solve(Problem(A, torch.complex(random(12, 11), random(12, 11)))).image
    torch.testing.assert_close(both, (1 + 1j) * CGLS(stop=MaxIter(8)).solve(Problem(A, random(12, 11))).image)


def test_iterates_are_optimal_over_krylov_spaces() -> None:
    A, y = rays(), random(12, 11)
    M, b = matrix(A), y.flatten()
    basis = [M.T @ b]
    for k in range(1, 5):
        K = torch.linalg.qr(torch.stack(basis, 1)).Q
        expected = K @ torch.linalg.lstsq(M @ K, b[:, None]).solution[:, 0]
        image = CGLS(stop=MaxIter(k)).solve(Problem(A, y)).image
        torch.testing.assert_close(image.flatten(), expected, rtol=1e-7, atol=1e-9)
        basis.append(M.T @ (M @ basis[-1]))


def test_measures_are_what_they_say_and_restarts_go_on() -> None:
    A, y = rays(), random(12, 11)
    first = CGLS(stop=MaxIter(4)).solve(Problem(A, y))
    residual = y - A(first.image)
    assert float(first.last("misfit")) == pytest.approx(float(residual.norm() / y.norm()))
    assert float(first.last("dual_residual")) == pytest.approx(float(A.adjoint(residual).norm() / A.adjoint(y).norm()))
    assert float(first.last("primal_residual")) < 1e-14
    again = CGLS(stop=MaxIter(200) | Residuals(1e-10)).solve(Problem(A, y), first.image)
    whole = CGLS(stop=MaxIter(200) | Residuals(1e-10)).solve(Problem(A, y))
    torch.testing.assert_close(again.image, whole.image)


def test_stays_where_it_arrives_and_each_item_for_itself() -> None:
    A = Diagonal(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))
    y = torch.tensor([[1.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
    result = CGLS(stop=MaxIter(50)).solve(Problem(A, y))
    torch.testing.assert_close(result.image, y / A.diagonal)
    zero = CGLS(stop=MaxIter(50)).solve(Problem(A, y[2]), torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(zero.image, torch.zeros(3, dtype=torch.float64))
    assert zero.reason is Reason.MAX_ITER


def test_numbers_beyond_range_are_divergence() -> None:
    assert CGLS().solve(Problem(rays(), 1e200 * random(12, 11))).reason is Reason.DIVERGED


def test_noisy_data_semiconverge_and_the_weights_of_sart_lead_there_faster_than_sirt() -> None:
    volume = Volume((24, 24))
    A = RayTransform(volume, ParallelBeam([pi * a / 16 for a in range(16)], 36))
    x = shepp_logan(11.0, 1.0).rasterise(volume)
    noise = GaussianNoise(0.4)
    problem = Problem(A, noise.sample(A(x), torch.Generator().manual_seed(0)), noise)

    def error(iterations: int) -> float:
        return float((CGLS(stop=MaxIter(iterations)).solve(problem).image - x).norm() / x.norm())

    errors = [error(k) for k in (1, 8, 80)]
    assert errors[1] < 0.8 * errors[0]
    assert errors[1] < 0.8 * errors[2]
    rows = sart_weights(A, problem.data).rows

    def weighted(image: torch.Tensor) -> float:
        return float((rows * (A(image) - problem.data).square()).sum())

    fast = CGLS(stop=MaxIter(12), preconditioner="sart").solve(problem).image
    assert weighted(fast) < weighted(SIRT(stop=MaxIter(60)).solve(problem).image)


def test_refuses_by_name() -> None:
    A, y = rays(), random(12, 11)
    with pytest.raises(TypeError, match=r"^CGLS uses no prior, got NonNegative; leave it out, or use FISTA or PDHG.$"):
        CGLS().solve(Problem(A, y, prior=NonNegative()))
    with pytest.raises(CapabilityError, match=r"^CGLS needs a quadratic data term \(Gaussian noise\), got PoissonKL"):
        CGLS().solve(Problem(A, y.abs(), PoissonNoise()))
    with pytest.raises(CapabilityError, match=r"^SART weights need an operator without negative entries, got Gradient"):
        CGLS(preconditioner="sart").solve(Problem(Gradient((6, 6)), random(2, 6, 6)))
    with pytest.raises(ValueError, match=r"^CGLS expects the preconditioner 'none' or 'sart', got 'jacobi'.$"):
        CGLS(preconditioner="jacobi")  # type: ignore[arg-type]
