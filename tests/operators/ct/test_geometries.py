"""Geometries as values: what they refuse, and the rays they stand for, written out independently."""

import math
import pickle
import warnings

import numpy as np
import pytest
import torch

from recon.operators import ConeBeam, FanBeam, ParallelBeam, ParallelBeam3D, RayTransform, VectorBeam, Volume

ANGLES = [0.3, -1.1, 2.5]
FAN = FanBeam(ANGLES, 5, 100.0, 160.0, 1.5, offset=0.4, source_offset=-0.7, axis_offset=0.3)
CURVED = FanBeam(ANGLES, 5, 100.0, 160.0, 1.5, "curved", offset=0.4, source_offset=-0.7, axis_offset=0.3)
CONE = ConeBeam(ANGLES, 4, 5, 100.0, 160.0, (2.0, 1.5), (0.6, 0.4), (0.2, -0.7), 0.3, helical_pitch=9.0)
PARALLEL = ParallelBeam3D(ANGLES, 4, 5, (2.0, 1.5), (0.6, 0.4))
ALL = [ParallelBeam(ANGLES, 5, 1.5, 0.4), FAN, CURVED, CONE, PARALLEL, VectorBeam.of(FAN), VectorBeam.of(CONE)]


def on_ray(geometry, view, detector, point):
    """Distance of a point, (x, y) or (x, y, z), from a ray."""
    points, directions = geometry.rays()
    start, along = points[(view, *detector)].numpy(), directions[(view, *detector)].numpy()
    away = np.asarray(point, float)[::-1] - start
    return np.linalg.norm(away - (away @ along) * along)


@pytest.mark.parametrize("view", range(3))
@pytest.mark.parametrize("k", [0, 2, 4])
def test_fan_rays_run_from_source_to_bin(view, k):
    beta = ANGLES[view]
    e, u = np.array([-math.sin(beta), math.cos(beta)]), np.array([math.cos(beta), math.sin(beta)])
    s = (k - 2) * 1.5 + 0.4
    source = -100 * e + (-0.7 - 0.3) * u
    gamma = s / 160
    for geometry, bin_ in (
        (FAN, 60 * e + (s - 0.3) * u),
        (CURVED, -100 * e - 0.3 * u + 160 * (math.cos(gamma) * e + math.sin(gamma) * u)),
        (VectorBeam.of(FAN), 60 * e + (s - 0.3) * u),
    ):
        assert on_ray(geometry, view, (k,), source) < 1e-10
        assert on_ray(geometry, view, (k,), bin_) < 1e-10
        direction = geometry.rays()[1][view, k].numpy()[::-1]
        np.testing.assert_allclose(direction, (bin_ - source) / np.linalg.norm(bin_ - source), atol=1e-12)


@pytest.mark.parametrize("view", range(3))
@pytest.mark.parametrize(("row", "k"), [(0, 0), (3, 1), (2, 4)])
def test_cone_and_parallel_rays(view, row, k):
    beta = ANGLES[view]
    e = np.array([-math.sin(beta), math.cos(beta), 0])
    u = np.array([math.cos(beta), math.sin(beta), 0])
    z = np.array([0.0, 0, 1])
    s, v, height = (k - 2) * 1.5 + 0.4, (row - 1.5) * 2.0 + 0.6, 9.0 * beta / (2 * math.pi)
    source = -100 * e + (-0.7 - 0.3) * u + (height + 0.2) * z
    bin_ = 60 * e + (s - 0.3) * u + (height + v) * z
    for geometry in (CONE, VectorBeam.of(CONE)):
        assert on_ray(geometry, view, (row, k), source) < 1e-10
        assert on_ray(geometry, view, (row, k), bin_) < 1e-10
    for geometry in (PARALLEL, VectorBeam.of(PARALLEL)):
        assert on_ray(geometry, view, (row, k), s * u + v * z) < 1e-10
        np.testing.assert_allclose(geometry.rays()[1][view, row, k].numpy()[::-1], e, atol=1e-12)


