"""The ray transform by the Fourier slice theorem against its definition, closed forms and its own transpose."""

import math
import pickle

import pytest
import torch

from recon.operators import FanBeam, ParallelBeam, RayTransform, Volume
from recon.operators.ct.kernels.nufft import slice_period, slice_table

UNEVEN = Volume((7, 10), spacing=(1.3, 0.8), offset=(0.4, -1.1))
SKEW = ParallelBeam([0.0, 0.4, math.pi / 4, 1.2, math.pi / 2, 2.5, -0.3, 4.0], 14, 0.9, -0.7)
DOUBLE = {"dtype": torch.float64}
filterwarnings = pytest.mark.filterwarnings("ignore:RayTransform has a detector that sees")


def draw(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def band_limited(volume, beam, image, period):
    """The definition, in mm: every ray's integral through the pixels' spectrum at the frequencies of its view."""
    y, x = volume.centres(0)[:, None], volume.centres(1)[None]
    (dy, dx), (y0, x0), step = volume.spacing, volume.offset, 1 / (period * beam.pitch)
    out = torch.zeros(beam.shape, **DOUBLE)
    for a, angle in enumerate(beam.angles):
        c, s = math.cos(angle), math.sin(angle)
        highest = min(0.5 / (dx * abs(c) + 1e-300), 0.5 / (dy * abs(s) + 1e-300))  # cycles per mm
        for k, place in enumerate(beam.positions().tolist()):
            if abs(place - x0 * c - y0 * s) > period * beam.pitch / 2:
                continue
            for j in range(-period * 4, period * 4 + 1):
                share = min(max(highest / step - abs(j) + 0.5, 0), 1)
                if share:
                    wave = torch.cos(2 * math.pi * j * step * (place - x * c - y * s))
                    out[a, k] += share * step * dx * dy * (image * wave).sum()
    return out


@pytest.mark.parametrize("shape", [(5, 4), (1, 9), (6, 1)])
@pytest.mark.parametrize("pitch", [0.4, 0.9, 2.5])
@filterwarnings
def test_equals_its_definition(shape, pitch):
    volume = Volume(shape, spacing=(1.3, 0.8), offset=(0.4, -1.1))
    beam = ParallelBeam(SKEW.angles[:5], 14, pitch, -0.7)
    expected = band_limited(volume, beam, draw(*shape), slice_period(volume, beam))
    found = RayTransform(volume, beam, "nufft")(draw(*shape))
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    single = RayTransform(volume, beam, "nufft")(draw(*shape).float())
    assert float((single - expected).norm() / expected.norm()) < 1e-6


def blob_error(n, dtype):
    """Relative error on x = exp(−|r − c|²/2σ²), whose line integrals are √(2π) σ exp(−t²/2σ²)."""
    volume = Volume((n, n + n // 2), spacing=(2.0 / n, 1.6 / n), offset=(0.02, -0.03))
    beam = ParallelBeam([0.1 + math.pi * a / 11 for a in range(11)], 2 * n, 1.5 / n, offset=0.011)
    sigma, cx, cy = 0.12, 0.1, -0.2
    y, x = volume.centres(0)[:, None], volume.centres(1)[None]
    image = torch.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * sigma**2))
    theta = torch.tensor(beam.angles, **DOUBLE)[:, None]
    t = beam.positions() - cx * torch.cos(theta) - cy * torch.sin(theta)
    exact = math.sqrt(2 * math.pi) * sigma * torch.exp(-(t**2) / (2 * sigma**2))
    return float((RayTransform(volume, beam, "nufft")(image.to(dtype)) - exact).norm() / exact.norm())


def test_exact_on_smooth_objects_once_the_pixels_resolve_them():
    assert blob_error(64, torch.float64) < 1e-9
    assert blob_error(64, torch.float32) < 3e-7
    assert blob_error(32, torch.float64) < 1e-3 * blob_error(16, torch.float64)


def test_views_along_the_axes_are_sums_of_columns_and_rows():
    image = draw(6, 9)
    volume = Volume((6, 9), spacing=(2.0, 0.5))
    columns = RayTransform(volume, ParallelBeam([0.0, math.pi], 9, pitch=0.5), "nufft")(image)
    torch.testing.assert_close(columns[0], 2.0 * image.sum(0))
    torch.testing.assert_close(columns[1], 2.0 * image.sum(0).flip(0))
    rows = RayTransform(volume, ParallelBeam([math.pi / 2, -math.pi / 2], 6, pitch=2.0), "nufft")(image)
    torch.testing.assert_close(rows[0], 0.5 * image.sum(1))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
@pytest.mark.parametrize("pitch", [0.11, 0.6, 1.0, 7.0])
@filterwarnings
def test_adjoint_is_the_transpose_on_centred_and_on_positive_data(dtype, tolerance, pitch):
    generator = torch.Generator().manual_seed(3)
    angles = 7 * torch.rand(23, generator=generator)
    operator = RayTransform(Volume((61, 94), (0.7, 1.1), (3, -5)), ParallelBeam(angles, 75, pitch, 1.3), "nufft")
    norm = operator.norm()
    for random in (torch.randn, torch.rand):
        x = random(operator.domain_shape, generator=generator, dtype=dtype)
        y = random(operator.range_shape, generator=generator, dtype=dtype)
        forward, adjoint = operator(x).double(), operator.adjoint(y).double()
        gap = abs(float((forward * y).sum() - (x * adjoint).sum()))
        assert gap <= tolerance * norm * float(x.double().norm() * y.double().norm())
        if random is torch.rand:
            assert gap <= tolerance * float((forward * y).sum())


def test_the_detector_reads_one_period_however_long_it_is():
    volume, angles = Volume((8, 8)), [0.0, 0.7, 2.0]
    short, long = ParallelBeam(angles, 14, 1.0, 0.3), ParallelBeam(angles, 114, 1.0, 0.3)
    period = slice_period(volume, long)
    assert 8 * math.sqrt(2) < period < 114 / 3
    few, many = (RayTransform(volume, beam, "nufft") for beam in (short, long))
    view = many(draw(8, 8))
    torch.testing.assert_close(few(draw(8, 8)), view[:, 50:64])
    middle = slice_table(volume, long)[:, 2, None]
    outside = (torch.arange(114) - middle).abs() > period / 2
    assert not view[outside].any()
    assert view[~outside].all()
    matrix = many(torch.eye(64, **DOUBLE).view(64, 8, 8)).reshape(64, -1)
    transpose = many.adjoint(torch.eye(342, **DOUBLE).view(342, 3, 114)).reshape(342, -1)
    torch.testing.assert_close(transpose, matrix.T, rtol=0, atol=1e-13)


def test_a_detector_beside_the_image_sees_nothing():
    operator = RayTransform(Volume((8, 8)), ParallelBeam([0.0, 0.7, 2.0], 5, offset=500.0), "nufft")
    assert not operator(torch.ones(8, 8)).any()
    assert not operator.adjoint(torch.ones(3, 5)).any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64])
