"""Jacobi's and Fourier preconditioners: exact where they should be, and fewer iterations where they are near."""

from __future__ import annotations

from math import pi

import pytest
import torch
from torch import Tensor

from recon.operators import Blur, Diagonal, Gradient, ParallelBeam, RayTransform, Volume, gaussian_psf
from recon.solvers import cg, fourier_preconditioner, jacobi, minres

SHAPE = (16, 12)


def random(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_jacobi_inverts_a_diagonal_and_finds_that_of_a_matrix(dtype: torch.dtype) -> None:
    d = Diagonal(torch.linspace(0.1, 2.0, 5, dtype=torch.float64))
    b = random(3, 5, dtype=dtype)
    torch.testing.assert_close(d(jacobi(d, (5,), like=b)(b)), b)
    half = random(300, 300, dtype=dtype)
    matrix = half @ half.mH + 50 * torch.eye(300)

    def apply(v: Tensor) -> Tensor:
        return v @ matrix.mT

    v = random(300, dtype=dtype)
    torch.testing.assert_close(jacobi(apply, (300,), like=v)(v), v / matrix.diagonal().real)
    estimate = (v / jacobi(apply, (300,), like=v, probes=2000)(v)).real
    torch.testing.assert_close(estimate, matrix.diagonal().real, rtol=0.1, atol=0)


def test_jacobi_saves_iterations_where_pixels_are_weighted_unequally() -> None:
    D = Gradient(SHAPE)
    weights = torch.logspace(-3, 0, 16 * 12, dtype=torch.float64).reshape(SHAPE)

    def M(v: Tensor) -> Tensor:
        return weights * v + 1e-3 * D.normal(v)

    b = random(2, *SHAPE)
    for P in (jacobi(M, SHAPE), jacobi(M, SHAPE, probes=8)):
        plain, (x, fast) = cg(M, b, 2, max_iter=1000)[1], cg(M, b, 2, preconditioner=P, max_iter=1000)
        assert 4 * int(fast.iterations.max()) < int(plain.iterations.min())
        torch.testing.assert_close(M(x), b, rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_fourier_inverts_periodic_convolutions(dtype: torch.dtype) -> None:
    A, D = Blur(gaussian_psf(0.8), SHAPE), Gradient(SHAPE, boundary="circular")

    def M(v: Tensor) -> Tensor:
        return A.normal(v) + 0.1 * D.normal(v)

    b = random(2, *SHAPE, dtype=dtype)
    P = fourier_preconditioner(M, SHAPE, like=b)
    assert P(b).dtype == dtype
    torch.testing.assert_close(M(P(b)), b)
    assert cg(M, b, 2, preconditioner=P)[1].iterations.tolist() == [1, 1]
    assert minres(M, b, 2, preconditioner=P)[1].iterations.tolist() == [1, 1]


def test_fourier_halves_the_iterations_of_tomography() -> None:
    A = RayTransform(Volume((32, 32)), ParallelBeam([pi * a / 45 for a in range(45)], 46))
    D = Gradient((32, 32))
    strength = A.norm_bound() ** 2

    def M(v: Tensor) -> Tensor:
        return A.normal(v) + strength * D.normal(v)

    b = random(2, 32, 32)
    plain = cg(M, b, 2)[1].iterations
    x, fast = cg(M, b, 2, preconditioner=fourier_preconditioner(M, (32, 32)))
    assert 2 * int(fast.iterations.max()) < int(plain.min())
    assert float((M(x) - b).norm()) < 1e-5 * float(b.norm())


def test_wrong_use() -> None:
    with pytest.raises(ValueError, match="jacobi expects an operator with a positive diagonal"):
        jacobi(lambda v: -v, (3,))
    with pytest.raises(ValueError, match="probes >= 1, or None for the exact diagonal, got 0"):
        jacobi(lambda v: v, (3,), probes=0)
    with pytest.raises(ValueError, match="fourier_preconditioner expects a positive definite M"):
        fourier_preconditioner(lambda v: 0 * v, (3,))
    with pytest.raises(ValueError, match=r"floor in \(0, 1\), got 2"):
        fourier_preconditioner(lambda v: v, (3,), floor=2)