@pytest.mark.parametrize("geometry", ALL, ids=repr)
def test_geometries_are_values(geometry):
    assert pickle.loads(pickle.dumps(geometry)) == geometry
    assert hash(pickle.loads(pickle.dumps(geometry))) == hash(geometry)
    chosen = geometry.take([2, 0])
    assert chosen.shape == (2, *geometry.shape[1:])
    for part, whole in zip(chosen.rays(), geometry.rays(), strict=True):
        assert torch.equal(part, whole[[2, 0]])
    points, directions = geometry.rays()
    assert points.shape == directions.shape == (*geometry.shape, geometry.ndim)
    torch.testing.assert_close(directions.norm(dim=-1), torch.ones(geometry.shape, dtype=torch.float64))
    with pytest.raises(AttributeError):
        geometry.bins = 7


def test_some_views_of_a_helix_are_no_degrees():
    helix = ConeBeam([0.1 * a for a in range(200)], 4, 5, 100.0, 160.0, helical_pitch=9.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        few = helix.take(range(0, 200, 20))
    assert few.angles == helix.angles[::20]
    assert helix.shape[0] == 200
    with pytest.raises(ValueError, match=r"^ConeBeam expects at least one view to take, got none.$"):
        helix.take([])


@pytest.mark.parametrize("scan", [ParallelBeam([0.1, 0.2, 0.3], 5), VectorBeam.of(ParallelBeam([0.1, 0.2, 0.3], 5))])
def test_views_that_are_none_are_refused(scan):
    for views, got in (([3], "3"), ([0.5], "0.5"), ([True], "True"), (["a"], "'a'")):
        with pytest.raises(ValueError, match=f"expects views from 0 to 2 to take, got {got}"):
            scan.take(views)
    assert scan.take([-1, 0]) == scan.take(torch.tensor([2, 0]))


@pytest.mark.parametrize("angles", ["abc", torch.rand(2, 3), 1.0, [None]])
def test_angles_that_are_none_are_refused(angles):
    with pytest.raises(TypeError, match="ParallelBeam expects angles to be a sequence of numbers in radians, got"):
        ParallelBeam(angles, 5)


def test_angles_of_any_kind():
    for angles in (np.array(ANGLES), torch.tensor(ANGLES, dtype=torch.float64), tuple(ANGLES)):
        assert FanBeam(angles, 5, 100.0, 160.0).angles == tuple(ANGLES)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (
            lambda: FanBeam([0.0], 5, 100.0, 60.0),
            ValueError,
            r"FanBeam expects source_to_detector >= source_to_axis.*=160",
        ),
        (lambda: FanBeam([0.0], 5, -1.0, 60.0), ValueError, "FanBeam expects a positive, finite source_to_axis"),
        (lambda: FanBeam([0.0], 5, 100.0, 160.0, 0.0), ValueError, "FanBeam expects a positive, finite pitch, got 0"),
        (lambda: FanBeam([math.nan], 5, 100.0, 160.0), ValueError, "FanBeam expects finite angles"),
        (lambda: FanBeam([0.0], 5, 100.0, 160.0, detector="arc"), ValueError, "detector 'flat' or 'curved', got 'arc'"),
        (
            lambda: FanBeam([0.0], 500, 100.0, 160.0, 1.0, "curved"),
            ValueError,
            "curved detector to span less than 3 rad",
        ),
        (lambda: FanBeam([0.0], "many", 1.0, 2.0), ValueError, "bins to be a positive whole number, got 'many'"),
        (lambda: FanBeam([0.0], 5, "far", 2.0), TypeError, "positive, finite source_to_axis, got 'far'"),
        (lambda: ConeBeam([0.0], 4, 5, 100.0, 160.0, (1.0, -1.0)), ValueError, "ConeBeam expects a positive"),
        (
            lambda: ConeBeam([0.0], 4, 5, 100.0, 160.0, offset=(1.0,)),
            ValueError,
            "one offset or one for each of 2 axes",
        ),
        (lambda: ConeBeam([0.0], 4, 5, 100.0, 160.0, helical_pitch=math.inf), ValueError, "finite helical_pitch"),
        (lambda: ParallelBeam3D([], 4, 5), ValueError, "at least one angle"),
        (lambda: VectorBeam([(1, 0)], [(0, 1)], 5), ValueError, "sources for diverging or directions for parallel"),
        (
            lambda: VectorBeam([(1, 0)], [(0, 1)], 5, sources=[(-1, 0)], v=[(1, 0)]),
            ValueError,
            "expects v and rows together",
        ),
        (
            lambda: VectorBeam([(1, 0), (2, 0)], [(0, 1)], 5, sources=[(-1, 0)]),
            ValueError,
            r"got detectors of shape \(2, 2\), u of shape \(1, 2\), sources of shape \(1, 2\)",
        ),
        (
            lambda: VectorBeam([(1, 0, 0)], [(0, 1, 0)], 5, sources=[(-1, 0, 0)]),
            ValueError,
            "2 components of each vector",
        ),
        (
            lambda: VectorBeam([(5, 0)], [(1, 0)], 5, sources=[(-5, 0)]),
            ValueError,
            "rays that cross the detector; in view 0",
        ),
        (lambda: VectorBeam([(5, math.inf)], [(0, 1)], 5, sources=[(-5, 0)]), ValueError, "finite detectors"),
        (lambda: VectorBeam([5, 1], [(0, 1)], 5, sources=[(-5, 0)]), TypeError, "detectors to be a list of vectors"),
        (lambda: VectorBeam.of(CURVED), ValueError, "the detector of this FanBeam is curved"),
        (lambda: Volume((8, 8), spacing=0.0), ValueError, "positive, finite spacing, got 0.0"),
        (lambda: Volume(8), TypeError, r"Volume expects a shape such as \(256, 256\), got 8"),
    ],
)
def test_refuses_in_a_sentence(build, error, message):
    with pytest.raises(error, match=message):
        build()


