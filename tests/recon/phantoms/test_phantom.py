"""Shapes of every kind: values, line integrals in every geometry, and images."""

import math
import pickle

import pytest
import torch

import recon.phantoms.phantom as phantom_module
from recon.operators import ConeBeam, FanBeam, ParallelBeam, ParallelBeam3D, VectorBeam, Volume
from recon.phantoms import (
    Box,
    Ellipse,
    Ellipsoid,
    GaussianBlob,
    GaussianBlob3D,
    Phantom,
    Rectangle,
    ball,
    disc,
    shepp_logan,
    shepp_logan_3d,
)

DOUBLE = {"dtype": torch.float64}
PLANE = (2.0, 3.0, 1.2, 0.5, -0.7, 0.4)
SPACE = (2.0, 3.0, 1.2, 2.1, 0.5, -0.7, 0.3, 0.4, -0.9, 1.1)
FLAT = [Ellipse(*PLANE), Rectangle(*PLANE), GaussianBlob(*PLANE)]
THICK = [Ellipsoid(*SPACE), Box(*SPACE), GaussianBlob3D(*SPACE)]
ANGLES = [0.0, 0.4, math.pi / 2, 3.0, -1.2]
SCANS = [
    ParallelBeam(ANGLES, 9, 0.9, 0.2),
    FanBeam(ANGLES, 9, 40.0, 60.0, 1.4, offset=0.3, source_offset=-0.8, axis_offset=0.6),
    FanBeam(ANGLES, 9, 40.0, 60.0, 1.4, detector="curved", offset=0.3, source_offset=-0.8, axis_offset=0.6),
    VectorBeam([(9.0, 1.0)], [(0.4, 0.8)], 9, directions=[(3.0, 0.5)]),
    ParallelBeam3D(ANGLES, 5, 9, 0.9, (0.3, -0.2)),
    ConeBeam(ANGLES, 5, 9, 40.0, 60.0, 1.4, (0.3, -0.2), (0.4, 0.5), 0.6, 3.0),
    VectorBeam([(1.0, 60.0, 2.0)], [(0.2, 0.1, 1.3)], 9, sources=[(2.0, -40.0, 1.0)], v=[(1.2, 0.0, 0.3)], rows=5),
]


def written_out(kind, parameters, point):
    """The function as its formula says, from single numbers."""
    if len(point) == 2:
        value, a, b, x, y, phi = parameters
        dy, dx = point[0] - y, point[1] - x
        own = ((dx * math.cos(phi) + dy * math.sin(phi)) / a, (dy * math.cos(phi) - dx * math.sin(phi)) / b)
    else:
        value, *sizes, x, y, z, phi, theta, psi = parameters
        q = [point[2] - x, point[1] - y, point[0] - z]
        for (i, j), angle in (((0, 1), phi), ((1, 2), theta), ((0, 1), psi)):  # turned back, the last rotation first
            c, s = math.cos(angle), math.sin(angle)
            q[i], q[j] = c * q[i] + s * q[j], c * q[j] - s * q[i]
        own = [length / size for length, size in zip(q, sizes, strict=True)]
    if kind in (GaussianBlob, GaussianBlob3D):
        return value * math.exp(-sum(t * t for t in own) / 2)
    norm = math.hypot(*own) if kind in (Ellipse, Ellipsoid) else max(map(abs, own))
    return value if norm <= 1 else 0.0


@pytest.mark.parametrize("shape", FLAT + THICK, ids=lambda shape: type(shape).__name__)
def test_values_are_those_of_the_formula(shape):
    points = 4 * torch.rand(400, shape.ndim, generator=torch.Generator().manual_seed(0), **DOUBLE) - 2
    parameters = PLANE if shape.ndim == 2 else SPACE
    expected = [written_out(type(shape), parameters, point) for point in points.tolist()]
    assert len(set(expected)) > 1
    torch.testing.assert_close(shape.values(points), torch.tensor(expected, **DOUBLE))


