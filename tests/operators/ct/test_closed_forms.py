"""Rays against closed forms written from the docstrings alone, and scans against each other."""

import math
from dataclasses import replace

import pytest
import torch

from recon.operators import ConeBeam, FanBeam, ParallelBeam, ParallelBeam3D, RayTransform, VectorBeam, Volume
from recon.phantoms import GaussianBlob, GaussianBlob3D, Phantom

pytestmark = pytest.mark.filterwarnings("ignore:RayTransform has a detector that sees")

DOUBLE = {"dtype": torch.float64}
ANGLES = [0.0, 0.35, math.pi / 4, 1.3, math.pi / 2, 2.6, -0.9, 4.4]
OFFSETS = {"offset": 1.7, "source_offset": -2.3, "axis_offset": 1.1}
FLAT_FAN = FanBeam(ANGLES, 41, 120.0, 200.0, 2.6, **OFFSETS)
CURVED_FAN = FanBeam(ANGLES, 41, 120.0, 200.0, 2.6, detector="curved", **OFFSETS)
CONE = ConeBeam(ANGLES[::3], 7, 9, 120.0, 200.0, (9.0, 11.0), (1.5, -2.0), (2.5, -1.5), 1.2)
HELIX = replace(CONE, angles=[-2.0, 1.0, 7.5], helical_pitch=9.0)
TILTED = VectorBeam(
    detectors=[(3.0, 80.0, -4.0), (60.0, -50.0, 10.0)],
    u=[(1.0, 1.5, 10.0), (1.0, 7.0, 8.0)],
    v=[(9.0, -1.0, 2.0), (5.0, 6.0, -5.0)],
    rows=7,
    bins=9,
    sources=[(5.0, -120.0, 3.0), (-70.0, 90.0, -20.0)],
)
LAMINOGRAPHY = replace(TILTED, sources=None, directions=[(0.4, 1.0, 0.1), (0.7, -0.5, 0.2)])
PARALLEL = ParallelBeam(ANGLES, 41, 1.4, 0.6)
PARALLEL_3D = ParallelBeam3D(ANGLES[::3], 7, 9, (6.0, 7.0), (0.7, -0.9))
SPOTS = Phantom([GaussianBlob(0.03, 4.0, 3.0, -7.0, 5.0, 0.5), GaussianBlob(-0.01, 3.0, 3.5, 5.0, -6.0)])
CLOUDS = Phantom(
    [GaussianBlob3D(0.03, 5.0, 4.5, 6.0, -5.0, 4.0, 2.0, 0.5, 0.4), GaussianBlob3D(0.02, 4.0, 4.0, 4.0, 4.0, -5.0)]
)


