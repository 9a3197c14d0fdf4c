"""Weighted least squares of non-Cartesian scans, against sums written out."""

import pytest
import torch

from recon.operators import (
    DensityWeightedFidelity,
    Diagonal,
    NonCartesianMRI,
    Trajectory,
    birdcage_maps,
    density_compensation,
)
from recon.solvers import CGLS, MaxIter, Problem, ZeroFilled

SHAPE = (16, 16)
SCAN = Trajectory.golden_angle(12, 24)
W = density_compensation(SCAN, SHAPE, "radial")


def random(*shape, seed=2):
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


def told_by(A, density):
    return DensityWeightedFidelity(**{"density": density, **DensityWeightedFidelity.from_operator(A)})


@pytest.mark.parametrize("shape", [(12, 24), (3, 12, 24)])
def test_the_value_is_the_weighted_sum(shape):
    term = DensityWeightedFidelity("radial", SCAN, SHAPE, sigma=0.5)
    y, z = random(2, *shape), random(2, *shape, seed=3)
    expected = (W * (z - y).abs().square()).flatten(1).sum(1) / (2 * 0.5**2)
    torch.testing.assert_close(term.fidelity(y, shape)(z), expected)
    torch.testing.assert_close(term.weighed(y, shape), W * y)


@pytest.mark.parametrize("shape", [(3, 4, 24), (3, 2, 4, 24)])
def test_frames_have_densities_of_their_own(shape):
    term = DensityWeightedFidelity("pipe", SCAN, SHAPE, frames=3)
    expected = torch.stack([density_compensation(SCAN[4 * n : 4 * n + 4], SHAPE) for n in range(3)])
    torch.testing.assert_close(term.density, expected)
    y = random(5, *shape)
    laid_out = expected if len(shape) == 3 else expected[:, None]
    torch.testing.assert_close(term.weighed(y, shape), laid_out * y)
    value = 0.5 * (laid_out * y.abs().square()).flatten(1).sum(1)
    torch.testing.assert_close(term.fidelity(y, shape)(0 * y), value)


def test_the_adjoint_is_gridding_and_cgls_takes_the_steps_of_whitened_least_squares():
    A = NonCartesianMRI(SCAN, birdcage_maps(SHAPE, 4, dtype=torch.complex128))
    y = random(2, *A.range_shape)
    problem = Problem(A, y, fidelity=told_by(A, "radial"))
    torch.testing.assert_close(ZeroFilled().solve(problem).image, A.adjoint(W * y))
    root = W.sqrt().expand(A.range_shape)
    whitened = Problem(Diagonal(root) @ A, root * y)
    for steps in (1, 3, 10):
        solver = CGLS(stop=MaxIter(steps))
        torch.testing.assert_close(solver.solve(problem).image, solver.solve(whitened).image)


def test_density_preconditions():
    """From exact data both have the same limit, which the weighted iterations approach sooner."""
    A = NonCartesianMRI(Trajectory.golden_angle(30, 32), shape=SHAPE)
    axes = torch.meshgrid(torch.linspace(-1, 1, 16), torch.linspace(-1, 1, 16), indexing="ij")
    image = torch.exp(-4 * (axes[0] ** 2 + axes[1] ** 2)).to(torch.complex128)
    errors = []
    for fidelity in (None, told_by(A, "radial")):
        found = CGLS(stop=MaxIter(4)).solve(Problem(A, A(image), fidelity=fidelity)).image
        errors.append(float((found - image).norm() / image.norm()))
    assert errors[1] < 0.3 * errors[0]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("pipe",), "needs the trajectory and the shape of the image to find the density by 'pipe'"),
        (("hoge", SCAN, SHAPE), "expects a density of numbers, 'pipe', 'voronoi', 'radial' or 'spiral'"),
        ((-W,), "expects a real density of at least 0"),
        ((W * 1j,), "expects a real density of at least 0"),
        (("pipe", SCAN, SHAPE, 5), "expects frames to divide 12 shots, got 5"),
        ((W, None, None, None, 0.0), "expects sigma > 0"),
    ],
)
def test_what_is_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        DensityWeightedFidelity(*arguments)


def test_samples_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"for a density of shape \(12, 24\), got \(3, 12, 23\)"):
        DensityWeightedFidelity(W).fidelity(random(3, 12, 23), (3, 12, 23))
