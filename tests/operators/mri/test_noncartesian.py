"""NonCartesianMRI against CartesianMRI and against sums written out."""

import pickle

import pytest
import torch
from torch.autograd import gradcheck

from recon.operators import CartesianMRI, NonCartesianMRI, Trajectory, density_compensation
from recon.solvers import cg


def random(shape, dtype=torch.complex128, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def smooth(shape, coils):
    """Sensitivities that vary slowly, with Σ|S|² = 1."""
    axes = torch.meshgrid(*(torch.linspace(-1, 1, n, dtype=torch.float64) for n in shape), indexing="ij")
    turns = 2 * torch.pi * torch.arange(coils) / coils
    maps = torch.stack([torch.polar(1.2 + axes[-1] * t.cos() + axes[-2] * t.sin(), t + axes[-1]) for t in turns])
    return maps / maps.abs().square().sum(0).sqrt()


@pytest.mark.parametrize("shape", [(8, 6), (7, 9), (4, 5, 6)])
@pytest.mark.parametrize("coils", [None, 3])
def test_cartesian_points_equal_the_cartesian_operator(shape, coils):
    maps = None if coils is None else random((coils, *shape), seed=1)
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(2)) < 0.6
    axes = [(torch.arange(n, dtype=torch.float64) - n // 2) / n for n in shape]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"))[:, mask][:, None]
    A, C = NonCartesianMRI(points, maps, shape), CartesianMRI(mask, maps, shape, len(shape))
    x = random((2, *shape))
    torch.testing.assert_close(A(x)[..., 0, :], C(x)[..., mask], atol=1e-12, rtol=0)
    torch.testing.assert_close(A.adjoint(A(x)), C.adjoint(C(x)), atol=1e-12, rtol=0)
    torch.testing.assert_close(A.normal(x), C.normal(x), atol=1e-12, rtol=0)


@pytest.mark.parametrize(
    ("shape", "trajectory"),
    [
        ((66, 70), Trajectory.golden_angle(12, 70)),
        ((20, 21), Trajectory.spiral(2, 80, 4)),
        ((4, 9, 10), Trajectory.stack_of_stars(3, 12, 4)),
    ],
    ids=str,
)
def test_equals_the_sum_coil_by_coil(shape, trajectory, ndft):
    maps = random((3, *shape), seed=1)
    A = NonCartesianMRI(trajectory, maps)
    x = random((2, 2, *shape))
    expected = ndft(maps * x.unsqueeze(2), trajectory.points)
    assert float((A(x) - expected).norm() / expected.norm()) <= 1e-11
    single = NonCartesianMRI(trajectory, maps, eps=1e-4)(x.to(torch.complex64))
    assert float((single - expected).norm() / expected.norm()) <= 2e-4
    y = random((2, 2, *A.range_shape), seed=2)
    assert abs(torch.vdot(A(x).flatten(), y.flatten()) - torch.vdot(x.flatten(), A.adjoint(y).flatten())) <= 1e-9
    assert torch.equal(pickle.loads(pickle.dumps(A))(x), A(x))


def test_threads_change_nothing():
    A = NonCartesianMRI(Trajectory.radial(9, 24), random((5, 20, 24), torch.complex64))
    x, y = random((3, 20, 24), torch.complex64), random((3, 5, 9, 24), torch.complex64)
    threads, results = torch.get_num_threads(), []
    try:
        for number in (1, 2, 4):
            torch.set_num_threads(number)
            results.append((A(x), A.adjoint(y)))
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        assert torch.equal(other[0], results[0][0])
        torch.testing.assert_close(other[1], results[0][1])


def test_frames_share_the_shots_and_slices_have_their_maps(ndft):
    trajectory, maps = Trajectory.golden_angle(6, 10), random((3, 8, 7), seed=1)
    x = random((4, 2, 8, 7))
    series = NonCartesianMRI(trajectory, maps, frames=2)
    assert series.range_shape == (2, 3, 3, 10)
    for frame in range(2):
        expected = ndft(maps * x[:, frame, None], trajectory.points[:, 3 * frame : 3 * frame + 3])
        torch.testing.assert_close(series(x)[:, frame], expected, atol=1e-11, rtol=0)
    one_coil = NonCartesianMRI(trajectory, shape=(2, 8, 7), frames=2)
    torch.testing.assert_close(one_coil(x)[:, 1], ndft(x[:, 1], trajectory.points[:, 3:]), atol=1e-11, rtol=0)
    stacked = random((2, 3, 8, 7), seed=2)
    slices = NonCartesianMRI(trajectory, stacked)
    assert slices.range_shape == (2, 3, 6, 10)
    for place in range(2):
        expected = ndft(stacked[place] * x[:, place, None], trajectory.points)
        torch.testing.assert_close(slices(x)[:, place], expected, atol=1e-11, rtol=0)
    both = NonCartesianMRI(trajectory, stacked, frames=2)
    expected = ndft(stacked[1] * x[:, 1, None], trajectory.points[:, 3:])
    torch.testing.assert_close(both(x)[:, 1], expected, atol=1e-11, rtol=0)
    for A in (series, one_coil, slices, both):
        y = random((4, *A.range_shape), seed=3)
        gap = torch.vdot(A(x).flatten(), y.flatten()) - torch.vdot(x.flatten(), A.adjoint(y).flatten())
        assert abs(gap) <= 1e-10
        torch.testing.assert_close(A.normal(x), A.adjoint(A(x)), atol=1e-11, rtol=0)
        learnt = trajectory.points.clone().requires_grad_()
        same = NonCartesianMRI(learnt, A.coil_maps, shape=(8, 7), frames=A.frames)
        torch.testing.assert_close(same(x), A(x))
        torch.testing.assert_close(same.adjoint(y), A.adjoint(y))


def test_density_never_enters_the_operator():
    trajectory = Trajectory.radial(30, 48)
    weights = density_compensation(trajectory, (24, 24), "radial")
    A = NonCartesianMRI(trajectory, smooth((24, 24), 4))
    x = random((24, 24))
    torch.testing.assert_close(A.gram(weights)(x), A.adjoint(weights * A(x)), atol=1e-11, rtol=1e-11)
    torch.testing.assert_close(A.normal(x), A.adjoint(A(x)), atol=1e-11, rtol=1e-11)


def test_conjugate_gradients_find_the_image():
    shape = (12, 10)
    A = NonCartesianMRI(Trajectory.golden_angle(9, 24), smooth(shape, 4))
    matrix = A(torch.eye(120, dtype=torch.complex128).reshape(120, *shape)).flatten(1).mT
    b = A.adjoint(A(random(shape)))
    expected = torch.linalg.solve(matrix.mH @ matrix + 0.01 * torch.eye(120), b.flatten()).reshape(shape)
    found, info = cg(lambda u: A.normal(u) + 0.01 * u, b, ndim=2, rtol=1e-12, max_iter=300)
    assert info.residual <= 1e-11
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8)


def test_points_learn_through_coils_and_the_normal_operator():
    shape, maps = (4, 5), random((2, 4, 5), seed=1)
    points = torch.rand(2, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) * 0.9 - 0.45
    points, x = points.requires_grad_(), random(shape).requires_grad_()
    y = random((2, 2, 3), seed=2).requires_grad_()
    assert gradcheck(lambda u, k: NonCartesianMRI(k, maps)(u), (x, points))
    assert gradcheck(lambda u, k: NonCartesianMRI(k, maps).adjoint(u), (y, points))
    assert gradcheck(lambda u, k: NonCartesianMRI(k, maps).normal(u), (x, points))
    assert gradcheck(lambda u, k: NonCartesianMRI(k, shape=shape)(u), (x, points))
    fixed = NonCartesianMRI(points.detach(), maps)
    torch.testing.assert_close(NonCartesianMRI(points, maps)(x), fixed(x))
    torch.testing.assert_close(NonCartesianMRI(points, maps).gram()(x), fixed.gram()(x))


def test_a_rotated_scan_is_turned_back_by_gradients():
    """Descent on the angle by which spokes were turned finds it."""
    shape = (16, 16)
    star = Trajectory.radial(12, 16).points * 0.9
    y, x = torch.meshgrid(torch.arange(16.0) - 8, torch.arange(16.0) - 8, indexing="ij")
    image = torch.exp(-((x - 2) ** 2 / 8 + (y + 1) ** 2 / 3)).to(torch.complex128)

    def turned(angle):
        c, s = angle.cos(), angle.sin()
        return torch.stack((c * star[0] + s * star[1], c * star[1] - s * star[0]))

    data = NonCartesianMRI(turned(torch.tensor(0.07, dtype=torch.float64)), shape=shape)(image)
    angle = torch.zeros((), dtype=torch.float64, requires_grad=True)
    for _ in range(12):
        difference = NonCartesianMRI(turned(angle), shape=shape)(image) - data
        residual = torch.view_as_real(difference).square().sum()
        (slope,) = torch.autograd.grad(residual, angle, create_graph=True)
        (curvature,) = torch.autograd.grad(slope, angle)
        angle = (angle - slope / curvature.abs()).detach().requires_grad_()
    assert float(angle) == pytest.approx(0.07, abs=1e-8)


def test_the_preconditioner_of_a_series_is_that_of_its_frames():
    A = NonCartesianMRI(Trajectory.golden_angle(8, 12), shape=(12, 10), frames=2)
    alone = [NonCartesianMRI(A.trajectory[part], shape=(12, 10)) for part in (slice(0, 4), slice(4, 8))]
    mean = sum(op.gram_spectrum().values for op in alone) / 2
    torch.testing.assert_close(A.gram_spectrum().values, mean[None])


def test_the_preconditioner_is_that_of_the_kernel():
    maps = 2 * smooth((12, 10), 3)
    A = NonCartesianMRI(Trajectory.radial(9, 12), maps)
    alone = NonCartesianMRI(Trajectory.radial(9, 12), shape=(12, 10))
    torch.testing.assert_close(A.gram_spectrum().values, 4 * alone.gram_spectrum().values)
    assert not A.gram_spectrum().above


@pytest.mark.parametrize(
    ("make", "kind", "sentence"),
    [
        (
            lambda: NonCartesianMRI(torch.full((2, 3, 4), 5.0), shape=(8, 8)),
            ValueError,
            r"cycles per pixel within \[-1/2, 1/2\), got 5 to 5; convert k·N with Trajectory\.from_kn",
        ),
        (
            lambda: NonCartesianMRI(torch.full((2, 3, 4), torch.nan), shape=(8, 8)),
            ValueError,
            "finite numbers in points",
        ),
        (lambda: NonCartesianMRI(Trajectory.radial(3, 8)), ValueError, r"needs the shape \(ny, nx\)"),
        (
            lambda: NonCartesianMRI(Trajectory.radial(3, 8), random((2, 4, 3, 8, 8))),
            ValueError,
            r"coil_maps of shape \(coils, ny, nx\) or one such for each slice, got \(2, 4, 3, 8, 8\)",
        ),
        (
            lambda: NonCartesianMRI(Trajectory.radial(3, 8), shape=(8, 8, 8)),
            ValueError,
            r"images of 2 axes for a trajectory of 2, got shape \(8, 8, 8\)",
        ),
        (
            lambda: NonCartesianMRI(Trajectory.radial(6, 8), shape=(8, 8), frames=4),
            ValueError,
            "frames to divide the 6 shots, got 4",
        ),
        (
            lambda: NonCartesianMRI(Trajectory.radial(6, 8), random((2, 4, 8, 8)), frames=3),
            ValueError,
            r"coil_maps for each of 3 frames, got \(2, 4, 8, 8\)",
        ),
        (
            lambda: NonCartesianMRI(Trajectory.radial(3, 8), random((4, 8, 8)), shape=(8, 9)),
            ValueError,
            r"images of shape \(8, 9\), got maps of \(8, 8\)",
        ),
        (
            lambda: NonCartesianMRI(Trajectory.radial(3, 8), torch.ones(4, 8, 8)),
            TypeError,
            "complex coil_maps, got float32",
        ),
        (
            lambda: NonCartesianMRI(Trajectory.radial(3, 8), torch.full((4, 8, 8), complex(torch.nan))),
            ValueError,
            "finite numbers in coil_maps",
        ),
        (
            lambda: NonCartesianMRI(Trajectory.radial(3, 8), random((4, 8, 8))).adjoint(torch.ones(4, 3, 8)),
            TypeError,
            "expects a complex tensor, got float32",
        ),
        (
            lambda: NonCartesianMRI(Trajectory.radial(3, 8), random((4, 8, 8))).adjoint(random((3, 8))),
            ValueError,
            r"shape \(\.\.\., 4, 3, 8\), got \(3, 8\)",
        ),
    ],
)
def test_refusals(make, kind, sentence):
    with pytest.raises(kind, match=sentence):
        make()


@pytest.mark.parametrize("frames", [None, 3])
def test_weights_of_samples_need_no_nonuniform_transform(frames, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(2, 8, 7, dtype=torch.complex128, generator=generator)
    A = NonCartesianMRI(Trajectory.golden_angle(6, 12), maps, frames=frames)
    x = torch.randn(2, *A.domain_shape, dtype=torch.complex128, generator=generator)
    w = torch.rand((*A.range_shape[:-3], 1, *A.range_shape[-2:]), dtype=torch.float64, generator=generator)
    per_coil = torch.rand(A.range_shape, dtype=torch.float64, generator=generator)
    wanted = [A.adjoint(v * A(x)) for v in (w, 2 * w, per_coil)]
    torch.testing.assert_close(A.weighted_normal(x, per_coil), wanted[2], rtol=1e-11, atol=1e-11)
    first = A.weighted_normal(x, w)
    monkeypatch.setattr(NonCartesianMRI, "apply", None)
    torch.testing.assert_close(first, wanted[0], rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(A.weighted_normal(x, 2 * w[None]), wanted[1], rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(A.weighted_normal(x, w.clone()), wanted[0], rtol=1e-11, atol=1e-11)


def test_weights_per_item_and_those_that_are_learnt():
    A = NonCartesianMRI(Trajectory.golden_angle(6, 12), shape=(8, 7))
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 8, 7, dtype=torch.complex128, generator=generator)
    w = torch.rand(2, 6, 12, dtype=torch.float64, generator=generator, requires_grad=True)
    torch.testing.assert_close(A.weighted_normal(x, w.detach()), A.adjoint(w.detach() * A(x)))
    (slope,) = torch.autograd.grad(A.weighted_normal(x, w[:1]).abs().square().sum(), w)
    assert bool(slope[0].any())
