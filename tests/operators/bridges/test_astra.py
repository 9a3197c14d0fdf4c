"""ASTRA's geometries: conventions written out, both ways, and against ASTRA's own projections."""

import math

import numpy as np
import pytest
import torch

from recon.operators import (
    ConeBeam,
    FanBeam,
    ParallelBeam,
    ParallelBeam3D,
    RayTransform,
    VectorBeam,
    Volume,
    from_astra,
    to_astra,
)
from recon.phantoms import GaussianBlob, Phantom

ANGLES = np.array([0.3, -0.8, 2.2, 4.0])
WINDOW = {"WindowMinX": -14.0, "WindowMaxX": 16.0, "WindowMinY": -13.0, "WindowMaxY": 7.0}
FLAT = {"GridRowCount": 40, "GridColCount": 50, "option": WINDOW}
THICK = {
    "GridSliceCount": 6,
    "GridRowCount": 8,
    "GridColCount": 10,
    "option": {**WINDOW, "WindowMinZ": 1.0, "WindowMaxZ": 4.0},
}
PARALLEL = {"type": "parallel", "DetectorWidth": 0.9, "DetectorCount": 5, "ProjectionAngles": ANGLES}
FAN = {
    "type": "fanflat",
    "DetectorWidth": 0.9,
    "DetectorCount": 5,
    "ProjectionAngles": ANGLES,
    "DistanceOriginSource": 60.0,
    "DistanceOriginDetector": 25.0,
}
PANEL = {"DetectorSpacingX": 0.9, "DetectorSpacingY": 1.2, "DetectorRowCount": 3, "DetectorColCount": 5}
PARALLEL_3D = {"type": "parallel3d", **PANEL, "ProjectionAngles": ANGLES}
CONE = {
    "type": "cone",
    **PANEL,
    "ProjectionAngles": ANGLES,
    "DistanceOriginSource": 60.0,
    "DistanceOriginDetector": 25.0,
}


def astra_rays(proj):
    """Two points on every ray in ASTRA's coordinates (x, y) or (x, y, z), from its documentation."""
    distances = proj.get("DistanceOriginSource"), proj.get("DistanceOriginDetector")
    columns = np.arange(5) - 2.0
    for theta in proj["ProjectionAngles"]:
        c, s = math.cos(theta), math.sin(theta)
        for v in (-1.2, 0.0, 1.2) if "DetectorRowCount" in proj else (0.0,):
            for t in 0.9 * columns:
                if distances[0] is None:
                    one, two = (t * c + 7 * s, t * s - 7 * c, v), (t * c, t * s, v)
                else:
                    one = (distances[0] * s, -distances[0] * c, 0.0)
                    two = (t * c - distances[1] * s, t * s + distances[1] * c, v)
                yield one, two


@pytest.mark.parametrize(
    ("proj", "vol", "flip", "kind"),
    [
        (PARALLEL, FLAT, False, ParallelBeam),
        (PARALLEL, FLAT, True, ParallelBeam),
        (FAN, FLAT, False, VectorBeam),
        (FAN, FLAT, True, FanBeam),
        (PARALLEL_3D, THICK, False, ParallelBeam3D),
        (CONE, THICK, False, ConeBeam),
    ],
)
def test_rays_run_through_the_points_that_astra_documents(proj, vol, flip, kind):
    geometry, volume = from_astra(proj, vol, flip_rows=flip)
    assert type(geometry) is kind
    upwards = -1.0 if volume.ndim == 2 and not flip else 1.0
    points, directions = (part.flatten(0, -2) for part in geometry.rays())
    for point, direction, ends in zip(points, directions, astra_rays(proj), strict=True):
        ends = torch.tensor(ends, dtype=torch.float64)[:, : volume.ndim].flip(1)
        ends[:, -2] *= upwards
        for end in ends:
            beside = (end - point) - (end - point) @ direction * direction
            assert float(beside.norm()) < 1e-12
        along = (ends[1] - ends[0]) @ direction
        assert kind in (ParallelBeam, ParallelBeam3D) or float(along) > 0


def test_windows_and_row_directions():
    volume = from_astra(PARALLEL, FLAT)[1]
    assert volume == Volume((40, 50), spacing=(0.5, 0.6), offset=(3.0, 1.0))  # row 0 has ASTRA's largest y, 7
    assert from_astra(PARALLEL, FLAT, flip_rows=True)[1] == Volume((40, 50), spacing=(0.5, 0.6), offset=(-3.0, 1.0))
    assert from_astra(CONE, THICK)[1] == Volume((6, 8, 10), spacing=(0.5, 2.5, 3.0), offset=(2.5, -3.0, 1.0))
    bare = {"GridRowCount": 4, "GridColCount": 6}
    assert from_astra(PARALLEL, bare)[1] == Volume((4, 6))


