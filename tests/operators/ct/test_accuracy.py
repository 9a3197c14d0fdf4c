"""Projections against analytic line integrals."""

import math
from dataclasses import replace

import pytest
import torch

from recon.operators import ConeBeam, FanBeam, ParallelBeam, ParallelBeam3D, RayTransform, VectorBeam, Volume
from recon.phantoms import (
    Ellipse,
    Ellipsoid,
    GaussianBlob,
    GaussianBlob3D,
    Phantom,
    shepp_logan,
)

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
PLANE_SCANS = {
    "shear": (ParallelBeam(ANGLES, 41, 1.4, 0.6), "shear"),
    "joseph": (ParallelBeam(ANGLES, 41, 1.4, 0.6), "joseph"),
    "flat fan": (FLAT_FAN, "joseph"),
    "curved fan": (CURVED_FAN, "joseph"),
    "vectors": (
        VectorBeam([(70.0, 5.0), (9.0, 80.0)], [(0.4, 2.3), (2.1, -0.6)], 41, [(-99.0, 3.0), (4.0, -90.0)]),
        "auto",
    ),
}
SPACE_SCANS = {
    "parallel": ParallelBeam3D(ANGLES[::3], 7, 9, (6.0, 7.0), (0.7, -0.9)),
    "cone": CONE,
    "helix": HELIX,
    "tilted cone": TILTED,
    "laminography": LAMINOGRAPHY,
}


def plane(n):
    """60 × 50 mm in pixels that are not square, about a place that is not the axis."""
    return Volume((n, n + n // 4), spacing=(60 / n, 50 / (n + n // 4)), offset=(2.0, -3.0))


def space(n):
    return Volume(
        (n, n + n // 4, n - n // 4), spacing=(56 / n, 60 / (n + n // 4), 54 / (n - n // 4)), offset=(1.5, 2.0, -3.0)
    )


SPOTS = Phantom([GaussianBlob(0.03, 4.0, 3.0, -7.0, 5.0, 0.5), GaussianBlob(-0.01, 3.0, 3.5, 5.0, -6.0)])
DISCS = Phantom([Ellipse(0.03, 17.0, 14.0, -3.0, 2.0, 0.5), Ellipse(-0.01, 5.0, 4.0, 3.0, -6.0)])
CLOUDS = Phantom(
    [GaussianBlob3D(0.03, 5.0, 4.5, 6.0, -5.0, 4.0, 2.0, 0.5, 0.4), GaussianBlob3D(0.02, 4.0, 4.0, 4.0, 4.0, -5.0)]
)
BALLS = Phantom(
    [Ellipsoid(0.03, 17.0, 13.0, 15.0, -3.0, 2.0, 1.0, 0.5, 0.4), Ellipsoid(-0.01, 5.0, 6.0, 7.0, 3.0, -6.0)]
)


def error(phantom, volume, scan, model="joseph", samples=None):
    """Relative error in L2 of the projections of an image of pixel means, or with samples=1 of values at centres."""
    exact = phantom.line_integrals(scan, **DOUBLE)
    found = RayTransform(volume, scan, model)(phantom.rasterise(volume, samples, **DOUBLE))
    return float((found - exact).norm() / exact.norm())


def order(errors):
    """The mean order of convergence over halvings of the pixel."""
    return math.log2(errors[0] / errors[-1]) / (len(errors) - 1)


@pytest.mark.parametrize("name", PLANE_SCANS)
def test_smooth_objects_in_the_plane_are_met_to_second_order(name):
    scan, model = PLANE_SCANS[name]
    errors = [error(SPOTS, plane(n), scan, model, samples=1) for n in (24, 48, 96)]
    assert errors[-1] < 3e-3
    assert 1.85 < order(errors) < 2.6


@pytest.mark.parametrize("name", SPACE_SCANS)
def test_smooth_objects_in_space_are_met_to_second_order(name):
    errors = [error(CLOUDS, space(n), SPACE_SCANS[name], samples=1) for n in (16, 32, 64)]
    assert errors[-1] < 6e-3
    assert 1.7 < order(errors) < 2.6


@pytest.mark.parametrize("name", PLANE_SCANS)
def test_sharp_objects_in_the_plane_are_met_to_first_order(name):
    scan, model = PLANE_SCANS[name]
    errors = [error(DISCS, plane(n), scan, model) for n in (16, 32, 64, 128)]
    assert errors[-1] < 1.8e-2
    assert 0.65 < order(errors) < 1.5


@pytest.mark.parametrize("name", SPACE_SCANS)
def test_sharp_objects_in_space_are_met_to_first_order(name):
    errors = [error(BALLS, space(n), SPACE_SCANS[name]) for n in (8, 16, 32, 64)]
    assert errors[-1] < 4e-2
    assert 0.8 < order(errors) < 1.7


@pytest.mark.parametrize("name", PLANE_SCANS)
def test_integrals_have_no_unit(name):
    scan, model = PLANE_SCANS[name]
    volume, image = plane(16), SPOTS.rasterise(plane(16), **DOUBLE)
    larger = Volume(volume.shape, [7 * s for s in volume.spacing], [7 * c for c in volume.offset])
    if isinstance(scan, VectorBeam):
        scaled = replace(
            scan, **{name: 7 * torch.tensor(getattr(scan, name), **DOUBLE) for name in ("detectors", "u", "sources")}
        )
    else:
        lengths = {"pitch", "offset", "source_to_axis", "source_to_detector", "source_offset", "axis_offset"}
        scaled = replace(scan, **{name: 7 * getattr(scan, name) for name in lengths & set(scan.__dataclass_fields__)})
    found = RayTransform(larger, scaled, model)(image / 7)
    torch.testing.assert_close(found, RayTransform(volume, scan, model)(image), rtol=1e-11, atol=1e-13)


@pytest.mark.slow
def test_joseph_is_as_accurate_as_that_of_astra_and_shear_nearly():
    astra = pytest.importorskip("astra")
    head, volume = shepp_logan(230.0), Volume((512, 512))
    beam = ParallelBeam([math.pi * a / 180 for a in range(180)], 729)
    projector = astra.create_projector(
        "linear",
        astra.create_proj_geom("parallel", 1.0, beam.bins, -torch.tensor(beam.angles).numpy()),
        astra.create_vol_geom(512, 512),
    )
    exact, image = head.line_integrals(beam, **DOUBLE), head.rasterise(volume)
    number, theirs = astra.create_sino(image.numpy(), projector)
    astra.data2d.delete(number)
    astra.projector.delete(projector)
    joseph, shear = RayTransform(volume, beam, "joseph"), RayTransform(volume, beam, "shear")
    parts = [joseph.subset(range(first, first + 20))(image) for first in range(0, 180, 20)]
    errors = {
        name: float((found.double() - exact).norm() / exact.norm())
        for name, found in (("astra", torch.from_numpy(theirs)), ("joseph", torch.cat(parts)), ("shear", shear(image)))
    }
    assert errors["joseph"] < 1.01 * errors["astra"]
    assert errors["shear"] < 1.12 * errors["joseph"]
