"""The kernels for rays in a plane against the matrix of their definition."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from recon.operators import FanBeam, ParallelBeam, VectorBeam, Volume
from recon.operators.ct.kernels.cpu.plane import backproject, project
from recon.operators.ct.kernels.rays import ray_table
from tests.operators.ct.kernels.dense_plane import plane_matrix

TURN = [0.0, 0.4, math.pi / 4, 1.3, math.pi / 2, 2.4, 3.9, 5.1]
FAN = FanBeam(TURN, 70, 90.0, 140.0, 1.9, offset=0.7, source_offset=-1.1, axis_offset=0.4)
GEOMETRIES = {
    "parallel": ParallelBeam(TURN, 75, 1.0, 0.3),
    "fine parallel": ParallelBeam(TURN, 90, 0.17, -2.0),
    "coarse parallel": ParallelBeam(TURN, 17, 5.3),
    "very coarse parallel": ParallelBeam(TURN, 5, 40.0),
    "flat fan": FAN,
    "fine flat fan": FanBeam(TURN, 120, 90.0, 140.0, 0.3),
    "coarse flat fan": FanBeam(TURN, 9, 90.0, 140.0, 16.0),
    "curved fan": FanBeam(TURN, 70, 90.0, 140.0, 1.9, detector="curved", offset=-2.0, source_offset=0.6),
    "near fan": FanBeam(TURN, 60, 62.0, 100.0, 8.0),
    "near curved fan": FanBeam(TURN, 60, 62.0, 100.0, 4.0, detector="curved"),
    "far fan": FanBeam(TURN, 70, 1e7, 2e7, 2.0),
    "mirrored fan": VectorBeam(
        VectorBeam.of(FAN).detectors, [(-a, -b) for a, b in VectorBeam.of(FAN).u], 70, VectorBeam.of(FAN).sources
    ),
    "skew parallel": VectorBeam(
        [(20.0, 3.0), (-4.0, 30.0)], [(0.8, 1.0), (1.3, -0.4)], 60, directions=[(3, 1), (-1, 5)]
    ),
    "one bin": FanBeam(TURN, 1, 90.0, 140.0),
    "beside": ParallelBeam(TURN, 20, offset=500.0),
    "far beside": FanBeam(TURN, 20, 90.0, 140.0, offset=1e15),
}
UNEVEN = Volume((70, 53), (1.0, 1.2), (1.4, -2.1))
VOLUMES = [UNEVEN, Volume((1, 60)), Volume((60, 1)), Volume((131, 20), (0.6, 1.5))]
TOLERANCE = {np.float32: 2e-6, np.float64: 2e-12}


def table(volume, geometry):
    return ray_table(volume, geometry).numpy(), tuple(volume.spacing), geometry.shape[1]


def forward(image, rays, spacing, bins):
    out = np.full((len(image), len(rays), bins), np.nan, image.dtype)
    project(image, rays, spacing, out)
    return out


def adjoint(sinogram, rays, spacing, shape):
    out = np.full((len(sinogram), *shape), np.nan, sinogram.dtype)
    backproject(sinogram, rays, spacing, out)
    return out


def draw(*shape, dtype=np.float64, centred=False):
    generator = np.random.default_rng(len(shape))
    return (generator.standard_normal(shape) if centred else generator.random(shape)).astype(dtype)


def check(rays, spacing, bins, shape, dtype, items, scale=1.0):
    """Kernels and matrix agree on positive data, as closely as the numbers' precision allows."""
    matrix = plane_matrix(rays, spacing, bins, shape)
    x, y = draw(items, *shape, dtype=dtype), draw(items, len(rays), bins, dtype=dtype)
    sums = forward(x, rays, spacing, bins).reshape(items, -1)
    expected = (matrix @ x.reshape(items, -1).astype(np.float64).T).T
    np.testing.assert_allclose(sums, expected, rtol=0, atol=scale * TOLERANCE[dtype] * max(expected.max(), 1.0))
    image = adjoint(y, rays, spacing, shape).reshape(items, -1)
    expected = (matrix.T @ y.reshape(items, -1).astype(np.float64).T).T
    np.testing.assert_allclose(image, expected, rtol=0, atol=scale * TOLERANCE[dtype] * max(expected.max(), 1.0))


