"""Ordered subsets against the formula and against SIRT."""

from math import pi

import pytest
import torch

from recon.operators import (
    CapabilityError,
    Diagonal,
    FanBeam,
    Geometry,
    ParallelBeam,
    ParallelBeam3D,
    RayTransform,
    Volume,
    sart_weights,
)
from recon.phantoms import shepp_logan
from recon.priors import NonNegative
from recon.solvers import OSSART, SIRT, MaxIter, Problem

TURN = [pi * a / 24 + 0.1 for a in range(24)]


def test_one_pass_goes_through_the_subsets_in_order() -> None:
    A = RayTransform(Volume((6, 6)), ParallelBeam(TURN[:8], 11), "joseph")
    y = torch.rand((2, 8, 11), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    M = A(torch.eye(36, dtype=torch.float64).view(36, 6, 6)).permute(1, 2, 0)
    x = torch.zeros(2, 36, dtype=torch.float64)
    for first in (0, 2, 1, 3):  # 0, 1, 2, 3 with binary digits reversed
        part = M[first::4].reshape(-1, 36)
        R, C = (torch.where(s > 0, 1 / s.clamp(min=1e-12), 0) for s in (part.sum(1), part.sum(0)))
        x = (x + 0.7 * C * ((R * (y[:, first::4].reshape(2, -1) - x @ part.T)) @ part)).clamp(min=0)
    solver = OSSART(stop=MaxIter(1), subsets=4, order="bit-reversed", relaxation=0.7)
    found = solver.solve(Problem(A, y, prior=NonNegative())).image
    torch.testing.assert_close(found, x.view(2, 6, 6))


def test_one_subset_is_sirt() -> None:
    A = RayTransform(Volume((6, 6)), ParallelBeam(TURN, 11))
    y = torch.rand((24, 11), dtype=torch.float64)
    one = OSSART(stop=MaxIter(5), subsets=1, relaxation=1.5).solve(Problem(A, y)).image
    torch.testing.assert_close(one, SIRT(stop=MaxIter(5), relaxation=1.5).solve(Problem(A, y)).image)


@pytest.mark.parametrize("geometry", [ParallelBeam(TURN, 36), FanBeam([2 * a for a in TURN], 36, 60.0, 60.0, 2.0)])
@pytest.mark.parametrize("order", ["golden", "bit-reversed"])
def test_a_pass_is_worth_as_many_steps_as_there_are_subsets(geometry: Geometry, order: str) -> None:
    volume = Volume((24, 24))
    A, x = RayTransform(volume, geometry), shepp_logan(11.0, 1.0).rasterise(volume)
    problem = Problem(A, A(x))
    subsets = OSSART(stop=MaxIter(3), subsets=8, order=order).solve(problem)  # type: ignore[arg-type]
    few, many = (SIRT(stop=MaxIter(n), check_every=n).solve(problem) for n in (3, 20))
    assert float(subsets.last("misfit")) < float(many.last("misfit")) < 0.5 * float(few.last("misfit"))
    assert float((subsets.image - x).norm()) < 1.05 * float((many.image - x).norm())


def test_consistent_data_are_fitted() -> None:
    A = RayTransform(Volume((5, 5)), ParallelBeam(TURN, 17, 0.5))
    x = torch.rand((2, 5, 5), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    image = OSSART(stop=MaxIter(150), subsets=6).solve(Problem(A, A(x))).image
    torch.testing.assert_close(image, x, rtol=1e-4, atol=1e-4)


def test_volumes() -> None:
    A = RayTransform(Volume((2, 5, 5)), ParallelBeam3D(TURN, 3, 17, 0.5))
    x = torch.rand((2, 5, 5), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    result = OSSART(stop=MaxIter(30), subsets=6).solve(Problem(A, A(x)))
    assert float(result.last("misfit")) < 1e-3
    assert sart_weights(A.subsets(6)[0].operator, x).rows.shape == (4, 3, 17)


def test_refuses_by_name() -> None:
    with pytest.raises(
        CapabilityError, match=r"^OSSART needs a ray transform, whose views it parts, got Diagonal; use"
    ):
        OSSART().solve(Problem(Diagonal(torch.ones(3)), torch.ones(3)))
    A = RayTransform(Volume((6, 6)), ParallelBeam(TURN[:3], 11))
    with pytest.raises(ValueError, match="at most as many subsets as views, 3, got 10"):
        OSSART().solve(Problem(A, torch.ones(3, 11)))
    with pytest.raises(ValueError, match=r"^OSSART expects a number of subsets >= 1, got 0.$"):
        OSSART(subsets=0)
    with pytest.raises(ValueError, match=r"^OSSART expects an order among golden, bit-reversed, sequential, got 'any'"):
        OSSART(order="any")  # type: ignore[arg-type]