def test_degrees_are_noticed():
    with pytest.warns(UserWarning, match="FanBeam takes angles in radians, and 359 is more than two turns"):
        FanBeam(list(range(360)), 5, 100.0, 160.0)
    with pytest.warns(
        UserWarning, match="ConeBeam takes angles in radians, and 719 is reached in steps of more than half"
    ):
        ConeBeam(list(range(720)), 4, 5, 100.0, 160.0, helical_pitch=10.0)
    ConeBeam([0.05 * a for a in range(1000)], 4, 5, 100.0, 160.0, helical_pitch=10.0)


def test_a_source_inside_the_volume_is_refused():
    with pytest.raises(ValueError, match=r"view 0 has its source inside, at \(-28, 0\) mm"):
        RayTransform(Volume((64, 64)), FanBeam([0.0, 1.0], 100, 28.0, 60.0))
    RayTransform(Volume((64, 64)), FanBeam([0.0, 1.0], 200, 33.0 * 2**0.5, 80.0))


@pytest.mark.parametrize(
    "geometry",
    [
        ParallelBeam([0.0, 1.0], 40),
        FanBeam([0.0, 1.0], 50, 100.0, 160.0),
        VectorBeam.of(FanBeam([0.0, 1.0], 50, 100.0, 160.0)),
    ],
    ids=repr,
)
def test_a_detector_smaller_than_the_object_is_noticed(geometry):
    with pytest.warns(UserWarning, match="detector that sees .* mm to either side of the volume's centre"):
        RayTransform(Volume((64, 64)), geometry)


def test_a_detector_shifted_to_one_side_is_not(recwarn):
    RayTransform(Volume((64, 64)), ParallelBeam([0.0, 1.0], 40, offset=13.0))
    RayTransform(Volume((64, 64, 64)), ConeBeam([0.0, 1.0], 16, 110, 100.0, 160.0))
    assert not recwarn


def test_the_volume_has_the_dimensions_of_the_geometry():
    with pytest.raises(ValueError, match=r"RayTransform expects a volume of 3 axes with ConeBeam, got \(8, 8\)"):
        RayTransform(Volume((8, 8)), CONE)