@pytest.mark.parametrize("name", GEOMETRIES)
@pytest.mark.parametrize("volume", VOLUMES, ids=lambda volume: "×".join(map(str, volume.shape)))
def test_equals_the_matrix(name, volume):
    rays, spacing, bins = table(volume, GEOMETRIES[name])
    scale = 1e4 if name == "far fan" else 1.0  # there positions are differences of numbers of 1e7 pixels
    for dtype in TOLERANCE:
        check(rays, spacing, bins, volume.shape, dtype, 1, 1.0 if dtype is np.float32 else scale)


@pytest.mark.parametrize("name", ["parallel", "fine parallel", "very coarse parallel", "near fan", "curved fan"])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_batches_equal_the_matrix(name, dtype):
    check(*table(UNEVEN, GEOMETRIES[name]), UNEVEN.shape, dtype, 9)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("items", [1, 8])
def test_any_table_of_rays(seed, items):
    """Rays that cross one another, sources within the image, views whose rays change sides more than once."""
    generator = np.random.default_rng(seed)
    shape, bins = (40, 50), 45
    rays = np.zeros((6, 11))
    rays[:, 0:2] = generator.uniform(-10, 60, (6, 2))
    rays[:, 2:4] = generator.uniform(-1, 1, (6, 2)) * [[1], [1], [0], [1], [0], [0]]
    rays[:, 4:6] = generator.uniform(-1, 1, (6, 2))
    rays[:, 6:8] = generator.uniform(-0.1, 0.1, (6, 2))
    rays[3:, 8:10] = generator.uniform(-1, 1, (3, 2))
    rays[3:, 10] = 0.05
    check(rays, (1.0, 0.7), bins, shape, np.float64, items, 10.0)


@pytest.mark.parametrize("angle", np.linspace(0, math.pi, 25))
def test_rays_through_the_centres_of_pixels(angle):
    """Positions fall on whole numbers, where a rounding error would lose or double a pixel."""
    beam = ParallelBeam([angle], 95, pitch=max(abs(math.cos(angle)), abs(math.sin(angle))))
    check(*table(Volume((70, 90)), beam), (70, 90), np.float64, 1)


@pytest.mark.parametrize("name", ["parallel", "flat fan", "near curved fan", "fine flat fan", "coarse flat fan"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-14)])
@pytest.mark.parametrize("items", [1, 8])
def test_adjoint_is_the_transpose_on_centred_and_on_positive_data(name, dtype, tolerance, items):
    rays, spacing, bins = table(UNEVEN, GEOMETRIES[name])
    for centred in (False, True):
        x = draw(items, *UNEVEN.shape, dtype=dtype, centred=centred)
        y = draw(items, len(rays), bins, dtype=dtype, centred=centred)
        ax, aty = forward(x, rays, spacing, bins), adjoint(y, rays, spacing, UNEVEN.shape)
        gap = abs(np.sum(ax.astype(np.float64) * y) - np.sum(x * aty.astype(np.float64)))
        assert gap <= tolerance * np.linalg.norm(ax.astype(np.float64)) * np.linalg.norm(y.astype(np.float64))