def test_reruns_batches_and_thread_counts_give_the_same_bits(dtype):
    operator = RayTransform(Volume((33, 40)), ParallelBeam([0.13 * a for a in range(37)], 55), "nufft")
    x, y = draw(5, 33, 40, dtype=dtype), draw(5, 37, 55, dtype=dtype)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        forward, adjoint = operator(x), operator.adjoint(y)
        for other in range(12):  # more scans than plans are kept for
            RayTransform(Volume((5, 5)), ParallelBeam([0.1 * other], 9), "nufft")(torch.ones(5, 5))
        for n in (1, 2, 3):
            torch.set_num_threads(n)
            assert torch.equal(operator(x), forward)
            assert torch.equal(operator.adjoint(y), adjoint)
            assert torch.equal(operator(x[3]), forward[3])
            assert torch.equal(operator.adjoint(y[3]), adjoint[3])
        copy = pickle.loads(pickle.dumps(operator))
        assert torch.equal(copy(x), forward)
    finally:
        torch.set_num_threads(threads)


def test_a_subset_has_the_views_of_the_whole():
    operator = RayTransform(UNEVEN, SKEW, "nufft")
    for views in ([4, 1, 1], range(1, 8, 3)):
        part = operator.subset(views)
        torch.testing.assert_close(part(draw(7, 10)), operator(draw(7, 10))[list(views)])


def test_nan_stays_nan_and_stays_in_its_item():
    operator = RayTransform(UNEVEN, SKEW, "nufft")
    x, y = torch.ones(3, 7, 10), torch.ones(3, 8, 14)
    x[1, 4, 4] = y[1, 3, 7] = float("nan")
    for out in (operator(x), operator.adjoint(y)):
        assert out[1].isnan().any()
        assert out[[0, 2]].isfinite().all()


def test_derivatives_of_any_order():
    operator = RayTransform(Volume((3, 4)), ParallelBeam([0.3, 1.9], 5), "nufft")
    x = draw(3, 4).requires_grad_()
    assert torch.autograd.gradcheck(operator, x, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda v: operator(v).square().sum(), x)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("requires_grad", [False, True])
def test_opcheck(requires_grad):
    table, period = slice_table(UNEVEN, SKEW), slice_period(UNEVEN, SKEW)
    image, views = (draw(*shape).requires_grad_(requires_grad) for shape in ((2, 7, 10), (2, 8, 14)))
    torch.library.opcheck(torch.ops.recon.fourier_slice_project, (image, table, 14, period))
    torch.library.opcheck(torch.ops.recon.fourier_slice_backproject, (views, table, period, (7, 10)))


def test_empty_batches_and_half_precision():
    operator = RayTransform(UNEVEN, SKEW, "nufft")
    assert operator(torch.ones(0, 7, 10)).shape == (0, 8, 14)
    assert operator.adjoint(torch.ones(2, 0, 8, 14)).shape == (2, 0, 7, 10)
    x = draw(7, 10).half()
    assert torch.equal(operator(x), operator(x.float()).half())


def test_is_for_parallel_rays_in_a_plane():
    with pytest.raises(ValueError, match=r"^RayTransform has the model 'nufft' for parallel rays in a plane, got FanB"):
        RayTransform(UNEVEN, FanBeam([0.0], 14, 30.0, 30.0), "nufft")