def test_names_carry_the_same_numbers():
    assert from_astra(PARALLEL, FLAT)[0] == ParallelBeam(-ANGLES, 5, 0.9)
    assert from_astra(PARALLEL, FLAT, flip_rows=True)[0] == ParallelBeam(ANGLES, 5, 0.9)
    fan = from_astra(FAN, FLAT, flip_rows=True)[0]
    assert (fan.angles, fan.offset, fan.axis_offset) == (tuple(ANGLES), 0.0, 0.0)
    assert (fan.source_to_axis, fan.source_to_detector, fan.pitch) == pytest.approx((60.0, 85.0, 0.9))
    assert from_astra(PARALLEL_3D, THICK)[0] == ParallelBeam3D(ANGLES, 3, 5, (1.2, 0.9))
    cone = from_astra(CONE, THICK)[0]
    assert (cone.angles, cone.offset, cone.source_offset) == (tuple(ANGLES), (0.0, 0.0), (0.0, 0.0))
    assert (cone.source_to_axis, cone.source_to_detector) == pytest.approx((60.0, 85.0))


SCANS = [
    (ParallelBeam(ANGLES, 5, 0.9), "parallel", "parallel"),
    (ParallelBeam(ANGLES, 5, 0.9, 0.3), "parallel_vec", "parallel_vec"),
    (FanBeam(ANGLES, 5, 60.0, 85.0, 0.9), "fanflat_vec", "fanflat"),
    (
        FanBeam(ANGLES, 5, 60.0, 85.0, 0.9, offset=0.4, source_offset=-0.7, axis_offset=0.2),
        "fanflat_vec",
        "fanflat_vec",
    ),
    (VectorBeam([(9.0, 1.0)], [(0.4, 0.8)], 9, directions=[(3.0, 0.5)]), "parallel_vec", "parallel_vec"),
    (ParallelBeam3D(ANGLES, 3, 5, (1.2, 0.9)), "parallel3d", None),
    (ParallelBeam3D(ANGLES, 3, 5, (1.2, 0.9), (0.2, -0.3)), "parallel3d_vec", None),
    (ConeBeam(ANGLES, 3, 5, 60.0, 85.0, (1.2, 0.9)), "cone", None),
    (ConeBeam(ANGLES, 3, 5, 60.0, 85.0, (1.2, 0.9), (0.2, -0.3), (0.5, 0.4), 0.7, 4.0), "cone_vec", None),
    (
        VectorBeam([(1.0, 60, 2)], [(0.2, 0.1, 1.3)], 9, sources=[(2.0, -40, 1)], v=[(1.2, 0.0, 0.3)], rows=5),
        "cone_vec",
        None,
    ),
]


@pytest.mark.parametrize(("scan", "kind", "flipped"), SCANS)
def test_there_and_back_is_the_same_scan(scan, kind, flipped):
    volume = Volume(
        (6, 8, 10)[-scan.ndim :], spacing=(0.5, 2.5, 3.0)[-scan.ndim :], offset=(1.0, -2.0, 3.0)[-scan.ndim :]
    )
    for flip, name in ((False, kind), (True, flipped)):
        if name is None:
            continue
        proj, vol = to_astra(scan, volume, flip_rows=flip)
        assert proj["type"] == name
        again, same = from_astra(proj, vol, flip_rows=flip)
        assert same == volume
        (points, directions), (others, along) = scan.rays(), again.rays()
        between = points - others
        sign = (directions * along).sum(-1, keepdim=True).sign() if "parallel" in name else 1.0
        torch.testing.assert_close(directions, sign * along, rtol=0, atol=1e-12)
        beside = between - (between * along).sum(-1, keepdim=True) * along
        torch.testing.assert_close(beside, torch.zeros_like(beside), rtol=0, atol=1e-11)


def test_refuses_in_one_sentence():
    with pytest.raises(
        ValueError, match=r"^from_astra expects a projection geometry of type parallel, .*'cyl_cone_vec'"
    ):
        from_astra({"type": "cyl_cone_vec"}, FLAT)
    with pytest.raises(ValueError, match=r"^from_astra expects DetectorWidth in ASTRA's geometry, got type"):
        from_astra({key: value for key, value in PARALLEL.items() if key != "DetectorWidth"}, FLAT)
    with pytest.raises(ValueError, match=r"^from_astra expects GridSliceCount"):
        from_astra(CONE, FLAT)
    with pytest.raises(ValueError, match=r"^from_astra expects 12 numbers a view in Vectors, got shape \(4, 6\)"):
        from_astra({"type": "cone_vec", **PANEL, "Vectors": np.ones((4, 6))}, THICK)
    with pytest.raises(ValueError, match=r"^from_astra flips rows in two dimensions only"):
        from_astra(CONE, THICK, flip_rows=True)
    with pytest.raises(ValueError, match=r"^to_astra expects a volume of 2 axes, got \(2, 2, 2\)"):
        to_astra(ParallelBeam([0.0], 3), Volume((2, 2, 2)))
    with pytest.raises(ValueError, match=r"^to_astra expects a flat detector"):
        to_astra(FanBeam([0.0], 3, 4.0, 6.0, detector="curved"), Volume((2, 2)))


