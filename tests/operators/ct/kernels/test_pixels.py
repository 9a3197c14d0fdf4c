"""Views read at every pixel: the custom ops against the formula, written out pixel by pixel."""

import math

import numpy as np
import pytest
import torch

from recon.operators import ConeBeam, FanBeam, ParallelBeam, ParallelBeam3D, VectorBeam, Volume
from recon.operators.ct.kernels.cpu.pixels_places import arctangent
from recon.operators.ct.kernels.pixels import pixel_table, pixels_backproject, pixels_project

ANGLES = [0.3, 2.0, 4.4]
PLANE = Volume((11, 9), (0.9, 1.1), (0.5, -1))
SPACE = Volume((18, 5, 6), (0.7, 0.9, 1.1), (0.3, 0.5, -1))
FAN = {"source_to_axis": 25.0, "source_to_detector": 40.0, "pitch": 1.5, "offset": 0.7, "axis_offset": 0.3}
CONE = ConeBeam(ANGLES, 8, 13, 25.0, 40.0, (1.4, 1.5), (0.7, 0.4), (-0.5, 0.6), 0.3, helical_pitch=2.0)
_vectors = VectorBeam.of(CONE)
TILTED = VectorBeam(
    _vectors.detectors,
    _vectors.u,
    _vectors.bins,
    _vectors.sources,
    v=[(z, y + 0.04, x - 0.03) for z, y, x in _vectors.v],
    rows=_vectors.rows,
)
SCANS = {
    "parallel": (PLANE, ParallelBeam(ANGLES, 19, 1.3, 0.4), 0.0),
    "flat fan": (PLANE, FanBeam(ANGLES, 13, source_offset=-0.5, **FAN), 2.0),
    "flat fan, first power": (PLANE, FanBeam(ANGLES, 13, **FAN), 1.0),
    "curved fan": (PLANE, FanBeam(ANGLES, 13, detector="curved", **FAN), 2.0),
    "curved fan, odd power": (PLANE, FanBeam(ANGLES, 13, detector="curved", **FAN), 1.5),
    "parallel in space": (SPACE, ParallelBeam3D(ANGLES, 6, 19, (0.9, 1.3), (0.2, 0.4)), 0.0),
    "cone": (SPACE, CONE, 2.0),
    "cone, first power": (SPACE, CONE, 1.0),
    "tilted cone": (SPACE, TILTED, 2.0),
}


