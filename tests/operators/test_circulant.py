"""Circulant and the transforms that diagonalise it."""

import pytest
import torch

from recon.operators.circulant import Circulant
from recon.operators.fourier import Fourier
from recon.operators.hartley import Hartley


def random(shape, dtype=torch.float64, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("n", [4, 5])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_equals_the_circulant_matrix(n, dtype):
    k, x = random((n,), dtype), random((3, n), dtype, seed=1)
    index = torch.arange(n)
    matrix = k[(index[:, None] - index) % n]
    A = Circulant(k, (n,))
    torch.testing.assert_close(A(x), x @ matrix.mT)
    torch.testing.assert_close(A.adjoint(x), x @ matrix.conj())
    torch.testing.assert_close(A.normal(x), x @ (matrix.mH @ matrix).mT)
    torch.testing.assert_close(A.pinv(x), x @ torch.linalg.pinv(matrix).mT)
    torch.testing.assert_close(A.normal_pinv(x), x @ torch.linalg.pinv(matrix.mH @ matrix).mT)
    assert A.norm() == pytest.approx(float(torch.linalg.matrix_norm(matrix, 2)))
    U, s, V = A.svd()
    torch.testing.assert_close(s.sort().values, torch.linalg.svdvals(matrix).sort().values)
    torch.testing.assert_close(U(s * V.adjoint(x)), A(x))


def test_rho_must_be_one_number_per_item():
    A = Circulant(random((4,)), (4,))
    with pytest.raises(ValueError, match=r"Circulant\.solve_normal expects rho to be a number or one value per item\."):
        A.solve_normal(random((2, 4)), torch.ones(2, 4, dtype=torch.float64))


def test_a_kernel_of_another_size_is_refused():
    with pytest.raises(ValueError, match="Circulant expects a kernel of the size of the images along its axes"):
        Circulant(torch.ones(3), (4,))


@pytest.mark.parametrize("kind", [Fourier, Hartley])
@pytest.mark.parametrize(("shape", "ndim"), [((4, 5), None), ((2, 6), 1), ((3,), 1)])
def test_transforms_are_the_stated_sums(kind, shape, ndim):
    T = kind(shape, ndim)
    x = random((2, *shape), torch.complex128)
    sizes = torch.tensor(shape[-len(T.dims) :])
    index = torch.cartesian_prod(*(torch.arange(int(n)) for n in sizes)).reshape(-1, len(sizes))
    angle = 2 * torch.pi * (index[:, None] * index / sizes.double()).sum(-1)
    matrix = torch.polar(torch.ones_like(angle), -angle) if kind is Fourier else torch.cos(angle) + torch.sin(angle)
    matrix = (matrix / len(index) ** 0.5).to(torch.complex128)
    expected = (x.flatten(-len(sizes)) @ matrix.mT).reshape(x.shape)
    torch.testing.assert_close(T(x), expected)
    torch.testing.assert_close(T.adjoint(T(x)), x)
    torch.testing.assert_close(T.solve_normal(x, 1.0), x / 2)
    assert kind is Fourier or not T(x.real).is_complex()


def test_transforms_refuse_more_dimensions_than_there_are():
    with pytest.raises(ValueError, match=r"Fourier expects ndim from 1 to 2 for shape \(4, 5\), got 3."):
        Fourier((4, 5), 3)
