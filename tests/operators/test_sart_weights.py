"""Inverse row and column sums against dense algebra."""

from math import pi

import pytest
import torch

from recon.operators import (
    CapabilityError,
    Diagonal,
    FanBeam,
    Gradient,
    LinearOperator,
    Mask,
    ParallelBeam,
    RayTransform,
    Volume,
    sart_bound,
    sart_weights,
)

PLANE = Volume((9, 9))
BEAM = ParallelBeam([pi * a / 5 + 0.2 for a in range(5)], 23)
DOUBLE = torch.zeros((), dtype=torch.float64)


def matrix(operator: LinearOperator) -> torch.Tensor:
    n = int(torch.tensor(operator.domain_shape).prod())
    eye = torch.eye(n, dtype=torch.float64).reshape(n, *operator.domain_shape)
    return operator(eye).reshape(n, -1).T


def inverse(sums: torch.Tensor) -> torch.Tensor:
    return torch.where(sums > 1e-9, 1 / sums.clamp(min=1e-9), 0.0)


@pytest.mark.parametrize(
    "operator",
    [
        RayTransform(PLANE, BEAM, "joseph"),
        3.0 * RayTransform(PLANE, BEAM, "joseph"),
        RayTransform(PLANE, FanBeam([0.1, 2.0, 4.0], 35, 20.0, 30.0)),
        Mask(torch.eye(4)),
    ],
)
def test_are_inverse_sums_and_bound_the_norm_by_one(operator: LinearOperator) -> None:
    A, (rows, columns) = matrix(operator), sart_weights(operator, DOUBLE)
    torch.testing.assert_close(rows.flatten(), inverse(A.sum(1)))
    torch.testing.assert_close(columns.flatten(), inverse(A.sum(0)))
    assert (rows == 0).any()  # rays that miss the image, masked pixels
    norm = float(torch.linalg.matrix_norm(rows.reshape(-1, 1).sqrt() * A * columns.flatten().sqrt(), 2))
    assert norm == pytest.approx(1)
    assert sart_bound(operator, DOUBLE) == 1


@pytest.mark.parametrize("model", ["shear", "nufft"])
@pytest.mark.parametrize("views", [1, 5])
def test_models_with_negative_entries_take_josephs_sums_and_a_bound_above_their_norm(model: str, views: int) -> None:
    beam = BEAM.take(range(views)) if views > 1 else ParallelBeam([pi / 4], 23)
    operator = -2.0 * RayTransform(PLANE, beam, model)  # type: ignore[arg-type]
    joseph = 2.0 * RayTransform(PLANE, beam, "joseph")
    A, (rows, columns) = matrix(operator), sart_weights(operator, DOUBLE)
    torch.testing.assert_close(rows, sart_weights(joseph, DOUBLE).rows)
    torch.testing.assert_close(columns, sart_weights(joseph, DOUBLE).columns)
    square = float(torch.linalg.matrix_norm(rows.reshape(-1, 1).sqrt() * A * columns.flatten().sqrt(), 2)) ** 2
    assert 1 <= square <= 1.0001 * sart_bound(operator, DOUBLE)
    assert sart_bound(operator, DOUBLE) < 1.05 * square


def test_follow_precision() -> None:
    operator = RayTransform(PLANE, BEAM)
    for dtype, real in ((torch.float32, torch.float32), (torch.complex128, torch.float64)):
        weights = sart_weights(operator, torch.zeros((), dtype=dtype))
        assert weights.rows.dtype == weights.columns.dtype == real
    assert sart_weights(operator).rows.dtype == torch.float32


def test_refuses_operators_of_both_signs_and_complex_ones() -> None:
    with pytest.raises(
        CapabilityError, match=r"^SART weights need an operator without negative entries, got Gradient.$"
    ):
        sart_weights(Gradient((4, 4)))
    with pytest.raises(CapabilityError, match="without negative entries, got Diagonal"):
        sart_weights(Diagonal(torch.tensor([1.0, -1.0])))
    with pytest.raises(CapabilityError, match=r"^SART weights need an operator with real entries, got Diagonal.$"):
        sart_weights(Diagonal(torch.tensor([1.0, 1j])))