def draw(*shape, dtype=torch.float64, kind=torch.randn, seed=0):
    return kind(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def read(view, places):
    """(Bi)linear interpolation at places, one array per axis; zero outside."""
    total = 0.0
    for corner in np.ndindex(*[2] * view.ndim):
        index = [np.floor(p).astype(int) + c for p, c in zip(places, corner, strict=True)]
        weight = np.prod([1 - np.abs(p - i) for p, i in zip(places, index, strict=True)], axis=0)
        inside = np.all([(i >= 0) & (i < n) for i, n in zip(index, view.shape, strict=True)], axis=0)
        clipped = tuple(np.clip(i, 0, n - 1) for i, n in zip(index, view.shape, strict=True))
        total = total + np.where(inside, weight * view[clipped], 0.0)
    return total


def by_hand(views, table, power, shape):
    size = len(shape) + 1
    p = np.stack([*np.meshgrid(*map(np.arange, shape), indexing="ij"), np.ones(shape)], -1)
    out = np.zeros(shape)
    for view, row in zip(views, table, strict=True):
        *across, depth = (p @ row[n * size : (n + 1) * size] for n in range(size - 1))
        if size == 3 and row[7]:
            places, distance = [row[6] + np.arctan2(across[0], depth) * row[7]], np.hypot(across[0], depth)
        else:
            places, distance = [a / depth for a in across[::-1]], depth
        out += np.where(depth > 0, np.abs(distance) ** -power * read(view, places), 0.0)
    return out


@pytest.mark.parametrize("scan", SCANS)
def test_backprojection_is_the_formula_written_out(scan):
    volume, geometry, power = SCANS[scan]
    table, views = pixel_table(volume, geometry), draw(2, *geometry.shape)
    image = pixels_backproject(views, table, power, volume.shape)
    expected = torch.from_numpy(by_hand(views[1].numpy(), table.numpy(), power, volume.shape))
    assert float(expected.abs().max()) > 0.5
    torch.testing.assert_close(image[1], expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("scan", SCANS)
def test_points_of_a_ray_are_seen_at_its_bin(scan):
    volume, geometry, _ = SCANS[scan]
    table, (points, directions) = pixel_table(volume, geometry, beyond=3, fold=2).numpy(), geometry.rays()
    place = (points + 27 * directions).numpy()
    middle, spacing, offset = (np.array(v) for v in ((np.array(volume.shape) - 1) / 2, volume.spacing, volume.offset))
    p = np.concatenate(((place - offset) / spacing + middle, np.ones((*place.shape[:-1], 1))), -1)
    size = p.shape[-1]
    *across, depth = (np.einsum("v...c,vc->v...", p, table[:, n * size : (n + 1) * size]) for n in range(size - 1))
    places = [a / depth for a in across]
    if size == 3 and table[0, 7]:
        places = [table[:, [6]] + np.arctan2(across[0], depth) * table[:, [7]]]
    np.testing.assert_allclose(
        places[0], np.broadcast_to(2 * (np.arange(geometry.shape[-1]) + 3), p.shape[:-1]), atol=1e-5
    )
    if size == 4:
        rows = np.arange(geometry.shape[1])[:, None]
        np.testing.assert_allclose(places[1], np.broadcast_to(rows, p.shape[:-1]), atol=1e-5)


@pytest.mark.parametrize("kind", [torch.randn, torch.rand])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
@pytest.mark.parametrize("scan", SCANS)
def test_the_two_ops_are_transposes(scan, dtype, tolerance, kind):
    volume, geometry, power = SCANS[scan]
    table = pixel_table(volume, geometry)
    x, y = draw(2, *volume.shape, dtype=dtype, kind=kind), draw(2, *geometry.shape, dtype=dtype, kind=kind, seed=1)
    back = pixels_backproject(y, table, power, volume.shape)
    forth = pixels_project(x, table, power, geometry.shape[1:])
    gap = float((back.double() * x).sum() - (y * forth.double()).sum())
    size = float(back.double().norm() * x.double().norm())
    assert abs(gap) <= tolerance * size


@pytest.mark.parametrize("scan", SCANS)
def test_matrices_are_transposes_entry_by_entry(scan):
    volume, geometry, power = SCANS[scan]
    table, pixels, rays = pixel_table(volume, geometry), math.prod(volume.shape), math.prod(geometry.shape)
    if rays > 400:
        table, rays = table[1:2], rays // 3
    detector = geometry.shape[1:]
    forth = pixels_project(
        torch.eye(pixels, dtype=torch.float64).view(pixels, *volume.shape), table, power, detector
    ).reshape(pixels, rays)
    back = pixels_backproject(
        torch.eye(rays, dtype=torch.float64).view(rays, len(table), *detector), table, power, volume.shape
    ).reshape(rays, pixels)
    assert forth.any()
    torch.testing.assert_close(forth, back.T, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("scan", SCANS)
def test_items_do_not_depend_on_their_neighbours_nor_on_threads(scan):
    volume, geometry, power = SCANS[scan]
    table, detector = pixel_table(volume, geometry), geometry.shape[1:]
    y, x = draw(18, *geometry.shape, dtype=torch.float32), draw(18, *volume.shape, dtype=torch.float32)
    threads, results = torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            results.append(
                (pixels_backproject(y, table, power, volume.shape), pixels_project(x, table, power, detector))
            )
    finally:
        torch.set_num_threads(threads)
    for one, two in zip(*results, strict=True):
        assert torch.equal(one, two)
    assert torch.equal(results[0][0][17:], pixels_backproject(y[17:], table, power, volume.shape))
    assert torch.equal(results[0][1][17:], pixels_project(x[17:], table, power, detector))


def test_pixels_behind_the_source_read_nothing():
    volume, fan = Volume((1, 61)), FanBeam([math.pi / 2], 5, 10.0, 20.0)  # the source at x = 10, inside this row
    image = pixels_backproject(torch.ones(1, 1, 5, dtype=torch.float64), pixel_table(volume, fan), 2.0, (1, 61))[0, 0]
    assert torch.equal(image[40:], torch.zeros(21, dtype=torch.float64))
    torch.testing.assert_close(image[:40], 400 / (10 - volume.centres(1)[:40]) ** 2)


def test_arctangents_are_right_to_rounding():
    for aside in np.linspace(-30, 30, 61):
        assert arctangent(aside, 1.0, np.hypot(aside, 1.0)) == pytest.approx(math.atan(aside), rel=5e-15)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("scan", ["flat fan", "cone"])
def test_opcheck(scan):
    volume, geometry, power = SCANS[scan]
    table = pixel_table(volume, geometry)
    for requires_grad in (False, True):
        x, y = (draw(2, *shape).requires_grad_(requires_grad) for shape in (volume.shape, geometry.shape))
        torch.library.opcheck(torch.ops.recon.pixels_project, (x, table, power, geometry.shape[1:]))
        torch.library.opcheck(torch.ops.recon.pixels_backproject, (y, table, power, volume.shape))
