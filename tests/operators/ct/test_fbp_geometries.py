"""Filtered backprojection gives back what was scanned, in every geometry, from exact line integrals."""

import math

import pytest
import torch

from recon.operators import (
    CapabilityError,
    ConeBeam,
    FanBeam,
    FilteredBackprojection,
    ParallelBeam,
    ParallelBeam3D,
    RayTransform,
    VectorBeam,
    Volume,
)

VALUE = 0.02  # 1/mm
PLANE = Volume((96, 112), (1.5, 1.3), (1.0, -2.0))
SPACE = Volume((28, 44, 48), (2.1, 2.4, 2.2), (1.0, 2.0, -3.0))


def even(count, degrees=360.0, start=0.0):
    return [start + math.radians(degrees) * a / count for a in range(count)]


def scattered(count, span):
    draw = torch.rand(count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return (span * draw).tolist()


def ball_integrals(geometry, radius, centre):
    """2 v √(r² − h²) for rays that pass the centre at a distance h."""
    points, directions = geometry.rays()
    apart = points - torch.tensor(centre, dtype=torch.float64)
    along = (apart * directions).sum(-1)
    return 2 * VALUE * (radius**2 - apart.square().sum(-1) + along.square()).clamp(min=0).sqrt()


def distances(volume, centre):
    axes = [volume.centres(axis) - c for axis, c in enumerate(centre)]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).norm(dim=-1)


def check(geometry, volume, radius, centre, spread=0.01, outside=1e-3, **options):
    data = ball_integrals(geometry, radius, centre)
    image = FilteredBackprojection(RayTransform(volume, geometry), **options)(data.float())
    distance = distances(volume, centre)
    margin = 2 * max(volume.spacing)
    inside = image[distance < radius - margin]
    assert float(inside.mean()) == pytest.approx(VALUE, rel=2e-3)
    assert float(image.flatten()[distance.argmin()]) == pytest.approx(VALUE, rel=5e-3)
    assert float(inside.std()) < spread * VALUE
    assert abs(float(image[distance > radius + margin].mean())) < outside * VALUE
    return image


def fan(angles, bins=150, detector="flat", **offsets):
    return FanBeam(angles, bins, 300.0, 450.0, 1.8, detector=detector, **offsets)


MOVED = {"offset": 7.0, "source_offset": -5.0, "axis_offset": 4.0}
FANS = {
    "full turn": fan(even(360)),
    "any order, from any start": fan([a + 9.7 for a in even(360)][::-7] + [a + 9.7 for a in even(360)]),
    "random angles": fan(scattered(700, 2 * math.pi)),
    "short scan": fan(even(225, 225, 0.7), 170),
    "random short scan": fan(scattered(500, 4.2), 170),
    "over-scan": fan(even(300, 300, 0.7), 170),
    "almost a turn": fan(even(345, 345, 0.7), 170),
    "half fan": fan(even(360), 100, offset=65.0),
    "half fan, other side, all moved": fan(even(360), 100, offset=-65.0, source_offset=-4.0, axis_offset=3.0),
    "all moved": fan(even(360), 170, **MOVED),
    "short scan, all moved": fan(even(230, 230, 0.7), 180, **MOVED),
    "fine bins": FanBeam(even(360), 450, 300.0, 450.0, 0.6),
    "coarse bins": FanBeam(even(360), 75, 300.0, 450.0, 3.6),
}


@pytest.mark.parametrize("detector", ["flat", "curved"])
@pytest.mark.parametrize("scan", FANS)
def test_fans(scan, detector):
    geometry = FANS[scan]
    curved = FanBeam(
        geometry.angles,
        geometry.bins,
        geometry.source_to_axis,
        geometry.source_to_detector,
        geometry.pitch,
        "curved",
        geometry.offset,
        geometry.source_offset,
        geometry.axis_offset,
    )
    check(geometry if detector == "flat" else curved, PLANE, 55.0, (-8.0, 5.0))


def test_half_a_detector_of_parallel_rays():
    check(ParallelBeam(even(360), 100, 1.2, offset=40.0), PLANE, 55.0, (-8.0, 5.0))


def test_coarse_pixels_get_their_mean():
    check(fan(even(360)), Volume((40, 40), 4.0), 55.0, (-8.0, 5.0))


