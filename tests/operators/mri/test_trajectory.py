"""Trajectories against formulas, and the layouts of other packages against one another."""

import copy
import pickle
from math import pi, sqrt

import numpy as np
import pytest
import torch

from recon.operators import (
    GoldenAngleTrajectory,
    RadialTrajectory,
    SpiralTrajectory,
    StackOfStarsTrajectory,
    Trajectory,
)

SHAPE = (6, 10)


def scattered(ndim=2, shots=3, samples=5):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(ndim, shots, samples, dtype=torch.float64, generator=generator) - 0.5


def test_radial_spokes_lie_where_the_formula_says():
    t = Trajectory.radial(4, 8)
    y, x = t.points
    assert t.shape == (4, 8)
    assert t.ndim == 2
    assert torch.equal(x[0], (torch.arange(8) - 4).double() / 8)  # the first along the readout axis x
    torch.testing.assert_close(y[0], torch.zeros(8, dtype=torch.float64))
    torch.testing.assert_close(y[2], (torch.arange(8) - 4).double() / 8)  # a quarter turn on, along y
    torch.testing.assert_close(y[1], x[1])
    assert float(t.points[:, :, 4].abs().max()) == 0.0
    given = Trajectory.radial(2, 8, angles=[0.3, 2.0])
    torch.testing.assert_close(torch.atan2(*given.points[:, :, -1]), torch.tensor([0.3, 2.0], dtype=torch.float64))


def test_a_spoke_at_half_a_turn_stays_inside():
    t = Trajectory.radial(1, 4, angles=[pi])
    torch.testing.assert_close(t.points[1, 0], torch.tensor([-0.5, 0.25, 0.0, -0.25], dtype=torch.float64))


@pytest.mark.parametrize("tiny", [1, 2, 7])
def test_golden_angles(tiny):
    t = Trajectory.golden_angle(6, 4, tiny=tiny)
    step = pi / ((1 + sqrt(5)) / 2 + tiny - 1)
    angles = torch.atan2(t.points[0, :, -1], t.points[1, :, -1])
    turned = (angles - torch.arange(6, dtype=torch.float64) * step) / (2 * pi)
    torch.testing.assert_close(turned, turned.round(), atol=1e-12, rtol=0)
    later = Trajectory.golden_angle(2, 4, first=4, tiny=tiny)
    torch.testing.assert_close(later.points, t.points[:, 4:])
    if tiny == 1:
        assert step == pytest.approx(np.deg2rad(111.246), rel=1e-5)


def test_spirals_are_archimedean_and_interleaved():
    t = Trajectory.spiral(3, 60, turns=5)
    radius = torch.linalg.vector_norm(t.points, dim=0)
    torch.testing.assert_close(radius, (torch.arange(60).double() / 120).expand(3, 60))
    angle = 2 * pi * (torch.tensor([0.0, 1 / 3, 2 / 3], dtype=torch.float64) + 7 * 5 / 60)
    torch.testing.assert_close(t.points[:, :, 7] / radius[:, 7], torch.stack((angle.sin(), angle.cos())))
    dense = torch.linalg.vector_norm(Trajectory.spiral(3, 60, turns=5, power=2, radius=0.3).points, dim=0)
    torch.testing.assert_close(dense[0], 0.3 * (torch.arange(60).double() / 60) ** 2)


def test_stacks_of_stars_repeat_their_star_plane_after_plane():
    t = Trajectory.stack_of_stars(5, 8, 4)
    assert t.ndim == 3
    assert t.shape == (20, 8)
    z, plane = t.points[0].reshape(4, 5, 8), t.points[1:].reshape(2, 4, 5, 8)
    assert torch.equal(z, ((torch.arange(4) - 2).double() / 4)[:, None, None].expand(4, 5, 8))
    assert torch.equal(plane, Trajectory.radial(5, 8).points[:, None].expand(2, 4, 5, 8))
    golden = Trajectory.stack_of_stars(5, 8, 4, golden=True).points[1:, 5:10]
    assert torch.equal(golden, Trajectory.golden_angle(5, 8).points)


