"""Dense: an operator as its matrix."""

import pytest
import torch

from recon.operators import CartesianMRI, Dense, Downsample, LinearOperator, ParallelBeam, RayTransform, Volume


def scan() -> RayTransform:
    views = ParallelBeam(angles=torch.linspace(0, torch.pi, 4)[:-1], bins=6, pitch=1.0)
    return RayTransform(Volume(shape=(6, 6), spacing=1.0), views)


@pytest.mark.parametrize("operator", [scan(), Downsample((5, 6), 2), CartesianMRI(torch.ones(1), shape=(3, 4))])
def test_it_is_the_operator(operator):
    dtype = torch.complex128 if operator.domain_field == "complex" else torch.float64
    x = torch.randn(2, 3, *operator.domain_shape, dtype=dtype, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(Dense(operator)(x), operator(x))
    assert Dense(operator).norm() == pytest.approx(operator.norm(1e-6), rel=1e-5)


def test_closed_forms_of_a_matrix_without_full_rank():
    generator = torch.Generator().manual_seed(0)
    M = torch.randn(5, 2, generator=generator, dtype=torch.float64) @ torch.randn(2, 6, generator=generator).double()
    A, x, y = Dense(M, (2, 3)), torch.randn(4, 2, 3, dtype=torch.float64), torch.randn(4, 5, dtype=torch.float64)
    torch.testing.assert_close(A.pinv(y).flatten(1), y @ torch.linalg.pinv(M).mT)
    rho = torch.tensor([0.1, 1.0, 2.0, 30.0], dtype=torch.float64)
    for i in range(4):
        wanted = torch.linalg.solve(M.mT @ M + rho[i] * torch.eye(6), x[i].flatten())
        torch.testing.assert_close(A.solve_normal(x, rho)[i].flatten(), wanted)
    U, s, V = A.svd()
    assert int((s > 0).sum()) == 2
    torch.testing.assert_close(U(s * V.adjoint(x)), A(x))


def test_what_is_no_matrix_is_refused():
    with pytest.raises(ValueError, match=r"a matrix \(4, 6\) for images \(5,\) and data \(4,\)"):
        Dense(torch.ones(4, 6), (5,))
    with pytest.raises(ValueError, match="expects a matrix"):
        Dense(torch.ones(4))
    with pytest.raises(ValueError, match="an operator has its own"):
        Dense(scan(), (6, 6))
    mixed = LinearOperator.from_functions(
        lambda x: x + 0j, lambda y: y.real, (3,), (3,), domain_field="real", range_field="complex"
    )
    with pytest.raises(TypeError, match="real images to complex data, which is no matrix"):
        Dense(mixed)
    with pytest.raises(ValueError, match="Dense forms matrices of at most"):
        Dense(Downsample((256, 256), 2))
