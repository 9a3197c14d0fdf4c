"""Mask: observation, weights and closed forms."""

import pytest
import torch

from recon.operators.mask import Mask


def test_keeps_and_loses_pixels():
    mask = torch.tensor([[True, False], [False, True]])
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert Mask(mask)(x).tolist() == [[1.0, 0.0], [0.0, 4.0]]
    assert Mask(mask.int())(x.to(torch.complex128)).dtype == torch.complex128
    assert Mask(mask).norm() == 1.0
    assert Mask.domain_shape_for((2, 2), mask=mask) == (2, 2)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_closed_forms(dtype):
    weights = torch.tensor([0.5, 0.0, -2.0], dtype=torch.float64)
    A, x = Mask(weights), torch.randn(4, 3, dtype=dtype, generator=torch.Generator().manual_seed(0))
    matrix = torch.diag(weights).to(dtype)
    torch.testing.assert_close(A(x), x @ matrix)
    torch.testing.assert_close(A.adjoint(x), x @ matrix)
    torch.testing.assert_close(A.pinv(x), x @ torch.linalg.pinv(matrix))
    solve = torch.linalg.inv(matrix @ matrix + 0.3 * torch.eye(3))
    torch.testing.assert_close(A.solve_normal(x, 0.3), x @ solve)
    U, s, V = A.svd()
    torch.testing.assert_close(U(s * V.adjoint(x)), A(x))
    assert A.norm() == 2.0


def test_refuses_what_is_no_mask():
    with pytest.raises(TypeError, match="use Diagonal for complex factors"):
        Mask(torch.tensor([1j]))
    with pytest.raises(ValueError, match="Mask expects finite numbers in mask"):
        Mask(torch.tensor([float("nan")]))