def test_named_classes_hold_the_same_points():
    pairs = [
        (RadialTrajectory(3, 8), Trajectory.radial(3, 8)),
        (GoldenAngleTrajectory(3, 8, first=2), Trajectory.golden_angle(3, 8, first=2)),
        (SpiralTrajectory(3, 8, 2.0), Trajectory.spiral(3, 8, 2.0)),
        (StackOfStarsTrajectory(3, 8, 2), Trajectory.stack_of_stars(3, 8, 2)),
    ]
    for named, made in pairs:
        assert named == made
        assert hash(named) == hash(made)


def test_all_layouts_of_one_trajectory_are_equal():
    points = scattered()
    here = Trajectory(points)
    y, x = (points * torch.tensor(SHAPE)[:, None, None]).unbind()
    last = torch.stack((y, x), -1)
    layouts = [
        Trajectory.from_points(points),
        Trajectory.from_kn(last, SHAPE),
        Trajectory.from_kn(last.numpy(), SHAPE, "sigpy"),
        Trajectory.from_kn((torch.zeros(1, 1, 1, 1, 1), y[None, None, None], x[None, None, None]), SHAPE, "mrpro"),
        Trajectory.from_kn(torch.stack((x.T, y.T, torch.zeros(5, 3))), SHAPE, "bart"),
        Trajectory.from_kn(torch.stack((x.T, y.T, torch.zeros(5, 3))).to(torch.complex128), SHAPE, "bart"),
        Trajectory.from_radians(2 * pi * points),
        Trajectory.from_mri_nufft(points.movedim(0, -1).float().double()),
    ]
    for found in layouts[:-1]:
        torch.testing.assert_close(found.points, here.points, atol=1e-14, rtol=0)
    torch.testing.assert_close(layouts[-1].points, here.points, atol=1e-7, rtol=0)
    flat = Trajectory.from_radians(2 * pi * points.flatten(1))
    torch.testing.assert_close(flat.points, here.points.reshape(2, 1, 15), atol=1e-14, rtol=0)


def test_layouts_in_space():
    points, shape = scattered(3), (4, 6, 10)
    z, y, x = (points * torch.tensor(shape)[:, None, None]).unbind()
    here = Trajectory(points).points
    bart = Trajectory.from_kn(torch.stack((x.T, y.T, z.T)), shape, "bart")
    torch.testing.assert_close(bart.points, here, atol=1e-14, rtol=0)
    torch.testing.assert_close(Trajectory.from_kn((z, y, x), shape, "mrpro").points, here, atol=1e-14, rtol=0)


def test_half_a_cycle_is_taken_for_minus_half():
    rim = torch.tensor([[[0.5, -0.5]], [[0.0, 0.25]]], dtype=torch.float64)
    for found in (Trajectory.from_mri_nufft(rim.movedim(0, -1)), Trajectory.from_radians(2 * pi * rim)):
        assert torch.equal(found.points, torch.tensor([[[-0.5, -0.5]], [[0.0, 0.25]]], dtype=torch.float64))
    single = Trajectory.from_radians((2 * pi * rim).float())  # whose π is more than π
    assert float(single.points.min()) == -0.5


def test_shots_are_chosen_by_index():
    t = Trajectory.radial(6, 8)
    assert t[2:4].shape == (2, 8)
    assert torch.equal(t[[5, 0]].points, t.points[:, [5, 0]])


def test_it_is_a_value():
    points = scattered()
    t = Trajectory(points)
    points += 0.1
    assert torch.equal(t.points, scattered())
    assert t == Trajectory(scattered())
    assert t != Trajectory.radial(3, 5)
    assert t != "radial"
    for twin in (pickle.loads(pickle.dumps(t)), copy.deepcopy(t), pickle.loads(pickle.dumps(RadialTrajectory(3, 8)))):
        assert twin == (t if twin.shape == (3, 5) else Trajectory.radial(3, 8))
    with pytest.raises(AttributeError, match="does not change"):
        t.points = points
    assert Trajectory(scattered().float()).points.dtype == torch.float64
    assert repr(RadialTrajectory(3, 8)) == "RadialTrajectory(3 shots × 8 samples, 2D)"