@pytest.mark.parametrize("scan", SCANS, ids=lambda scan: f"{type(scan).__name__}{scan.ndim}")
def test_line_integrals_are_sums_along_the_rays(scan):
    for shape in FLAT if scan.ndim == 2 else THICK:
        points, directions = scan.rays()
        middle = points - (points * directions).sum(-1, keepdim=True) * directions
        solid = not isinstance(shape, GaussianBlob | GaussianBlob3D)
        reach, count = (8.0, 2000) if solid else (30.0, 150)
        step = 2 * reach / count
        total = torch.zeros(scan.shape, **DOUBLE)
        for n in range(count):
            total += step * shape.values(middle + ((n + 0.5) * step - reach) * directions)
        exact = shape.line_integrals(scan)
        assert float(exact.max()) > 1.0
        torch.testing.assert_close(exact, total, rtol=0, atol=2 * 2.0 * step if solid else 1e-12)


def test_chords_along_faces_and_beside_them():
    square = Rectangle(0.5, a=2.0, b=1.0)
    assert square.line_integrals(ParallelBeam([0.0], bins=5)).tolist() == [[1.0, 1.0, 1.0, 1.0, 1.0]]
    chords = square.line_integrals(ParallelBeam([0.0, math.pi / 2, math.pi / 4], bins=5, offset=0.25))
    assert chords[0].tolist() == pytest.approx([1.0, 1.0, 1.0, 1.0, 0.0])
    assert chords[1].tolist() == pytest.approx([0.0, 2.0, 2.0, 0.0, 0.0])
    corner = [3 / math.sqrt(2) - abs(s) for s in (-1.75, -0.75, 0.25, 1.25, 2.25)]  # 45° cuts 1/√2 .. 3/√2 from it
    assert chords[2].tolist() == pytest.approx([min(math.sqrt(2), max(0.0, c)) for c in corner])
    outside = torch.tensor([[2.5, 0.0], [0.0, 2.5]], **DOUBLE)
    along = torch.tensor([[0.0, 1.0], [1.0, 0.0]], **DOUBLE)
    assert square.integrals(outside, along).tolist() == [0.0, 0.0]