SPACES = {
    "parallel": ParallelBeam3D(even(180, 180), 60, 110, (1.1, 1.2)),
    "parallel, coarse rows": ParallelBeam3D(even(180, 180), 24, 110, (2.9, 1.2), (0.4, -3.0)),
    "cone": ConeBeam(even(240), 64, 110, 300.0, 450.0, (2.2, 1.9)),
    "cone, all moved": ConeBeam(even(240), 70, 120, 300.0, 450.0, (2.2, 1.9), (3.0, 7.0), (2.0, -5.0), 4.0),
    "cone, short scan": ConeBeam(even(225, 225, 0.7), 64, 120, 300.0, 450.0, (2.2, 1.9)),
    "cone, half fan": ConeBeam(even(240), 64, 70, 300.0, 450.0, (2.2, 1.9), (0.0, 45.0)),
}


@pytest.mark.parametrize("scan", SPACES)
def test_spaces(scan):
    check(SPACES[scan], SPACE, 24.0, (2.0, -5.0, 4.0))


def test_thick_planes_get_the_mean_of_thin_rows():
    """A ball in planes four rows thick: without averaging the rows, planes would be those at their middles."""
    geometry = ParallelBeam3D(even(120, 180), 96, 60, (0.5, 1.2))
    volume = Volume((12, 30, 30), (4.0, 2.0, 2.0))
    data = ball_integrals(geometry, 20.0, (0.0, 0.0, 0.0))
    image = FilteredBackprojection(RayTransform(volume, geometry))(data)
    total = float(image.sum()) * math.prod(volume.spacing)
    assert total == pytest.approx(VALUE * 4 / 3 * math.pi * 20**3, rel=2e-3)


def test_feldkamp_is_exact_for_what_does_not_change_along_z():
    """A cylinder longer than the cone: its integrals are those of the disc over the cosine of the ray's slope."""
    geometry = ConeBeam(even(240), 32, 110, 300.0, 450.0, (2.2, 1.9))
    points, directions = geometry.rays()
    flat, slope = directions[..., 1:], directions[..., 1:].norm(dim=-1, keepdim=True)
    apart, flat = points[..., 1:] - torch.tensor([-5.0, 4.0], dtype=torch.float64), flat / slope
    height = apart.square().sum(-1) - (apart * flat).sum(-1).square()
    data = 2 * VALUE * (30.0**2 - height).clamp(min=0).sqrt() / slope[..., 0]
    volume = Volume((10, 44, 48), (2.0, 2.4, 2.2))
    image = FilteredBackprojection(RayTransform(volume, geometry))(data)
    inside = image[:, distances(volume, (0.0, -5.0, 4.0)).min(0).values < 25]
    assert inside.shape[1] > 300
    assert float((inside - VALUE).abs().max()) < 0.01 * VALUE


def test_distant_sources_see_what_parallel_rays_see():
    radius, centre = 55.0, (-8.0, 5.0)
    beam = ParallelBeam(even(360), 150, 1.2)
    far = FanBeam(even(360), 150, 1e6, 1e6, 1.2)
    images = [
        FilteredBackprojection(RayTransform(PLANE, geometry), "hann")(ball_integrals(geometry, radius, centre))
        for geometry in (beam, far)
    ]
    assert float((images[0] - images[1]).norm() / images[0].norm()) < 5e-3


@pytest.mark.parametrize("detector", ["flat", "curved"])
def test_less_than_a_short_scan_still_counts_every_line_once(detector):
    """Half a turn misses lines, but the middle of the object is seen evenly: its value stays within some percent."""
    geometry = fan(even(181, 181, 0.2), 170, detector)
    data = ball_integrals(geometry, 55.0, (0.0, 0.0))
    image = FilteredBackprojection(RayTransform(PLANE, geometry))(data)
    distance = distances(PLANE, (0.0, 0.0))
    assert float(image[distance < 15].mean()) == pytest.approx(VALUE, rel=0.05)


def test_edges_stand_for_what_a_narrow_detector_misses():
    geometry, centre = fan(even(360), 60), (0.0, 0.0)  # sees 36 of the disc's 55 mm
    volume = Volume((64, 64), 1.0)
    data, distance = ball_integrals(geometry, 55.0, centre), distances(volume, centre)
    zero, edge = (
        FilteredBackprojection(RayTransform(volume, geometry), padding=padding)(data) for padding in ("zero", "edge")
    )
    core = distance < 20
    assert float((zero[core] / VALUE - 1).abs().mean()) > 0.2
    assert float((edge[core] / VALUE - 1).abs().mean()) < 0.1


