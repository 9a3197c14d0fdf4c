"""Parts of a scan: their operators, their data and their order."""

import math

import pytest
import torch

from recon.operators import ConeBeam, FanBeam, ParallelBeam, RayTransform, VectorBeam, Volume
from recon.operators.ct.subset import subset_order

PLANE, SPACE = Volume((6, 7), (1.1, 0.9)), Volume((3, 4, 5))
ANGLES = [0.3, 1.9, -0.7, 4.0, 2.2, 5.5, 1.1]
FAN = FanBeam(ANGLES, 12, 20.0, 30.0, 1.5)
CONE = ConeBeam(ANGLES, 4, 6, 20.0, 30.0, 1.5, helical_pitch=2.0)
CASES = {
    "shear": RayTransform(PLANE, ParallelBeam(ANGLES, 11)),
    "joseph": RayTransform(PLANE, ParallelBeam(ANGLES, 11), "joseph"),
    "nufft": RayTransform(PLANE, ParallelBeam(ANGLES, 11), "nufft"),
    "fan": RayTransform(PLANE, FAN),
    "vectors": RayTransform(PLANE, VectorBeam.of(FAN)),
    "helix": RayTransform(SPACE, CONE),
}


def draw(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("views", [[5, 0, 0], range(1, 7, 2), range(6, 0, -2), [-1]], ids=str)
def test_a_subset_has_the_views_of_the_whole(case, views):
    operator = CASES[case]
    part, rows = operator.subset(views), list(views)
    x, y = draw(2, *operator.domain_shape), draw(*operator.range_shape)
    torch.testing.assert_close(part(x), operator(x)[:, rows])
    assert part.geometry == operator.geometry.take(rows)
    assert part.range_shape == (len(rows), *operator.range_shape[1:])
    torch.testing.assert_close(
        part.adjoint(y[rows]), operator.adjoint(torch.zeros_like(y).index_add_(0, torch.tensor(rows) % 7, y[rows]))
    )


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("order", ["golden", "bit-reversed", "sequential"])
def test_subsets_take_every_view_once(case, order):
    operator = CASES[case]
    parts = operator.subsets(3, order)
    x, y = draw(*operator.domain_shape), draw(2, *operator.range_shape)
    assert sorted(view for part in parts for view in part.views) == list(range(7))
    torch.testing.assert_close(sum(part.operator.adjoint(part.of(y)) for part in parts), operator.adjoint(y))
    for part in parts:
        torch.testing.assert_close(part.operator(x), part.of(operator(x)))


def test_parts_share_the_memory_of_the_whole():
    operator, y = CASES["fan"], draw(2, 7, 12)
    for part in operator.subsets(3):
        assert part.operator._rays.untyped_storage().data_ptr() == operator._rays.untyped_storage().data_ptr()
        assert part.of(y).untyped_storage().data_ptr() == y.untyped_storage().data_ptr()


def test_a_subset_has_a_norm_of_its_own():
    operator = RayTransform(PLANE, ParallelBeam(ANGLES, 11))
    whole = operator.norm()
    matrix = operator.subset([2])(torch.eye(42, dtype=torch.float64).view(42, 6, 7)).reshape(42, -1)
    assert operator.subset([2]).norm() == pytest.approx(float(torch.linalg.matrix_norm(matrix, 2)), rel=1e-2)
    assert operator.subset([2]).norm() < 0.7 * whole


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 10, 12, 60])
def test_orders_visit_every_subset_once(count):
    for order in ("golden", "bit-reversed", "sequential"):
        assert sorted(subset_order(count, order)) == list(range(count))


def test_orders_are_those_of_their_sources():
    assert subset_order(8, "bit-reversed") == (0, 4, 2, 6, 1, 5, 3, 7)
    assert subset_order(6, "bit-reversed") == (0, 4, 2, 1, 5, 3)
    assert subset_order(10, "golden") == (0, 7, 4, 1, 8, 5, 2, 9, 6, 3)
    steps = torch.tensor(subset_order(60, "golden")).diff() % 60
    assert len(set(steps.tolist())) == 1
    assert abs(int(steps[0]) / 60 - (math.sqrt(5) - 1) / 2) < 0.02


def test_refuses_what_cannot_be_parted():
    with pytest.raises(ValueError, match=r"^RayTransform.subsets expects at most as many subsets as views, 7, got 8.$"):
        CASES["fan"].subsets(8)
    with pytest.raises(ValueError, match=r"^RayTransform.subsets expects count to be a positive whole number, got 0.$"):
        CASES["fan"].subsets(0)
    with pytest.raises(
        ValueError, match=r"^subsets come in the order 'golden', 'bit-reversed' or 'sequential', got 'x"
    ):
        CASES["fan"].subsets(2, "x")