@pytest.mark.parametrize("name", ["parallel", "curved fan", "near fan", "fine parallel"])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_batches_and_threads_give_the_bits_of_one_item_on_one_thread(name, dtype):
    rays, spacing, bins = table(UNEVEN, GEOMETRIES[name])
    x, y = draw(18, *UNEVEN.shape, dtype=dtype), draw(18, len(rays), bins, dtype=dtype)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        sums, image = forward(x, rays, spacing, bins), adjoint(y, rays, spacing, UNEVEN.shape)
        for item in (0, 9, 15, 17):
            assert np.array_equal(forward(x[item : item + 1], rays, spacing, bins)[0], sums[item])
            assert np.array_equal(adjoint(y[item : item + 1], rays, spacing, UNEVEN.shape)[0], image[item])
        for count in (2, 3, 7):
            torch.set_num_threads(count)
            assert np.array_equal(forward(x, rays, spacing, bins), sums)
            assert np.array_equal(adjoint(y, rays, spacing, UNEVEN.shape), image)
    finally:
        torch.set_num_threads(threads)


def test_the_order_of_views_only_orders_them():
    rays, spacing, bins = table(UNEVEN, FAN)
    x = draw(1, *UNEVEN.shape, dtype=np.float32)
    assert np.array_equal(forward(x, rays[::-1].copy(), spacing, bins), forward(x, rays, spacing, bins)[:, ::-1])


@pytest.mark.parametrize("items", [3, 9])
def test_nan_stays_nan_and_stays_in_its_item(items):
    rays, spacing, bins = table(UNEVEN, FAN)
    x, y = draw(items, *UNEVEN.shape, dtype=np.float32), draw(items, len(rays), bins, dtype=np.float32)
    x[1, 30, 30] = y[1, 3, 30] = np.nan
    for out in (forward(x, rays, spacing, bins), adjoint(y, rays, spacing, UNEVEN.shape)):
        assert np.isnan(out[1]).any()
        assert np.isfinite(out[1]).any()
        assert np.isfinite(np.delete(out, 1, 0)).all()
    assert np.isnan(forward(x, rays, spacing, bins)[1]).any(1).all()  # the pixel is seen in every view


def test_nothing_in_nothing_out():
    rays, spacing, bins = table(UNEVEN, FAN)
    assert forward(draw(0, *UNEVEN.shape), rays, spacing, bins).shape == (0, len(rays), bins)
    assert adjoint(draw(0, len(rays), bins), rays, spacing, UNEVEN.shape).shape == (0, *UNEVEN.shape)
    for items in (2, 9):
        assert not adjoint(draw(items, 0, bins), rays[:0], spacing, UNEVEN.shape).any()
        assert forward(draw(items, *UNEVEN.shape), rays[:0], spacing, bins).shape == (items, 0, bins)


@pytest.mark.slow
def test_processors_without_wide_registers_give_the_same_numbers(tmp_path):
    """Where registers cannot be permuted their numbers are read one by one."""
    code = (
        "import sys, numpy as np;"
        "from recon.operators.ct.kernels.cpu.plane import project, backproject;"
        "from tests.operators.ct.kernels.cpu.test_plane import FAN, UNEVEN, adjoint, draw, forward, table;"
        "rays, spacing, bins = table(UNEVEN, FAN);"
        "found = [f for n in (1, 8) for d in (np.float32, np.float64) for f in ("
        "forward(draw(n, *UNEVEN.shape, dtype=d), rays, spacing, bins),"
        "adjoint(draw(n, len(rays), bins, dtype=d), rays, spacing, UNEVEN.shape))];"
        "np.savez(sys.argv[1], *found)"
    )
    found = []
    for name, extra in (("host", {}), ("plain", {"NUMBA_CPU_NAME": "x86-64-v3", "NUMBA_CPU_FEATURES": ""})):
        environment = {**os.environ, **extra, "NUMBA_CACHE_DIR": str(tmp_path / name)}
        path = tmp_path / f"{name}.npz"
        subprocess.run([sys.executable, "-c", code, str(path)], env=environment, check=True)
        with np.load(path) as arrays:
            found.append([arrays[key] for key in arrays.files])
    for host, plain in zip(*found, strict=True):
        np.testing.assert_allclose(plain, host, rtol=0, atol=2 * TOLERANCE[host.dtype.type] * host.max())
