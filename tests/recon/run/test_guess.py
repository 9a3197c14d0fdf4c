from math import pi

import pytest
import torch

from recon.operators import (
    ConeBeam,
    Diagonal,
    Downsample,
    FilteredBackprojection,
    GaussianBlur,
    Identity,
    Operator,
    ParallelBeam,
    RayTransform,
    VectorBeam,
    Volume,
)
from recon.operators.functionals import SquaredL2
from recon.run.guess import first_guess


def test_ray_transforms_get_filtered_backprojection() -> None:
    A = RayTransform(Volume((8, 8)), ParallelBeam([pi * a / 6 for a in range(6)], 12))
    y = torch.rand(2, 6, 12)
    found = first_guess(A, y)
    assert found is not None
    assert found[1] == "FBP"
    assert torch.equal(found[0], FilteredBackprojection(A)(y))


def test_cones_get_the_method_of_feldkamp_and_vectors_the_adjoint() -> None:
    cone = ConeBeam([2 * pi * a / 8 for a in range(8)], 4, 6, 20.0, 30.0, 1.5)
    A = RayTransform(Volume((4, 6, 6)), cone)
    y = torch.rand(8, 4, 6)
    found = first_guess(A, y)
    assert found is not None
    assert found[1] == "FDK"
    assert torch.equal(found[0], FilteredBackprojection(A)(y))
    vectors = RayTransform(A.volume, VectorBeam.of(cone))
    found = first_guess(vectors, y)
    assert found is not None
    assert found[1] == "adjoint"
    scale = float((found[0] * vectors.adjoint(y)).sum() / vectors.adjoint(y).square().sum())
    assert torch.allclose(found[0], scale * vectors.adjoint(y), rtol=1e-4)
    assert float((y - vectors(found[0])).flatten() @ vectors(found[0]).flatten()) == pytest.approx(0, abs=1e-3)


def test_masked_data_and_scaled_identities_come_back_exactly() -> None:
    y = torch.tensor([[1.0, 0.0, 3.0], [0.0, 0.0, 0.0]])
    mask = first_guess(Diagonal(torch.tensor([1.0, 0.0, 1.0])), y)
    double = first_guess(2.0 * Identity((3,)), 2 * y)
    for found in (mask, double):
        assert found is not None
        assert torch.allclose(found[0], y)
        assert found[1] == "adjoint"


def test_the_scale_fits_the_data_best_for_each_item() -> None:
    A = Downsample((8, 8), 2)
    y = torch.rand(3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = first_guess(A, y)
    assert found is not None
    again = A(found[0])
    residual = y - again
    assert torch.allclose((residual * again).sum((1, 2)), torch.zeros(3, dtype=torch.float64), atol=1e-12)


def test_constants_keep_their_level() -> None:
    found = first_guess(GaussianBlur(1.5, (16, 16)), torch.full((1, 16, 16), 0.7))
    assert found is not None
    assert torch.allclose(found[0], torch.tensor(0.7), atol=1e-5)


def test_nonlinear_operators_have_none() -> None:
    operator: Operator = SquaredL2((3,))
    assert first_guess(operator, torch.ones(2)) is None