def test_vectors_are_those_of_astra():
    functions = pytest.importorskip("astra.functions")
    for proj, vol in ((PARALLEL, FLAT), (FAN, FLAT), (PARALLEL_3D, THICK), (CONE, THICK)):
        theirs = functions.geom_2vec(proj)
        for flip in (False, True)[: 2 if vol is FLAT else 1]:
            geometry, volume = from_astra(theirs, vol, flip_rows=flip)
            beam = VectorBeam.of(geometry)
            ours = to_astra(beam, volume, flip_rows=flip)[0]
            assert ours["type"] == theirs["type"]
            expected = theirs["Vectors"].copy()
            if "parallel" in theirs["type"]:  # parallel rays have no direction
                ray = expected[:, : volume.ndim]
                ray *= np.sign((ray * ours["Vectors"][:, : volume.ndim]).sum(1, keepdims=True))
            assert ours["Vectors"] == pytest.approx(expected, abs=1e-12)


def astra_projections(proj, vol, image, kind):
    astra = pytest.importorskip("astra")
    projector = astra.create_projector(kind, proj, vol)
    number, sinogram = astra.create_sino(np.ascontiguousarray(image, dtype=np.float32), projector)
    astra.data2d.delete(number)
    astra.projector.delete(projector)
    return torch.from_numpy(sinogram.astype(np.float64))


SMOOTH = Phantom([GaussianBlob(1.0, 3.0, 2.0, 3.0, -1.5, 0.4), GaussianBlob(0.7, 2.5, 1.5, -4.5, 2.0)])
TURN = np.linspace(0.1, 6.1, 9)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("shift", [0.0, 2.3])
def test_astra_projects_parallel_rays_to_the_same_numbers(flip, shift):
    functions = pytest.importorskip("astra.functions")
    proj = {"type": "parallel", "DetectorWidth": 0.45, "DetectorCount": 81, "ProjectionAngles": TURN}
    proj = functions.geom_postalignment(proj, shift) if shift else proj
    option = {"WindowMinX": -15.5, "WindowMaxX": 19.5, "WindowMinY": -17.0, "WindowMaxY": 13.0}
    vol = {"GridRowCount": 60, "GridColCount": 70, "option": option}
    geometry, volume = from_astra(proj, vol, flip_rows=flip)
    assert isinstance(geometry, ParallelBeam)
    image = SMOOTH.rasterise(volume)
    theirs = astra_projections(proj, vol, image.flip(0) if flip else image, "linear")
    ours = RayTransform(volume, geometry, "joseph")(image).double()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-5 * float(theirs.max()))
    back = to_astra(geometry, volume, flip_rows=flip)
    again = astra_projections(*back, image.flip(0) if flip else image, "linear")
    torch.testing.assert_close(again, theirs, rtol=0, atol=2e-5 * float(theirs.max()))


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("shift", [0.0, 2.3])
def test_astra_projects_fans_to_the_analytic_integrals(flip, shift):
    functions = pytest.importorskip("astra.functions")
    proj = {**FAN, "DetectorWidth": 0.7, "DetectorCount": 81, "ProjectionAngles": TURN}
    proj = functions.geom_postalignment(proj, shift) if shift else proj
    option = {"WindowMinX": -15.5, "WindowMaxX": 16.5, "WindowMinY": -17.0, "WindowMaxY": 15.0}
    vol = {"GridRowCount": 256, "GridColCount": 256, "option": option}
    geometry, volume = from_astra(proj, vol, flip_rows=flip)
    image, exact = SMOOTH.rasterise(volume), SMOOTH.line_integrals(geometry, dtype=torch.float64)
    image = image.flip(0) if flip else image
    theirs = astra_projections(proj, vol, image, "line_fanflat")
    assert float((theirs - exact).norm() / exact.norm()) < 2e-3
    back = to_astra(geometry, volume, flip_rows=flip)
    again = astra_projections(*back, image, "line_fanflat")
    torch.testing.assert_close(again, theirs, rtol=0, atol=1e-3 * float(theirs.max()))