def test_distant_sources_lose_no_digits():
    near = FanBeam(ANGLES, 9, 40.0, 60.0)
    points, directions = near.rays()
    for shape in FLAT[::2]:
        moved = shape.integrals(points - 1e7 * directions, directions)
        torch.testing.assert_close(moved, shape.integrals(points, directions), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(
    ("shape", "mass"),
    [
        (Ellipsoid(*SPACE), 2.0 * 4 / 3 * math.pi * 3.0 * 1.2 * 2.1),
        (Box(*SPACE), 2.0 * 8 * 3.0 * 1.2 * 2.1),
        (GaussianBlob3D(2.0, 0.5, 0.3, 0.4, *SPACE[4:]), 2.0 * (2 * math.pi) ** 1.5 * 0.06),
    ],
)
def test_images_and_projections_keep_mass_and_place(shape, mass):
    volume = Volume((20, 24, 26), spacing=(0.45, 0.4, 0.38), offset=(0.2, -0.5, 0.4))
    image = Phantom([shape]).rasterise(volume, **DOUBLE)
    assert float(image.sum()) * 0.45 * 0.4 * 0.38 == pytest.approx(mass, rel=2e-3)
    for axis, place in enumerate((0.3, -0.7, 0.5)):
        centre = image.sum([other for other in range(3) if other != axis]) @ volume.centres(axis) / image.sum()
        assert float(centre) == pytest.approx(place, abs=5e-3)
    scan = ParallelBeam3D([0.2, 1.3], 90, 90, 0.1, (0.3, 0.1))
    masses = Phantom([shape]).line_integrals(scan, **DOUBLE).sum((1, 2)) * 0.01
    torch.testing.assert_close(masses, torch.full((2,), mass, **DOUBLE), rtol=3e-3, atol=0)


@pytest.mark.parametrize("ndim", [2, 3])
def test_smooth_pixels_are_exact_means(ndim):
    volume = Volume((5, 6, 4)[:ndim], spacing=(0.7, 0.9, 0.5)[:ndim], offset=0.1)
    sizes = (0.8, 1.1, 0.9)[:ndim]
    shape = (GaussianBlob if ndim == 2 else GaussianBlob3D)(1.5, *sizes, 0.2, -0.3)
    image = Phantom([shape]).rasterise(volume, samples=16, **DOUBLE)
    expected = torch.tensor(1.5, **DOUBLE)
    for axis, (sigma, place) in enumerate(zip(sizes[::-1], (0.0, -0.3, 0.2)[-ndim:], strict=True)):
        h, t = volume.spacing[axis], volume.centres(axis) - place
        ends = [torch.erf((t + end * h) / (math.sqrt(2) * sigma)) for end in (0.5, -0.5)]
        means = sigma * math.sqrt(math.pi / 2) * (ends[0] - ends[1]) / h
        expected = expected[..., None] * means
    torch.testing.assert_close(image, expected, rtol=1e-11, atol=1e-13)
    centres = Phantom([shape]).rasterise(volume, samples=1, **DOUBLE)
    grid = torch.stack(torch.meshgrid(*map(volume.centres, range(ndim)), indexing="ij"), -1)
    torch.testing.assert_close(centres, shape.values(grid))


def test_large_volumes_and_scans_are_made_in_parts(monkeypatch):
    head, volume = shepp_logan_3d(8.0, 0.02), Volume((16, 12, 14), spacing=(1.1, 1.3, 1.2), offset=(0.3, 0.1, 0.2))
    scan = ConeBeam([0.1 * a for a in range(7)], 4, 6, 40.0, 60.0, 2.0)
    whole = head.rasterise(volume, **DOUBLE), head.line_integrals(scan, 2, **DOUBLE)
    monkeypatch.setattr(phantom_module, "PIXELS_AT_ONCE", 500)
    monkeypatch.setattr(phantom_module, "RAYS_AT_ONCE", 200)
    torch.testing.assert_close(head.rasterise(volume, **DOUBLE), whole[0], rtol=0, atol=1e-4 * 0.02)
    torch.testing.assert_close(head.line_integrals(scan, 2, **DOUBLE), whole[1], rtol=0, atol=0)


@pytest.mark.parametrize("scan", SCANS, ids=lambda scan: f"{type(scan).__name__}{scan.ndim}")
def test_bins_are_averaged_over_the_rays_between_their_edges(scan):
    thing = Phantom(FLAT if scan.ndim == 2 else THICK)
    samples = 3 if scan.ndim == 2 else (2, 3)
    frames, total = scan.frames(), torch.zeros(scan.shape, **DOUBLE)
    rows = [0.0] if scan.ndim == 2 else [-0.25, 0.25]
    for row in rows:
        for place in (-1 / 3, 0.0, 1 / 3):
            indices = [torch.arange(size, **DOUBLE) for size in scan.shape[1:]]
            indices[-1] += place
            indices[0] = indices[0] + row if scan.ndim == 3 else indices[0]
            points, directions = frames.at(*indices)
            total += sum(shape.integrals(points, directions) for shape in thing.shapes) / (3 * len(rows))
    torch.testing.assert_close(thing.line_integrals(scan, samples, **DOUBLE), total)


def test_kinds_mix_and_travel():
    thing = Phantom([Ellipse(1.0, 2.0, 1.0), Rectangle(-0.5, 0.5, 0.5), GaussianBlob(0.3, 0.4, 0.4, 3.0)])
    scan = FanBeam(ANGLES, 9, 40.0, 60.0, 1.4)
    parts = sum(shape.line_integrals(scan) for shape in thing.shapes)
    torch.testing.assert_close(thing.line_integrals(scan, **DOUBLE), parts)
    assert pickle.loads(pickle.dumps(thing)) == thing
    assert hash(thing) == hash(Phantom(thing.shapes))


def test_head_in_space_has_the_published_places():
    image = shepp_logan_3d(64.0, value=0.1).rasterise(Volume((128, 128, 128)), samples=1, **DOUBLE)

    def at(x, y, z):
        return float(image[round(63.5 + 64 * z), round(63.5 - 64 * y), round(63.5 + 64 * x)])

    assert at(0.0, 0.9, 0.0) == pytest.approx(0.1)  # skull
    assert at(0.0, -0.4, 0.0) == pytest.approx(0.02)  # brain
    assert at(0.22, 0.0, 0.0) == pytest.approx(0.0)  # ventricles
    assert at(-0.22, 0.0, 0.0) == pytest.approx(0.0)
    assert at(0.0, 0.35, -0.15) == pytest.approx(0.03)
    assert at(0.0, 0.35, 0.3) == pytest.approx(0.02)  # above that blob
    assert at(0.0, 0.1, 0.25) == pytest.approx(0.03)
    assert at(0.0, 0.1, -0.25) == pytest.approx(0.02)
    assert at(0.0, -0.606, 0.0) == pytest.approx(0.03)
    assert float(image[0].abs().max()) == 0.0
    right = math.radians(90 - 18 + 10)  # the long axis of the right ventricle, from x to y upwards
    assert at(0.22 + 0.28 * math.cos(right), 0.28 * math.sin(right), 0.0) == pytest.approx(0.0)
    assert at(0.22 + 0.28 * math.cos(right - 0.45), 0.28 * math.sin(right - 0.45), 0.0) == pytest.approx(0.02)


def test_ball_and_disc_have_round_shadows():
    view = ball(3.0, 0.1, x=0.5, y=-1.0, z=0.7).line_integrals(ParallelBeam3D([0.3], 3, 3, 1.5), **DOUBLE)[0]
    s0 = 0.5 * math.cos(0.3) - math.sin(0.3)
    for row, z in enumerate((-1.5, 0.0, 1.5)):
        expected = [0.2 * math.sqrt(max(0.0, 9 - (s - s0) ** 2 - (z - 0.7) ** 2)) for s in (-1.5, 0.0, 1.5)]
        assert view[row].tolist() == pytest.approx(expected)
    assert float(disc(3.0).line_integrals(ParallelBeam([0.3], 1))) == pytest.approx(6.0)


def test_refuses_in_one_sentence():
    with pytest.raises(ValueError, match=r"^Box expects positive half sides, got a=1, b=0, c=2.$"):
        Box(1.0, 1.0, 0.0, 2.0)
    with pytest.raises(ValueError, match=r"^GaussianBlob expects finite numbers"):
        GaussianBlob(1.0, 1.0, float("inf"))
    with pytest.raises(ValueError, match=r"^Phantom expects at least one shape, got none.$"):
        Phantom([])
    with pytest.raises(ValueError, match=r"^Phantom expects shapes that are all in the plane or all in space"):
        Phantom([Ellipse(1.0, 1.0, 1.0), Ellipsoid(1.0, 1.0, 1.0, 1.0)])
    with pytest.raises(ValueError, match=r"^line_integrals expects a geometry of 2 axes .* got ParallelBeam3D"):
        shepp_logan(1.0).line_integrals(ParallelBeam3D([0.0], 2, 2))
    with pytest.raises(ValueError, match=r"^line_integrals expects .* positive counts of samples"):
        shepp_logan(1.0).line_integrals(ParallelBeam([0.0], 2), samples=0)
    with pytest.raises(ValueError, match=r"^rasterise expects 3 axes and a positive count"):
        shepp_logan_3d(1.0).rasterise(Volume((4, 4)))
