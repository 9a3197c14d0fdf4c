"""Second differences of images whose derivatives are known."""

from __future__ import annotations

from math import sqrt

import torch

from recon.operators import Hessian


def test_quadratic_images_have_constant_second_derivatives() -> None:
    """x = y² + 3yz on pixels of sizes 2 and ½: 2, 0 and 3√2 where the neighbours are there."""
    i, j = torch.meshgrid(torch.arange(4, dtype=torch.float64), torch.arange(5, dtype=torch.float64), indexing="ij")
    y, z = 2.0 * i, 0.5 * j
    rows, columns, mixed = Hessian((4, 5), spacing=(2.0, 0.5))(y * y + 3 * y * z)
    torch.testing.assert_close(rows, torch.where(i < 2, 2.0, 0.0).double())
    torch.testing.assert_close(columns, torch.zeros(4, 5, dtype=torch.float64))
    torch.testing.assert_close(mixed, torch.where((i < 3) & (j < 4), 3 * sqrt(2), 0.0).double())


def test_annihilates_exactly_the_affine_images() -> None:
    for shape in ((6,), (4, 5), (3, 4, 3)):
        n = int(torch.tensor(shape).prod())
        H = Hessian(shape)
        matrix = H(torch.eye(n, dtype=torch.float64).reshape(n, *shape)).reshape(n, -1)
        assert int((torch.linalg.svdvals(matrix) < 1e-10).sum()) + max(n - matrix.shape[1], 0) == 1 + len(shape)
        axes = (torch.arange(m, dtype=torch.float64) for m in shape)
        affine = 2 + torch.stack(torch.meshgrid(*axes, indexing="ij")).sum(0)
        assert not bool(H(affine).abs().max() > 1e-12)


def test_is_bounded_by_the_square_of_the_gradient() -> None:
    H = Hessian((16, 16))
    assert H.norm() <= H.norm_bound() <= 1.05 * H.norm()
