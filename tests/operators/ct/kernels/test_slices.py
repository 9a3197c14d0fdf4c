"""Parallel rays in space by the shear kernels: every row of the detector is a scan of one slice."""

import math

import pytest
import torch

from recon.operators import ParallelBeam3D, RayTransform, VectorBeam, Volume

DOUBLE = {"dtype": torch.float64}
ANGLES = [0.0, 0.4, math.pi / 4, 1.2, math.pi / 2, 2.5]
PLANES = Volume((5, 6, 7), (1.1, 0.8, 0.9), (0.2, 0.3, -0.4))
BALL = Volume((20, 22, 24))
SLICE = Volume(PLANES.shape[1:], PLANES.spacing[1:], PLANES.offset[1:])
DETECTORS = {
    "on the planes": ((5, 1.1), 0.2),
    "between the planes": ((5, 1.1), 0.45),
    "fewer rows, partly above the volume": ((3, 2.7), 1.9),
    "more rows than planes": ((40, 0.2), 0.1),
    "beyond the volume": ((2, 1.0), 50.0),
    "one row": ((1, 1.0), 0.0),
}


def draw(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), **DOUBLE)


def scan(name):
    (rows, pitch), height = DETECTORS[name]
    return ParallelBeam3D(ANGLES, rows, 11, (pitch, 0.7), (height, -0.3))


@pytest.mark.parametrize("name", DETECTORS)
def test_rows_are_scans_of_interpolated_slices(name):
    geometry, volume = scan(name), draw(2, *PLANES.shape)
    plane, expected = RayTransform(SLICE, geometry.row, "shear"), torch.zeros(2, *geometry.shape, **DOUBLE)
    for row, z in enumerate(geometry.heights().tolist()):
        place = (z - float(PLANES.centres(0)[0])) / PLANES.spacing[0]
        for m in (math.floor(place), math.floor(place) + 1):
            if 0 <= m < PLANES.shape[0]:
                expected[:, :, row] += (1 - abs(place - m)) * plane(volume[:, m])
    made = RayTransform(PLANES, geometry, "shear")(volume)
    torch.testing.assert_close(made, expected, rtol=0, atol=1e-13)
    assert made.any() == (name != "beyond the volume")


def test_rows_on_planes_give_the_bits_of_the_plane():
    geometry, volume = scan("on the planes"), draw(*PLANES.shape).float()
    made = RayTransform(PLANES, geometry, "shear")(volume)
    assert torch.equal(made.movedim(1, 0), RayTransform(SLICE, geometry.row, "shear")(volume))


@pytest.mark.parametrize("name", DETECTORS)
def test_the_adjoint_is_the_transpose(name):
    operator = RayTransform(PLANES, scan(name), "shear")
    size, shape = math.prod(operator.domain_shape), operator.range_shape
    matrix = operator(torch.eye(size, **DOUBLE).reshape(size, *operator.domain_shape)).reshape(size, -1).T
    rays = torch.eye(len(matrix), **DOUBLE).reshape(-1, *shape)
    torch.testing.assert_close(operator.adjoint(rays).reshape(len(matrix), -1), matrix, rtol=0, atol=1e-14)


def test_auto_takes_it_and_it_is_close_to_joseph():
    z, y, x = (BALL.centres(axis) for axis in range(3))
    ball = torch.exp(-(z[:, None, None] ** 2 + y[:, None] ** 2 + x**2) / 30)
    geometry = ParallelBeam3D(ANGLES, 17, 31, (1.3, 1.0), (0.2, 0.1))
    auto, shear, joseph = (RayTransform(BALL, geometry, model)(ball) for model in ("auto", "shear", "joseph"))
    assert torch.equal(auto, shear)
    assert not torch.equal(shear, joseph)
    assert float((shear - joseph).norm() / joseph.norm()) < 0.01


def test_a_part_of_the_views_and_a_batch_of_any_shape():
    operator, volume = RayTransform(PLANES, scan("between the planes")), draw(2, 3, *PLANES.shape)
    sinogram = operator(volume)
    assert sinogram.shape == (2, 3, *operator.range_shape)
    assert torch.equal(operator.subset([4, 1])(volume), sinogram[..., [4, 1], :, :])
    assert torch.equal(operator(volume[1, 2]), sinogram[1, 2])
    assert torch.equal(operator.adjoint(sinogram)[1, 2], operator.adjoint(sinogram[1, 2]))
    assert operator(volume[:0]).shape == (0, 3, *operator.range_shape)


def test_nan_stays_in_the_rows_that_read_its_plane():
    volume = torch.ones(PLANES.shape)
    volume[2] = torch.nan
    made = RayTransform(PLANES, scan("on the planes"))(volume)
    assert torch.isfinite(made[:, [0, 1, 3, 4]]).all()
    assert torch.isnan(made[:, 2]).any()


def test_refuses_other_rays():
    skew = VectorBeam.of(scan("on the planes"))
    with pytest.raises(
        ValueError, match=r"^RayTransform has the model 'shear' for parallel rays, got VectorBeam; take 'joseph'.$"
    ):
        RayTransform(PLANES, skew, "shear")
    with pytest.raises(
        ValueError, match=r"^RayTransform has the model 'nufft' for parallel rays in a plane, got Parallel"
    ):
        RayTransform(PLANES, scan("one row"), "nufft")