def plane(n):
    """60 × 50 mm in pixels that are not square, about a place that is not the axis."""
    return Volume((n, n + n // 4), spacing=(60 / n, 50 / (n + n // 4)), offset=(2.0, -3.0))


def space(n):
    return Volume(
        (n, n + n // 4, n - n // 4), spacing=(56 / n, 60 / (n + n // 4), 54 / (n - n // 4)), offset=(1.5, 2.0, -3.0)
    )


def fan_place(scan, x, y):
    """Where on a fan's detector, in mm, the ray through (x, y) arrives in every view; s from the docstring's points."""
    places = []
    for beta in scan.angles:
        ahead = -x * math.sin(beta) + y * math.cos(beta) + scan.source_to_axis
        aside = x * math.cos(beta) + y * math.sin(beta) - (scan.source_offset - scan.axis_offset)
        if scan.detector == "flat":
            places.append(scan.source_offset + scan.source_to_detector * aside / ahead)
        else:  # D sin γ − s₀ : D cos γ = aside : ahead
            slope = aside / ahead
            lag = math.asin(scan.source_offset / scan.source_to_detector / math.hypot(1, slope))
            places.append(scan.source_to_detector * (math.atan(slope) + lag))
    return places


def cone_place(scan, x, y, z):
    """(s, v) where the ray through (x, y, z) arrives in every view of a cone beam."""
    v0, s0 = scan.source_offset
    places = []
    for beta in scan.angles:
        height = scan.helical_pitch * beta / (2 * math.pi)
        ahead = -x * math.sin(beta) + y * math.cos(beta) + scan.source_to_axis
        aside = x * math.cos(beta) + y * math.sin(beta) - (s0 - scan.axis_offset)
        larger = scan.source_to_detector / ahead
        places.append((s0 + larger * aside, v0 + larger * (z - height - v0)))
    return places


def distance(scan, view, indices, point):
    """How far in mm the ray at these fractional indices passes a point."""
    points, directions = scan.frames().at(*(torch.tensor([i], **DOUBLE) for i in indices))
    p, d = points[view].flatten(), directions[view].flatten()
    between = torch.tensor(point, **DOUBLE) - p
    return float((between - between @ d * d).norm())


def index(place, count, pitch, offset):
    return (place - offset) / pitch + (count - 1) / 2


@pytest.mark.parametrize("scan", [FLAT_FAN, CURVED_FAN], ids=["flat", "curved"])
def test_a_point_projects_to_where_a_fan_says(scan):
    x, y = -8.0, 11.0
    for view, place in enumerate(fan_place(scan, x, y)):
        k = index(place, scan.bins, scan.pitch, scan.offset)
        assert 0 < k < scan.bins - 1
        assert distance(scan, view, [k], (y, x)) < 1e-11
    for moved in ("offset", "source_offset", "axis_offset"):
        other = replace(scan, **{moved: getattr(scan, moved) + 5.0})
        k = index(fan_place(other, x, y)[1], scan.bins, scan.pitch, other.offset)
        assert distance(other, 1, [k], (y, x)) < 1e-11
        assert distance(scan, 1, [k], (y, x)) > 0.1


@pytest.mark.parametrize("scan", [CONE, HELIX], ids=["circle", "helix"])
def test_a_point_projects_to_where_a_cone_says(scan):
    x, y, z = -8.0, 11.0, 3.0
    for view, (s, v) in enumerate(cone_place(scan, x, y, z)):
        row, k = (index(*numbers) for numbers in zip((v, s), scan.shape[1:], scan.pitch, scan.offset, strict=True))
        assert distance(scan, view, [row, k], (z, y, x)) < 1e-11


def test_a_point_projects_to_where_parallel_rays_say():
    x, y, z = -8.0, 11.0, 3.0
    flat, thick = PARALLEL, PARALLEL_3D
    for view, theta in enumerate(flat.angles):
        s = x * math.cos(theta) + y * math.sin(theta)
        assert distance(flat, view, [index(s, flat.bins, flat.pitch, flat.offset)], (y, x)) < 1e-12
    for view, theta in enumerate(thick.angles):
        s = x * math.cos(theta) + y * math.sin(theta)
        row, k = (index(*numbers) for numbers in zip((z, s), thick.shape[1:], thick.pitch, thick.offset, strict=True))
        assert distance(thick, view, [row, k], (z, y, x)) < 1e-12


def test_rays_of_vectors_run_from_the_source_through_the_detector():
    for scan in (TILTED, LAMINOGRAPHY):
        for view, row, k in ((0, 2, 7), (1, 6, 0)):
            bin_ = [
                c + (k - 4) * a + (row - 3) * b
                for c, a, b in zip(scan.detectors[view], scan.u[view], scan.v[view], strict=True)
            ]
            assert distance(scan, view, [float(row), float(k)], bin_) < 1e-12
            if scan.sources:
                assert distance(scan, view, [float(row), float(k)], scan.sources[view]) < 1e-12
            else:
                far = [c + 9 * d for c, d in zip(bin_, scan.directions[view], strict=True)]
                assert distance(scan, view, [float(row), float(k)], far) < 1e-12


@pytest.mark.parametrize("scan", [FLAT_FAN, CURVED_FAN], ids=["flat", "curved"])
def test_a_spot_in_an_image_projects_to_where_a_fan_says(scan):
    x, y = -8.0, 11.0
    fine = replace(scan, bins=201, pitch=0.52)
    volume = Volume((60, 60), spacing=(1.0, 0.9), offset=(0.0, -2.0))
    views = RayTransform(volume, fine)(Phantom([GaussianBlob(1.0, 1.5, 1.5, x, y)]).rasterise(volume, **DOUBLE))
    centres = views @ fine.positions() / views.sum(-1)
    assert centres.tolist() == pytest.approx(fan_place(fine, x, y), abs=0.08)


def test_a_spot_in_a_volume_projects_to_where_a_helix_says():
    x, y, z = -8.0, 11.0, 3.0
    fine = replace(HELIX, rows=25, bins=33, pitch=(2.6, 2.8))
    volume = Volume((30, 34, 32), spacing=(1.6, 1.5, 1.4), offset=(0.0, 1.0, -2.0))
    views = RayTransform(volume, fine)(
        Phantom([GaussianBlob3D(1.0, 2.0, 2.0, 2.0, x, y, z)]).rasterise(volume, **DOUBLE)
    )
    mass = views.sum((1, 2))
    places = zip(
        (views.sum(1) @ fine.positions() / mass).tolist(), (views.sum(2) @ fine.heights() / mass).tolist(), strict=True
    )
    for found, expected in zip(places, cone_place(fine, x, y, z), strict=True):
        assert found == pytest.approx(expected, abs=0.15)


def test_a_distant_source_makes_parallel_rays():
    volume, image = plane(32), SPOTS.rasterise(plane(32), **DOUBLE)
    expected = RayTransform(volume, PARALLEL, "joseph")(image)
    apart = []
    for far in (1e4, 1e5):
        for detector in ("flat", "curved"):
            fan = FanBeam(ANGLES, 41, far, far, 1.4, detector, offset=0.6)
            apart.append(float((RayTransform(volume, fan)(image) - expected).abs().max() / expected.max()))
    assert max(apart[:2]) < 1e-2
    assert max(apart[2:]) < 1e-3
    assert apart[0] / apart[2] == pytest.approx(10.0, rel=0.3)
    thick = Volume((12, 12, 12), spacing=4.0)
    cloud = CLOUDS.rasterise(thick, **DOUBLE)
    expected = RayTransform(thick, ParallelBeam3D(ANGLES, 5, 9, (5.0, 6.0), (0.3, -0.4)), "joseph")(cloud)
    cone = RayTransform(thick, ConeBeam(ANGLES, 5, 9, 1e6, 1e6, (5.0, 6.0), (0.3, -0.4)))(cloud)
    torch.testing.assert_close(cone, expected, rtol=0, atol=1e-3 * float(expected.max()))


def test_the_middle_row_of_a_cone_is_a_fan():
    cone = ConeBeam(ANGLES, 5, 21, 120.0, 200.0, (9.0, 4.0), (0.0, 1.7), (0.0, -2.3), 1.1)
    fan = FanBeam(ANGLES, 21, 120.0, 200.0, 4.0, **OFFSETS)
    flat = plane(16)
    thick = Volume((3, *flat.shape), (5.0, *flat.spacing), (0.0, *flat.offset))
    image = torch.rand(thick.shape, generator=torch.Generator().manual_seed(0), **DOUBLE)
    found = RayTransform(thick, cone)(image)[:, 2]
    torch.testing.assert_close(found, RayTransform(flat, fan)(image[1]), rtol=1e-11, atol=1e-11)


def test_rows_of_parallel_rays_are_scans_of_planes():
    scan, flat = ParallelBeam3D(ANGLES, 3, 41, (2.0, 1.4), (2.0, 0.6)), plane(16)
    thick = Volume((5, *flat.shape), (2.0, *flat.spacing), (0.0, *flat.offset))
    image = torch.rand(thick.shape, generator=torch.Generator().manual_seed(0), **DOUBLE)
    found = RayTransform(thick, scan, "joseph")(image)
    for row, layer in enumerate((2, 3, 4)):  # the detector's middle lies a plane above the volume's
        expected = RayTransform(flat, scan.row, "joseph")(image[layer])
        torch.testing.assert_close(found[:, row], expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("scan", [PARALLEL, FLAT_FAN, PARALLEL_3D, CONE, HELIX, TILTED, LAMINOGRAPHY], ids=repr)
def test_vectors_of_a_scan_are_the_scan(scan):
    volume = plane(12) if scan.ndim == 2 else space(8)
    image = torch.rand(volume.shape, generator=torch.Generator().manual_seed(0), **DOUBLE)
    expected = RayTransform(volume, scan, "joseph")(image)
    found = RayTransform(volume, VectorBeam.of(scan), "joseph")(image)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-11)


def test_a_curved_detector_has_the_flat_one_s_middle_ray_and_even_angles():
    flat, curved = (FanBeam(ANGLES, 21, 120.0, 200.0, 6.0, detector) for detector in ("flat", "curved"))
    for ours, theirs in zip(flat.rays(), curved.rays(), strict=True):
        torch.testing.assert_close(ours[:, 10], theirs[:, 10], rtol=0, atol=1e-13)
    directions = curved.rays()[1]
    turns = torch.acos((directions[:, 1:] * directions[:, :-1]).sum(-1))
    torch.testing.assert_close(turns, torch.full_like(turns, 6.0 / 200.0), rtol=1e-9, atol=0)
    reach = 200.0 * math.tan(3 * 6.0 / 200.0)
    outer = FanBeam(ANGLES, 3, 120.0, 200.0, reach).rays()[1]
    torch.testing.assert_close(outer[:, 2], directions[:, 13], rtol=0, atol=1e-13)


def test_a_helix_is_itself_a_pitch_lower_a_turn_before():
    volume = space(10)
    lower = replace(volume, offset=(volume.offset[0] - HELIX.helical_pitch, *volume.offset[1:]))
    image = torch.rand(volume.shape, generator=torch.Generator().manual_seed(0), **DOUBLE)
    before = replace(HELIX, angles=[beta - 2 * math.pi for beta in HELIX.angles])
    torch.testing.assert_close(
        RayTransform(lower, before)(image), RayTransform(volume, HELIX)(image), rtol=1e-10, atol=1e-10
    )


def test_fans_half_a_turn_apart_see_the_middle_ray_from_both_ends():
    fan = FanBeam([0.4, 0.4 + math.pi], 1, 120.0, 200.0)
    image = SPOTS.rasterise(plane(32), **DOUBLE)
    views = RayTransform(plane(32), fan)(image)
    torch.testing.assert_close(views[0], views[1], rtol=1e-11, atol=1e-13)