def test_points_stay_in_their_graph():
    points = scattered().requires_grad_()
    t = Trajectory.from_points(points)
    assert t.learns
    assert torch.autograd.grad(t.points.sum(), points)[0].eq(1).all()
    assert not Trajectory(points.detach()).learns


@pytest.mark.parametrize(
    ("make", "kind", "sentence"),
    [
        (lambda: Trajectory(scattered() * 256), ValueError, r"within \[-1/2, 1/2\), got -99\.9.* convert k·N"),
        (lambda: Trajectory(scattered() + 0.5), ValueError, r"within \[-1/2, 1/2\)"),
        (lambda: Trajectory(torch.full((2, 1, 1), 0.5)), ValueError, r"got 0\.5 to 0\.5"),
        (lambda: Trajectory(scattered()[0]), ValueError, r"shape \(2 or 3, shots, samples\), got \(3, 5\)"),
        (lambda: Trajectory(scattered().movedim(0, -1)[..., None]), ValueError, "2 or 3, shots, samples"),
        (lambda: Trajectory(torch.full((2, 1, 2), torch.nan)), ValueError, "finite numbers in points"),
        (lambda: Trajectory(torch.zeros(2, 0, 4)), ValueError, "at least one point"),
        (lambda: Trajectory(1j * scattered()), TypeError, "real points"),
        (lambda: Trajectory(scattered(), "cartesian"), ValueError, "convention .* got 'cartesian'"),
        (lambda: Trajectory(scattered(), "sigpy"), ValueError, r"needs the image's shape \(\[nz,\] ny, nx\)"),
        (lambda: Trajectory.from_kn(scattered(3).movedim(0, -1), SHAPE), ValueError, "points of 2 axes"),
        (lambda: Trajectory.from_kn(scattered(3).mT, SHAPE, "bart"), ValueError, "kz = 0 everywhere"),
        (lambda: Trajectory.from_kn(scattered(2).mT, SHAPE, "bart"), ValueError, r"\(3, samples, \[shots\]\)"),
        (lambda: Trajectory.from_kn(scattered(2), SHAPE, "mrpro"), ValueError, r"\(kz, ky, kx\)"),
        (lambda: Trajectory.from_mri_nufft(scattered()), ValueError, r"\(\[shots,\] samples, 2 or 3\)"),
        (lambda: Trajectory.radial(0, 8), ValueError, "spokes to be a positive whole number"),
        (lambda: Trajectory.radial(3, 8, angles=[0.0]), ValueError, "each of 3 spokes, got 1"),
        (lambda: Trajectory.golden_angle(3, 8, first=-1), ValueError, "first to be a whole number from 0"),
        (lambda: Trajectory.spiral(3, 8, turns=0), ValueError, "positive, finite number of turns"),
        (lambda: Trajectory.spiral(3, 8, turns=2, radius=0.6), ValueError, "at most 1/2"),
    ],
)
def test_refusals(make, kind, sentence):
    with pytest.raises(kind, match=sentence):
        make()


def test_cycles_are_not_taken_for_radians_or_cycles_per_field_of_view():
    """Such points would lie at the centre of k-space, all of them, without a word."""
    cycles = Trajectory.radial(5, 12).points
    with pytest.raises(
        ValueError, match=r"expects points in radians per pixel, got such up to 0\.5, as those in cycles"
    ):
        Trajectory.from_radians(cycles)
    with pytest.raises(ValueError, match=r"expects points in k·N, got such up to 0\.5, as those in cycles per pixel"):
        Trajectory.from_kn(cycles.movedim(0, -1), (12, 12))
    with pytest.raises(ValueError, match="expects a shape of positive whole numbers"):
        Trajectory.from_kn(cycles.movedim(0, -1) * 12, (0, 12))
    assert torch.equal(Trajectory.from_kn(torch.zeros(3, 4, 2), (12, 12)).points, torch.zeros(2, 3, 4).double())
    assert Trajectory.from_radians(0.4 * torch.ones(2, 1, 3)).shape == (1, 3)