@pytest.mark.parametrize("geometry", [fan(even(360)), ParallelBeam(even(180, 180), 150, 1.2)])
def test_gains_are_a_filter_of_ones_own(geometry):
    rays = RayTransform(Volume((24, 24), 5.0), geometry)
    data = ball_integrals(geometry, 55.0, (-8.0, 5.0))
    hann = FilteredBackprojection(rays, "hann", 0.6)
    gains = 0.5 + 0.5 * torch.cos(math.pi * torch.linspace(0, 1, 401, dtype=torch.float64))
    own = FilteredBackprojection(rays, gains, 0.6)
    torch.testing.assert_close(own(data), hann(data), rtol=0, atol=1e-5 * VALUE)
    assert float(FilteredBackprojection(rays, [0.0, 0.0])(data).abs().max()) == 0


def test_refusals():
    cone = ConeBeam(even(8), 4, 6, 20.0, 30.0, 1.5)
    with pytest.raises(
        CapabilityError, match=r"^FilteredBackprojection has no formula for VectorBeam; solve with an it"
    ):
        FilteredBackprojection(RayTransform(Volume((4, 6, 6)), VectorBeam.of(cone)))
    with pytest.raises(CapabilityError, match=r"needs a full turn where the detector is displaced"):
        FilteredBackprojection(RayTransform(PLANE, fan(even(225, 225), 100, offset=65.0)))
    rays = RayTransform(Volume((4, 5)), fan(even(5)))
    with pytest.raises(ValueError, match=r"^FilteredBackprojection expects padding 'zero' or 'edge', got 'mirror'.$"):
        FilteredBackprojection(rays, padding="mirror")
    for gains in ([1.0], [1.0, math.nan]):
        with pytest.raises(ValueError, match=r"^FilteredBackprojection expects at least two finite gains"):
            FilteredBackprojection(rays, gains)
    with pytest.raises(TypeError, match=r"^FilteredBackprojection expects a filter's name or its gains"):
        FilteredBackprojection(rays, 3)


TRANSPOSED = {
    "fan": (Volume((40, 33), (2.9, 3.6), (2, 1)), fan(even(230, 230, 0.7), 90, **MOVED), "hamming", "zero"),
    "curved half fan": (
        Volume((40, 33), 3.0),
        fan(even(50), 60, "curved", offset=40.0, source_offset=3.0),
        "hann",
        "edge",
    ),
    "cone": (Volume((9, 20, 18), 4.0), ConeBeam(even(40), 20, 40, 300.0, 450.0, 3.5, (2.0, 3.0)), "ram-lak", "edge"),
    "helix": (
        Volume((9, 20, 18), 4.0),
        ConeBeam([0.2 * a for a in range(-45, 46)], 20, 40, 300.0, 450.0, 3.5, (2.0, 3.0), helical_pitch=30.0),
        "cosine",
        "zero",
    ),
    "parallel in space": (Volume((9, 20, 18), 4.0), ParallelBeam3D(even(40, 180), 20, 40, 3.0), "shepp-logan", "zero"),
}


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
@pytest.mark.parametrize("scan", TRANSPOSED)
def test_the_adjoint_is_the_transpose(scan, dtype, tolerance):
    volume, geometry, window, padding = TRANSPOSED[scan]
    operator = FilteredBackprojection(RayTransform(volume, geometry), window, 0.9, padding)
    norm, generator = operator.norm(), torch.Generator().manual_seed(0)
    for draw in (torch.randn, torch.rand):
        y = draw(operator.domain_shape, generator=generator, dtype=dtype)
        x = draw(operator.range_shape, generator=generator, dtype=dtype)
        gap = (operator(y).double() * x).sum() - (y * operator.adjoint(x).double()).sum()
        assert abs(float(gap)) <= tolerance * norm * float(x.double().norm() * y.double().norm())


def test_a_filter_can_be_learnt_through_it():
    """Gradients of a loss on the image reach the views, to second order."""
    operator = FilteredBackprojection(RayTransform(Volume((4, 5), 20.0), fan(even(7), 12)))
    y = torch.randn(2, 7, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert torch.autograd.gradcheck(operator, y, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda t: operator(t).square(), y)
