"""Density compensation where the answer is known: full grids, areas of discs, images that come back."""

from math import pi

import pytest
import torch

from recon.operators import NUFFT, NonCartesianMRI, Trajectory, density_compensation


def cartesian(shape):
    axes = [(torch.arange(n, dtype=torch.float64) - n // 2) / n for n in shape]
    return Trajectory(torch.stack(torch.meshgrid(*axes, indexing="ij")).reshape(len(shape), shape[0], -1))


def bell(shape, width):
    """A Gaussian in the middle, far from band limit and edge."""
    axes = [torch.arange(n, dtype=torch.float64) - n // 2 for n in shape]
    squares = sum(axis.square() for axis in torch.meshgrid(*axes, indexing="ij"))
    return torch.exp(-squares / (2 * width**2)).to(torch.complex128)


@pytest.mark.parametrize("shape", [(8, 8), (6, 9)])
@pytest.mark.parametrize("method", ["pipe", "voronoi"])
def test_samples_of_a_full_grid_weigh_one(shape, method):
    weights = density_compensation(cartesian(shape), shape, method)
    torch.testing.assert_close(weights, torch.ones_like(weights), atol=1e-6, rtol=0)


def test_samples_taken_twice_share_their_weight():
    grid = cartesian((6, 8)).points
    doubled = Trajectory(torch.cat((grid, grid[:, :2]), 1))
    expected = torch.ones(8, 8, dtype=torch.float64)
    expected[[0, 1, 6, 7]] = 0.5
    for method in ("pipe", "voronoi"):
        torch.testing.assert_close(density_compensation(doubled, (6, 8), method), expected, atol=1e-6, rtol=0)


def test_half_the_lines_of_a_grid_weigh_no_more_than_they_know():
    """Voronoi cells of every other line are twice as large; Pipe's weights stay 1, since lines say nothing between."""
    every_other = Trajectory(cartesian((8, 8)).points[:, ::2])
    assert density_compensation(every_other, (8, 8), "voronoi").sub(2).abs().max() < 1e-9
    assert density_compensation(every_other, (8, 8), "pipe").sub(1).abs().max() < 1e-6


def test_cells_fill_k_space():
    generator = torch.Generator().manual_seed(0)
    scattered = Trajectory(torch.rand(2, 4, 50, dtype=torch.float64, generator=generator) - 0.5)
    assert float(density_compensation(scattered, (12, 10), "voronoi").sum()) == pytest.approx(120, rel=1e-9)
    star = Trajectory.radial(60, 32)
    assert float(density_compensation(star, (20, 20), "voronoi").sum()) == pytest.approx(100 * pi, rel=2e-3)


def test_rings_of_spokes():
    samples, spokes, pixels = 16, 10, 400
    weights = density_compensation(Trajectory.radial(spokes, samples), (20, 20), "radial") / pixels
    radii = ((torch.arange(samples) - 8).double() / samples).abs()
    expected = radii * (pi / spokes) / samples
    expected[8] = pi / spokes / samples**2 / 6
    torch.testing.assert_close(weights, expected.expand(spokes, samples))
    uneven = density_compensation(Trajectory.radial(3, samples, angles=[0.0, 0.4, pi + 1.0]), (20, 20), "radial")
    shares = torch.tensor([(0.4 + pi - 1.0) / 2, 0.5, (0.6 + pi - 1.0) / 2], dtype=torch.float64)
    torch.testing.assert_close(uneven[:, 0] / uneven[:, 0].sum(), shares / pi, atol=1e-8, rtol=0)
    opposite = density_compensation(Trajectory.radial(2, samples, angles=[0.7, 0.7 + pi]), (20, 20), "radial")
    torch.testing.assert_close(opposite[0, 1], opposite[1, 1])


def test_voronoi_cells_of_spokes_are_their_rings():
    star = Trajectory.radial(51, 32)
    rings, cells = (density_compensation(star, (32, 32), method) for method in ("radial", "voronoi"))
    inner = [j for j in range(2, 30) if j != 16]
    torch.testing.assert_close(cells[:, inner], rings[:, inner], rtol=2e-3, atol=0)


@pytest.mark.parametrize(
    ("trajectory", "method", "tolerance"),
    [
        (Trajectory.radial(101, 128), "radial", 4e-3),
        (Trajectory.radial(101, 128), "pipe", 1e-3),
        (Trajectory.radial(101, 128), "voronoi", 4e-2),
        (Trajectory.spiral(8, 1600, 8), "spiral", 2e-4),
        (Trajectory.spiral(8, 1600, 8), "pipe", 1e-3),
        (Trajectory.golden_angle(144, 128), "radial", 1e-2),
    ],
    ids=str,
)
def test_the_weighted_adjoint_is_the_image(trajectory, method, tolerance):
    image = bell((64, 64), 6)
    A = NonCartesianMRI(trajectory, shape=(64, 64), eps=1e-9)
    found = A.adjoint(density_compensation(trajectory, (64, 64), method) * A(image))
    assert float((found - image).norm() / image.norm()) <= tolerance


def test_stacks_weigh_as_their_planes():
    star, stack = Trajectory.radial(20, 16), Trajectory.stack_of_stars(20, 16, 4)
    for method in ("radial", "voronoi"):
        plane = density_compensation(star, (12, 12), method)
        assert torch.equal(density_compensation(stack, (4, 12, 12), method), plane.repeat(4, 1))
    volume = bell((4, 12, 12), 1.0)
    A = NUFFT((4, 12, 12), stack)
    found = A.adjoint(density_compensation(stack, (4, 12, 12)) * A(volume))
    assert float((found - volume).norm() / volume.norm()) < 0.05


@pytest.mark.parametrize(
    ("trajectory", "shape", "method", "sentence"),
    [
        (Trajectory.radial(3, 8), (8, 8), "ramp", "method 'pipe', 'voronoi', 'radial' or 'spiral', got 'ramp'"),
        (Trajectory.radial(3, 8), (8, 8, 8), "pipe", "shape of 2 axes"),
        (Trajectory.spiral(3, 8, 2.0), (8, 8), "radial", "lines through the centre"),
        (Trajectory(Trajectory.radial(3, 8).points[:, :, 4:]), (8, 8), "radial", "lines through the centre"),
        (Trajectory.radial(3, 8), (8, 8), "spiral", "growing radius"),
        (Trajectory(torch.rand(3, 3, 8) - 0.5), (8, 8, 8), "voronoi", "take 'pipe'"),
        (Trajectory.radial(1, 8), (8, 8), "voronoi", "at least 4 points that do not lie on a line, got 8"),
        (Trajectory.radial(3, 8), (0, 8), "pipe", "shape of positive whole numbers"),
        (Trajectory.radial(3, 8), 8, "pipe", "shape of positive whole numbers"),
        (Trajectory(torch.zeros(2, 3, 8)), (8, 8), "voronoi", "at least 4 points that do not lie on a line, got 1"),
    ],
    ids=str,
)
def test_refusals(trajectory, shape, method, sentence):
    with pytest.raises(ValueError, match=sentence):
        density_compensation(trajectory, shape, method)
