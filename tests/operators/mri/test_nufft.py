"""NUFFT against sums written out, at the accuracies it promises, and its derivatives in image and points."""

import pickle

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from recon.operators import NUFFT, Trajectory, centred_fft
from recon.operators.mri.kernels.nufft import StackPlans


def random(shape, dtype=torch.complex128, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def scattered(ndim, shots, samples, seed=3):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(ndim, shots, samples, dtype=torch.float64, generator=generator) - 0.5


def error(found, expected):
    return float((found.to(expected.dtype) - expected).norm() / expected.norm())


SCANS = [
    ((192, 256), Trajectory(scattered(2, 10, 40))),
    ((63, 50), Trajectory.radial(9, 60)),
    ((64, 64), Trajectory.spiral(3, 200, 5)),
    ((11, 12, 14), Trajectory(scattered(3, 10, 40))),
    ((6, 20, 21), Trajectory.stack_of_stars(5, 24, 6)),
    ((5, 12, 12), Trajectory.stack_of_stars(4, 16, 5, golden=True)),
]


@pytest.mark.parametrize(("shape", "trajectory"), SCANS, ids=lambda value: str(value))
def test_equals_the_sum(shape, trajectory, ndft):
    x, y = random((2, *shape)), random((2, *trajectory.shape), seed=1)
    expected = ndft(x, trajectory.points)
    exact, single = NUFFT(shape, trajectory), NUFFT(shape, trajectory, eps=1e-4)
    assert error(exact(x), expected) <= 1e-11
    assert error(single(x.to(torch.complex64)), expected) <= 2e-4
    assert error(NUFFT(shape, trajectory)(x.to(torch.complex64)), expected) <= 5e-5
    for A, dtype, tolerance in ((exact, torch.complex128, 1e-13), (single, torch.complex64, 1e-6)):
        u, v = x.to(dtype), y.to(dtype)
        Au, Av = A(u), A.adjoint(v)
        assert Au.dtype == Av.dtype == dtype
        wide = [t.to(torch.complex128).flatten() for t in (Au, v, u, Av)]
        gap = abs(torch.vdot(wide[0], wide[1]) - torch.vdot(wide[2], wide[3]))
        assert gap <= tolerance * wide[0].norm() * wide[1].norm()


@pytest.mark.parametrize("shape", [(40, 50), (8, 10, 12)])
@pytest.mark.parametrize("eps", [1e-2, 1e-4, 1e-6, 1e-8, 9e-9, 1e-11])
def test_eps_is_kept_and_both_maps_are_transposes(eps, shape, ndft):
    points = scattered(len(shape), 8, 30)
    x, y = random(shape), random((8, 30), seed=1)
    A = NUFFT(shape, points, eps)
    assert 1e-4 * eps < error(A(x), ndft(x, points)) < 5 * eps
    gap = torch.vdot(A(x).flatten(), y.flatten()) - torch.vdot(x.flatten(), A.adjoint(y).flatten())
    assert abs(gap) <= 1e-13 * x.norm() * y.norm()


@pytest.mark.parametrize("shape", [(8, 6), (7, 8), (5, 7), (3, 4, 5)])
def test_cartesian_points_give_the_fft(shape):
    axes = [(torch.arange(n, dtype=torch.float64) - n // 2) / n for n in shape]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij")).reshape(len(shape), shape[0], -1)
    x = random((2, *shape))
    spectrum = centred_fft(x, len(shape))
    A = NUFFT(shape, points)
    torch.testing.assert_close(A(x), spectrum.reshape(2, shape[0], -1), atol=1e-12, rtol=0)
    torch.testing.assert_close(A.adjoint(A(x)), x, atol=1e-12, rtol=0)


def test_stacks_are_recognised_by_their_points(ndft):
    shape = (6, 10, 12)
    stack = Trajectory.stack_of_stars(4, 9, 6)
    every_other = Trajectory(stack.points.reshape(3, 6, 4, 9)[:, [4, 0, 2]].flatten(1, 2))
    twice = Trajectory(stack.points.reshape(3, 6, 4, 9)[:, [1, 3, 1]].flatten(1, 2))
    turned = stack.points.clone()
    turned[1:, 4:8] = Trajectory.golden_angle(4, 9, first=3).points
    between = stack.points.clone()
    between[0, :4] += 0.01
    bent = stack.points.clone()
    bent[0, 3, 2] += 0.1
    x = random(shape)
    for points, stacked in (
        (stack.points, True),
        (every_other.points, True),
        (twice.points, True),
        (turned, False),
        (between, False),
        (bent, False),
    ):
        A = NUFFT(shape, points)
        assert isinstance(A.plans.at(), StackPlans) == stacked
        assert error(A(x), ndft(x, points)) <= 1e-11
        y = random(A.range_shape, seed=1)
        assert abs(torch.vdot(A(x).flatten(), y.flatten()) - torch.vdot(x.flatten(), A.adjoint(y).flatten())) <= 1e-10
    assert not isinstance(NUFFT((7, 10, 12), stack).plans.at(), StackPlans)


def test_threads_and_earlier_calls_change_nothing():
    A = NUFFT((30, 32), Trajectory.radial(20, 32))
    x, y = random((7, 30, 32), torch.complex64), random((7, 20, 32), torch.complex64, 1)
    first = A(x), A.adjoint(y)
    threads = torch.get_num_threads()
    try:
        for number in (1, 2, 4):
            torch.set_num_threads(number)
            assert torch.equal(A(x), first[0])
            assert torch.equal(A.adjoint(y), first[1])
            A(x.to(torch.complex128))
    finally:
        torch.set_num_threads(threads)
    twin = pickle.loads(pickle.dumps(A))
    assert "plans" not in twin.__dict__
    assert torch.equal(twin(x), first[0])


def test_plans_are_kept(monkeypatch):
    import finufft

    made = []

    class Counted(finufft.Plan):
        def __init__(self, *args, **kwargs):
            made.append(args[0])
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(finufft, "Plan", Counted)
    A = NUFFT((12, 14), scattered(2, 3, 8))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for batch in ((), (3,), (2, 2), (7,), (20,)):
            for dtype in (torch.complex64, torch.complex128):
                A.adjoint(A(random((*batch, 12, 14), dtype)))
    finally:
        torch.set_num_threads(threads)
    powers = (1, 2, 4, 8)  # items of a call of a plan
    assert sorted(made) == [kind for kind in (1, 2) for _ in powers for _ in range(2)]


# ---------------------------------------------------------------- derivatives with respect to points


def loss(samples, target):
    return (samples - target).abs().square().sum()


@pytest.mark.parametrize("shape", [(9, 8), (4, 5, 6)])
def test_gradients_of_points_are_finite_differences_of_the_sum(shape, ndft):
    points = scattered(len(shape), 2, 3) * 0.9
    x, target = random((2, *shape)), random((2, 2, 3), seed=1)
    learnt = points.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(NUFFT(shape, learnt)(x), target), learnt)
    step, differences = 1e-5, torch.zeros_like(points)
    for place in range(points.numel()):
        moved = torch.zeros_like(points).flatten()
        moved[place] = step
        moved = moved.reshape(points.shape)
        rise = loss(ndft(x, points + moved), target) - loss(ndft(x, points - moved), target)
        differences.view(-1)[place] = rise / (2 * step)
    torch.testing.assert_close(gradient, differences, rtol=1e-6, atol=1e-6 * float(differences.abs().max()))
    single = NUFFT(shape, learnt)(x.to(torch.complex64))
    (rough,) = torch.autograd.grad(loss(single, target.to(torch.complex64)), learnt)
    assert rough.dtype == torch.float64
    assert error(rough, gradient) < 1e-3


def test_derivatives_of_any_order_reach_image_and_points():
    shape = (3, 2)
    points, x = (scattered(2, 1, 2) * 0.9).requires_grad_(), random((2, *shape)).requires_grad_()
    y = random((2, 1, 2), seed=1).requires_grad_()

    def forward(image, k):
        return NUFFT(shape, k)(image)

    def adjoint(data, k):
        return NUFFT(shape, k).adjoint(data)

    assert gradcheck(forward, (x, points), check_forward_ad=True)
    assert gradcheck(adjoint, (y, points), check_forward_ad=True)
    assert gradgradcheck(lambda u, k: loss(forward(u, k), 0.1), (x, points))
    assert gradgradcheck(lambda u, k: loss(adjoint(u, k), 0.1), (y, points))


def test_functional_transforms_reach_the_points():
    shape, points, x = (5, 4), scattered(2, 2, 3) * 0.9, random((5, 4))

    def energy(k):
        return NUFFT(shape, k)(x).abs().square().sum()

    gradient = torch.func.grad(energy)(points)
    learnt = points.clone().requires_grad_()
    torch.testing.assert_close(gradient, torch.autograd.grad(energy(learnt), learnt)[0])
    direction = scattered(2, 2, 3, seed=5)
    slope = torch.func.jvp(energy, (points,), (direction,))[1]
    torch.testing.assert_close(slope, (gradient * direction).sum())


@pytest.mark.filterwarnings("ignore:ComplexHalf")
def test_half_precision_images_keep_their_dtype_when_points_learn():
    learnt = scattered(2, 2, 3).requires_grad_()
    x = random((4, 5), torch.complex64)
    assert NUFFT((4, 5), learnt)(x.to(torch.complex32)).dtype == torch.complex32


@pytest.mark.parametrize(
    ("make", "kind", "sentence"),
    [
        (lambda: NUFFT((8, 8), torch.full((2, 1, 4), 0.7)), ValueError, r"within \[-1/2, 1/2\), got 0\.7 to 0\.7"),
        (lambda: NUFFT((8, 8, 8), Trajectory.radial(2, 4)), ValueError, r"2 axes .* got shape \(8, 8, 8\)"),
        (lambda: NUFFT((8, 8), "radial"), TypeError, "expects a Trajectory or its points as a tensor, got str"),
        (lambda: NUFFT((8, 8), Trajectory.radial(2, 4), eps=0), ValueError, "eps to be a relative error"),
        (lambda: NUFFT((8, 8), Trajectory.radial(2, 4), eps=float("nan")), ValueError, "got nan"),
        (lambda: NUFFT((8, 8), Trajectory.radial(2, 4))(torch.zeros(8, 8)), TypeError, "expects a complex tensor"),
        (
            lambda: NUFFT((8, 8), Trajectory.radial(2, 4)).adjoint(torch.zeros(4, 2, dtype=torch.complex64)),
            ValueError,
            r"shape \(\.\.\., 2, 4\), got \(4, 2\)",
        ),
        (
            lambda: NUFFT((8, 8), scattered(2, 2, 4).requires_grad_())(torch.zeros(8, 8)),
            TypeError,
            "expects a complex tensor",
        ),
    ],
)
def test_refusals(make, kind, sentence):
    with pytest.raises(kind, match=sentence):
        make()
