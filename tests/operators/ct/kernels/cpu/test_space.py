"""Joseph's kernels in space against the matrix of the definition."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from recon.operators.ct.cone_beam import ConeBeam
from recon.operators.ct.kernels.rays import ray_table, rays_backproject, rays_project
from recon.operators.ct.parallel_beam_3d import ParallelBeam3D
from recon.operators.ct.vector_beam import VectorBeam
from recon.operators.ct.volume import Volume
from tests.operators.ct.kernels.dense_space import directions, space_matrix

TURN = (np.arange(6) * np.pi / 3 + 0.1).tolist()
UNEVEN = Volume((20, 17, 22), (1.1, 0.8, 0.9), (0.2, 0.3, -0.4))
CIRCLE = ConeBeam(TURN, 21, 33, 40.0, 60.0, (1.4, 1.2), (0.4, -0.3), (0.2, 0.5), axis_offset=0.3)
TILTED = VectorBeam(
    [(20.0, 1.0, 2.0), (3.0, 20.0, -2.0), (1.0, 2.0, 30.0)],
    [(0.1, 0.2, 1.2), (0.3, 0.1, 1.1), (0.1, 1.0, 0.1)],
    19,
    sources=[(-30.0, 2.0, -1.0), (2.0, -30.0, 3.0), (2.0, 1.0, -40.0)],
    v=[(0.2, 1.3, 0.1), (1.2, 0.0, -0.3), (1.1, 0.1, 0.0)],
    rows=18,
)
SCANS = {
    "circle": (UNEVEN, CIRCLE),
    "helix": (UNEVEN, ConeBeam(np.linspace(-6, 9, 7), 7, 33, 40.0, 60.0, (1.4, 1.2), helical_pitch=9.0)),
    "rays steeper than 45 degrees": (UNEVEN, ConeBeam(TURN, 61, 15, 22.0, 30.0, (1.9, 1.2))),
    "rows 0.3 planes apart": (UNEVEN, ConeBeam(TURN, 60, 19, 40.0, 60.0, (0.5, 1.9))),
    "rows 0.1 planes apart": (UNEVEN, ConeBeam(TURN[:2], 160, 9, 40.0, 60.0, (0.2, 4.0))),
    "rows 0.6 planes apart": (UNEVEN, ConeBeam(TURN, 40, 9, 40.0, 60.0, (1.0, 4.0))),
    "rows 3 planes apart": (UNEVEN, ConeBeam(TURN, 6, 33, 40.0, 60.0, (5.0, 1.2))),
    "rows that run down": (UNEVEN, replace(VectorBeam.of(CIRCLE), v=[(-1.4, 0.0, 0.0)] * 6)),
    "rows about where the source is": (UNEVEN, ConeBeam(TURN, 9, 17, 13.0, 40.0, (2.0, 3.0), source_offset=(3.0, 0.0))),
    "parallel": (UNEVEN, ParallelBeam3D([*TURN, 0.0, np.pi / 4, np.pi / 2], 20, 33, (1.1, 0.9), (0.3, -0.2))),
    "parallel on the planes": (Volume((16, 16, 16)), ParallelBeam3D([0.0, np.pi / 4, np.pi / 2], 16, 23)),
    "tilted": (UNEVEN, TILTED),
    "tilted parallel": (
        UNEVEN,
        VectorBeam(
            [(9.0, 0.0, 0.0), (0.0, 0.0, 0.0)],
            [(0.0, 0.2, 1.1), (0.3, 0.3, 1.0)],
            29,
            directions=[(2.0, 0.5, 0.3), (0.2, 1.0, 0.1)],
            v=[(0.0, 1.0, 0.0), (1.0, 0.0, 0.0)],
            rows=27,
        ),
    ),
    "one plane": (Volume((1, 17, 22)), CIRCLE),
    "one row of pixels": (Volume((9, 1, 22)), CIRCLE),
    "one column of pixels": (Volume((9, 11, 1)), CIRCLE),
    "one pixel": (Volume((1, 1, 1)), TILTED),
    "a detector of one row": (UNEVEN, replace(CIRCLE, rows=1)),
    "a detector of one bin": (UNEVEN, replace(CIRCLE, bins=1)),
}
DTYPES = (torch.float32, torch.float64)


def draw(*shape, dtype=torch.float64, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def operators(volume, geometry):
    rays = ray_table(volume, geometry)
    return (
        lambda x: rays_project(x, rays, volume.spacing, geometry.shape[1:]),
        lambda y: rays_backproject(y, rays, volume.spacing, volume.shape),
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scan", SCANS)
def test_equals_its_definition(scan, dtype):
    volume, geometry = SCANS[scan]
    project, backproject = operators(volume, geometry)
    matrix = space_matrix(ray_table(volume, geometry).numpy(), volume.spacing, geometry.shape[1:], volume.shape)
    x, y = draw(1, *volume.shape, dtype=dtype), draw(1, *geometry.shape, dtype=dtype, seed=1)
    tolerance = 1e-6 if dtype == torch.float32 else 2e-13
    for made, expected in (
        (project(x), matrix @ x.double().flatten().numpy()),
        (backproject(y), matrix.T @ y.double().flatten().numpy()),
    ):
        assert np.abs(expected).max() > 0
        np.testing.assert_allclose(made.double().flatten(), expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("scan", ["circle", "rays steeper than 45 degrees", "rows 0.3 planes apart", "tilted"])
def test_adjointness(scan, positive, dtype):
    volume, geometry = SCANS[scan]
    project, backproject = operators(volume, geometry)
    x, y = draw(1, *volume.shape, dtype=dtype), draw(1, *geometry.shape, dtype=dtype, seed=1)
    x, y = (x.abs(), y.abs()) if positive else (x, y)
    forward, back = project(x).double(), backproject(y).double()
    gap = (forward * y).sum() - (x * back).sum()
    assert abs(float(gap)) <= (1e-6 if dtype == torch.float32 else 1e-14) * float(forward.norm() * y.norm())


@pytest.mark.parametrize(
    "scan", ["circle", "rows that run down", "rows 0.3 planes apart", "rows 3 planes apart", "tilted"]
)
def test_both_directions_weigh_with_the_same_numbers(scan):
    """Entries as small as 1e-6 agree to the rounding of three products: the weights are not worked out twice."""
    _, geometry = SCANS[scan]
    volume, geometry = Volume((6, 5, 4), (1.1, 0.8, 0.9)), geometry.take([0, 1])
    project, backproject = operators(volume, geometry)
    pixels = torch.eye(120).reshape(120, 6, 5, 4)
    matrix = project(pixels).flatten(1).T
    seen = matrix.any(1).nonzero().flatten()
    rays = torch.zeros(len(seen), len(matrix)).scatter_(1, seen[:, None], 1.0)
    transpose = backproject(rays.reshape(-1, *geometry.shape)).flatten(1)
    torch.testing.assert_close(transpose, matrix[seen], rtol=4e-7, atol=0)


def test_the_steep_scan_has_rays_along_every_axis():
    volume, geometry = SCANS["rays steeper than 45 degrees"]
    rays = ray_table(volume, geometry).numpy()
    assert all(
        set(np.abs(directions(view, geometry.shape[1:])[1]).argmax(1)) >= {0, axis}
        for view, axis in zip(rays[[0, 1]], (1, 2), strict=True)
    )


@pytest.mark.parametrize("scan", ["circle", "rays steeper than 45 degrees", "tilted"])
def test_any_number_of_threads_gives_the_same_bits(scan):
    volume, geometry = SCANS[scan]
    project, backproject = operators(volume, geometry)
    x, y = draw(1, *volume.shape, dtype=torch.float32), draw(1, *geometry.shape, dtype=torch.float32)
    threads, made = torch.get_num_threads(), []
    try:
        for count in (1, 2, 3, 1):
            torch.set_num_threads(count)
            made.append((project(x), backproject(y)))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(a, made[0][0]) and torch.equal(b, made[0][1]) for a, b in made[1:])


@pytest.mark.parametrize("scan", ["circle", "rows 0.3 planes apart", "rows 3 planes apart", "tilted"])
def test_a_batch_equals_a_loop_bit_for_bit(scan):
    volume, geometry = SCANS[scan]
    project, backproject = operators(volume, geometry)
    x, y = draw(6, *volume.shape, dtype=torch.float32), draw(6, *geometry.shape, dtype=torch.float32)
    assert torch.equal(project(x), torch.cat([project(item[None]) for item in x]))
    assert torch.equal(backproject(y), torch.cat([backproject(item[None]) for item in y]))
    assert project(x[:0]).shape == (0, *geometry.shape)
    assert backproject(y[:0]).shape == (0, *volume.shape)


@pytest.mark.parametrize("scan", ["circle", "tilted"])
def test_nan_stays_nan_in_its_item_and_near_its_rays(scan):
    volume, geometry = SCANS[scan]
    project, backproject = operators(volume, geometry)
    x, y = torch.ones(2, *volume.shape), torch.ones(2, *geometry.shape)
    touched = torch.zeros(1, *volume.shape)
    touched[0, 0, 0, 0] = 1
    x[1, 0, 0, 0] = torch.nan
    y[1, 0, geometry.shape[1] // 2, geometry.shape[2] // 2] = torch.nan
    forward, back = project(x), backproject(y)
    assert torch.isfinite(forward[0]).all()
    assert torch.isfinite(back[0]).all()
    assert torch.isnan(forward[1][project(touched)[0] > 0]).all()
    assert torch.isfinite(forward[1]).float().mean() > 0.5
    assert 0 < torch.isnan(back[1]).sum() < 0.1 * back[1].numel()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("requires_grad", [False, True])
def test_opcheck(requires_grad):
    volume, geometry = Volume((4, 5, 6)), TILTED
    rays, spacing, detector = ray_table(volume, geometry), list(volume.spacing), list(geometry.shape[1:])
    x, y = draw(2, 4, 5, 6).requires_grad_(requires_grad), draw(2, *geometry.shape).requires_grad_(requires_grad)
    torch.library.opcheck(torch.ops.recon.rays_project, (x, rays, spacing, detector))
    torch.library.opcheck(torch.ops.recon.rays_backproject, (y, rays, spacing, [4, 5, 6]))


def test_a_line_through_the_middle_of_a_uniform_volume_measures_its_length():
    volume = Volume((11, 13, 15), (0.5, 0.8, 1.25))
    middle = VectorBeam([(0.0, 0.0, 50.0)], [(0.0, 1.0, 0.0)], 1, [(0.0, 0.0, -50.0)], v=[(1.0, 0.0, 0.0)], rows=1)
    assert float(operators(volume, middle)[0](torch.ones(1, *volume.shape))) == pytest.approx(15 * 1.25, rel=1e-6)


PORTABLE = """
import torch
from tests.operators.ct.kernels.cpu.test_space import SCANS, draw, operators
made = []
for scan in ("circle", "rows 0.3 planes apart", "rows 3 planes apart", "tilted"):
    for dtype in (torch.float32, torch.float64):
        volume, geometry = SCANS[scan]
        project, backproject = operators(volume, geometry)
        made += [project(draw(1, *volume.shape, dtype=dtype)), backproject(draw(1, *geometry.shape, dtype=dtype))]
torch.save(made, "made.pt")
"""


@pytest.mark.slow
def test_processors_without_wide_registers_give_the_same_to_rounding(tmp_path):
    made = []
    for name, processor in (("own", {}), ("plain", {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""})):
        folder = tmp_path / name
        folder.mkdir()
        environment = {**os.environ, **processor, "NUMBA_CACHE_DIR": str(folder), "PYTHONPATH": os.getcwd()}
        subprocess.run([sys.executable, "-c", PORTABLE], cwd=folder, env=environment, check=True, timeout=600)
        made.append(torch.load(folder / "made.pt"))
    for a, b in zip(*made, strict=True):
        tolerance = 1e-6 if a.dtype == torch.float32 else 1e-14
        torch.testing.assert_close(a, b, rtol=0, atol=tolerance * float(a.abs().max()))
