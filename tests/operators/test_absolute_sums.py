"""Absolute row and column sums against matrices, and the inequality that preconditioners rest on."""

from __future__ import annotations

from math import pi

import pytest
import torch

from recon.operators import (
    Blur,
    CapabilityError,
    Gradient,
    Identity,
    LinearOperator,
    Mask,
    ParallelBeam,
    RayTransform,
    Stack,
    Volume,
    Wavelet,
)
from recon.operators.absolute_sums import absolute_sums
from recon.operators.diagonal import Diagonal

EXACT: dict[str, LinearOperator] = {
    "gradient": Gradient((4, 5), spacing=(0.5, 2.0)),
    "periodic gradient": Gradient((4, 3, 2), boundary="circular"),
    "periodic gradient of one pixel": Gradient((1, 4), boundary="circular"),
    "gradient along an axis": Gradient((4, 5), axes=(1,)),
    "diagonal": Diagonal(torch.tensor([[1.0, -2.0], [0.0, 3.0]])),
    "complex diagonal": Diagonal(torch.tensor([3 + 4j, 1j])),
    "identity": Identity((3, 2)),
    "mask": Mask(torch.tensor([1.0, 0, 1])),
    "multiple": -3 * Gradient((4, 5)),
    "stack": Stack(Gradient((4, 5)), 2 * Identity((4, 5))),
    "nonnegative blur": Blur(torch.tensor([[0.1, 0.4], [0.0, 0.2], [0.5, 0.3]]), (4, 5), "reflect"),
    "rays": RayTransform(Volume((5, 5)), ParallelBeam([0.1, 1.0, 2.0], 8), model="joseph"),
}


def _matrix(A: LinearOperator) -> torch.Tensor:
    size = Identity(A.domain_shape).domain_shape
    dtype = torch.complex128 if A.domain_field == "complex" else torch.float64
    count = int(torch.Size(size).numel())
    return A(torch.eye(count, dtype=dtype).reshape(count, *size)).reshape(count, -1).T


@pytest.mark.parametrize("name", EXACT)
def test_sums_are_those_of_the_matrix(name: str) -> None:
    A = EXACT[name]
    sums, M = absolute_sums(A, torch.zeros((), dtype=torch.float64)), _matrix(A).abs()
    tol = 1e-5 if name == "nonnegative blur" else 1e-9
    torch.testing.assert_close(sums.rows.reshape(-1), M.sum(1), rtol=tol, atol=tol)
    torch.testing.assert_close(sums.columns.reshape(-1), M.sum(0), rtol=tol, atol=tol)
    assert sums.rows.shape == A.range_shape
    assert sums.columns.shape == A.domain_shape


def test_the_inequality_holds_for_projections_with_a_few_negative_entries() -> None:
    A = RayTransform(Volume((8, 8)), ParallelBeam([pi * a / 7 for a in range(7)], 13))
    sums, M = absolute_sums(A, torch.zeros((), dtype=torch.float64)), _matrix(A)
    rows, columns = sums.rows.reshape(-1), sums.columns.reshape(-1)
    left = torch.where(rows > 0, 1 / rows, 0).sqrt()
    right = torch.where(columns > 0, 1 / columns, 0).sqrt()
    assert float(torch.linalg.matrix_norm(left[:, None] * M * right, 2)) <= 1 + 1e-9


@pytest.mark.parametrize("A", [Wavelet((8, 8), "haar", level=1), Wavelet((8, 8), "db2", level=1)], ids=["haar", "db2"])
def test_operators_of_both_signs_are_refused(A: LinearOperator) -> None:
    with pytest.raises(CapabilityError, match="without negative entries, got Wavelet"):
        absolute_sums(A, torch.zeros(()))
