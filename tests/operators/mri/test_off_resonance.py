"""Phase and decay during the readout, against sums written out."""

from math import pi

import pytest
import torch

from recon.operators import CartesianMRI, Identity, NonCartesianMRI, OffResonanceMRI, Trajectory, birdcage_maps

SHAPE = (14, 11)
GENERATOR = torch.Generator().manual_seed(0)
Y, X = torch.meshgrid(*[(torch.arange(n) - n // 2).double() for n in SHAPE], indexing="ij")
B0 = 150 * torch.exp(-((X - 2) ** 2 + (Y + 3) ** 2) / 12) - 12 * Y
R2_STAR = 15 + 60 * (X > 0)
IMAGE = torch.randn(SHAPE, dtype=torch.complex128, generator=GENERATOR)
MAPS = birdcage_maps(SHAPE, 3).to(torch.complex128)
SPIRAL = Trajectory.spiral(3, 120, turns=3)


def summed(points, times, r2_star, coil):
    """Σ_n S[n] x[n] exp(−(R2* + 2πi B0) t − 2πi k·n) over N^½, sample by sample."""
    rates = (r2_star + 2j * pi * B0).flatten()
    places = torch.stack([Y.flatten(), X.flatten()])
    kernel = torch.exp(-2j * pi * (points.flatten(1).T @ places) - times.flatten()[:, None] * rates)
    return (kernel @ (coil * IMAGE).flatten()) / IMAGE.numel() ** 0.5


def allowed(A, coil):
    return A.error * float((coil * IMAGE).abs().sum()) / IMAGE.numel() ** 0.5 + 1e-9


@pytest.mark.parametrize("segmentation", ["time", "frequency"])
@pytest.mark.parametrize("tol", [1e-2, 1e-5])
@pytest.mark.parametrize("decays", [False, True])
def test_spirals_are_the_direct_sum_within_the_stated_error(segmentation, tol, decays):
    times = torch.linspace(0, 0.015, 120, dtype=torch.float64)
    scan = NonCartesianMRI(SPIRAL, MAPS, eps=1e-13)
    A = OffResonanceMRI(scan, B0, times, R2_STAR if decays else None, segmentation, tol)
    assert A.error <= tol
    r2_star = R2_STAR if decays else torch.zeros(SHAPE)
    for coil, samples in zip(MAPS, A(IMAGE), strict=True):
        expected = summed(SPIRAL.points, times.expand(3, 120), r2_star, coil)
        assert float((samples.flatten() - expected).abs().max()) <= allowed(A, coil)


def test_cartesian_readouts_of_echoes_are_the_direct_sum():
    mask = torch.tensor([1, 0] * 7)[:, None]
    times = (torch.arange(11, dtype=torch.float64) - 5) * 4e-4
    A = OffResonanceMRI(CartesianMRI(mask, MAPS), B0, times, tol=1e-6)
    points = torch.stack(torch.meshgrid(*[(torch.arange(n).double() - n // 2) / n for n in SHAPE], indexing="ij"))
    for coil, samples in zip(MAPS, A(IMAGE), strict=True):
        expected = summed(points, times.expand(SHAPE), torch.zeros(SHAPE), coil).reshape(SHAPE) * mask
        assert float((samples - expected).abs().max()) <= allowed(A, coil)


def test_a_constant_field_shifts_along_the_readout():
    pixels, n = 2, 11
    dwell = 1e-4
    times = (torch.arange(n, dtype=torch.float64) - n // 2) * dwell
    b0 = torch.full(SHAPE, pixels / (n * dwell), dtype=torch.float64)
    scan = CartesianMRI(torch.ones(1), shape=SHAPE)
    A = OffResonanceMRI(scan, b0, times, tol=1e-8)
    torch.testing.assert_close(scan.adjoint(A(IMAGE)), IMAGE.roll(pixels, -1), atol=1e-7, rtol=0)


def test_the_adjoint_is_exact_however_few_the_segments():
    times = torch.linspace(0, 0.015, 120, dtype=torch.float64)
    A = OffResonanceMRI(NonCartesianMRI(SPIRAL, MAPS), B0, times, R2_STAR, count=2)
    assert A.count == 2
    assert A.error > 0.1
    y = torch.randn(A.range_shape, dtype=torch.complex128, generator=GENERATOR)
    difference = torch.vdot(A(IMAGE).flatten(), y.flatten()) - torch.vdot(IMAGE.flatten(), A.adjoint(y).flatten())
    assert abs(difference) < 1e-13 * float(A(IMAGE).norm() * y.norm())


def test_frames_with_times_of_their_own():
    echoes = torch.tensor([0.0, 0.004]).double()
    times = echoes[:, None, None, None] + torch.linspace(0, 0.001, 11).double()
    scan = CartesianMRI(torch.ones(2, 14, 1), MAPS, ndim=2)
    A = OffResonanceMRI(scan, B0, times, tol=1e-7)
    one = OffResonanceMRI(CartesianMRI(torch.ones(14, 1), MAPS), B0, times[1, 0, 0], tol=1e-7)
    torch.testing.assert_close(A(torch.stack([IMAGE, IMAGE]))[1], one(IMAGE), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"b0": B0.T}, r"real b0 that broadcasts against images of shape \(14, 11\), got \(11, 14\)"),
        ({"b0": B0 * 1j}, "real b0 .* got a complex one"),
        ({"b0": B0 * torch.nan}, "finite numbers in b0"),
        ({"r2_star": -R2_STAR}, "r2_star of at least 0, got -75"),
        (
            {"times": torch.zeros(12)},
            r"times, in s, that broadcast against data .* \(14, 11\), got shape \(12,\)",
        ),
        ({"segmentation": "space"}, "segmentation 'time' or 'frequency', got 'space'"),
        ({"tol": 2.0}, "tol between 0 and 1, got 2.0"),
        ({"count": 0}, "count to be a positive whole number, got 0"),
        ({"count": 1.5}, "count to be a positive whole number, got 1.5"),
        ({"times": torch.arange(11)}, "times in s, none beyond 1 s, got 0 to 10; divide milliseconds by 1000"),
        ({"b0": 1000 * B0, "times": torch.linspace(0, 1, 11)}, "64 segments .*; is b0 in Hz, and are times in s"),
    ],
)
def test_wrong_use(change, message):
    settings = {"b0": B0, "times": torch.zeros(11), **change}
    with pytest.raises(ValueError, match=message):
        OffResonanceMRI(CartesianMRI(torch.ones(1), shape=SHAPE), **settings)


@pytest.mark.parametrize("name", ["scan", "b0", "times"])
def test_what_is_missing_is_named(name):
    settings = {"scan": CartesianMRI(torch.ones(1), shape=SHAPE), "b0": B0, "times": torch.zeros(11), name: None}
    with pytest.raises(TypeError, match=f"OffResonanceMRI expects {name} to be a .*, got None"):
        OffResonanceMRI(**settings)


def test_any_linear_operator_on_complex_images_is_a_scan():
    times = torch.tensor(0.003)
    A = OffResonanceMRI(Identity(SHAPE), B0, times, tol=1e-9)
    torch.testing.assert_close(A(IMAGE), IMAGE * torch.exp(-2j * pi * B0 * times), atol=1e-7, rtol=0)
