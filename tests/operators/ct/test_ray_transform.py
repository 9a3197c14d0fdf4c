"""The ray transform against definitions, closed forms and its own transpose."""

import math

import pytest
import torch

from recon.operators import ParallelBeam, RayTransform, Volume
from recon.phantoms import shepp_logan

MODELS = ("shear", "joseph")
UNEVEN = Volume((7, 10), spacing=(1.3, 0.8), offset=(0.4, -1.1))
SKEW = ParallelBeam([0.0, 0.4, math.pi / 4, 1.2, math.pi / 2, 2.5, -0.3, 4.0, 100.0 * math.pi / 51], 14, 0.9, -0.7)
DOUBLE = {"dtype": torch.float64}


def crossings(volume, angle, s):
    """Rows or columns that a ray crosses: the step along the ray and (line index, fractional place in the line)."""
    c, sn = math.cos(angle), math.sin(angle)
    y, x = volume.centres(0), volume.centres(1)
    if abs(volume.spacing[1] * c) >= abs(volume.spacing[0] * sn):
        places = ((s - y * sn) / c - x[0]) / volume.spacing[1]
        return False, volume.spacing[0] / abs(c), places
    places = ((s - x * c) / sn - y[0]) / volume.spacing[0]
    return True, volume.spacing[1] / abs(sn), places


def joseph(volume, beam, image):
    """The definition, ray by ray."""
    out = torch.zeros(beam.shape, **DOUBLE)
    for a, angle in enumerate(beam.angles):
        for k, s in enumerate(beam.positions().tolist()):
            flip, step, places = crossings(volume, angle, s)
            for line, u in zip(image.T if flip else image, places.tolist(), strict=True):
                for j in (math.floor(u), math.floor(u) + 1):
                    if 0 <= j < len(line):
                        out[a, k] += step * (1 - abs(u - j)) * line[j]
    return out


def lagrange(t, node):
    return math.prod((t - m) / (node - m) for m in range(-2, 4) if m != node)


def shear(volume, beam, image):
    """The definition: rows shifted to where the middle row is crossed, summed, and read by 6 points."""
    out = torch.zeros(beam.shape, **DOUBLE)
    for a, angle in enumerate(beam.angles):
        flip, step, first = crossings(volume, angle, 0.0)
        lines = image.T if flip else image
        middle = (len(lines) - 1) / 2
        slope = float(first[1] - first[0]) if len(first) > 1 else 0.0
        virtual = {}
        for i, line in enumerate(lines):
            for j, value in enumerate(line.tolist()):
                v = j - slope * (i - middle)
                for p in (math.floor(v), math.floor(v) + 1):
                    virtual[p] = virtual.get(p, 0.0) + (1 - abs(v - p)) * value
        for k, s in enumerate(beam.positions().tolist()):
            places = crossings(volume, angle, s)[2]
            u = float(places.mean())  # the place in the middle row
            base = math.floor(u)
            out[a, k] = step * sum(lagrange(u - base, n) * virtual.get(base + n, 0.0) for n in range(-2, 4))
    return out


@pytest.mark.parametrize(("model", "definition"), [("joseph", joseph), ("shear", shear)])
@pytest.mark.parametrize("shape", [(7, 10), (20, 3), (1, 9), (9, 1)])
def test_equals_its_definition(model, definition, shape):
    volume = Volume(shape, spacing=(1.3, 0.8), offset=(0.4, -1.1))
    image = torch.rand(shape, generator=torch.Generator().manual_seed(0), **DOUBLE)
    expected = definition(volume, SKEW, image)
    torch.testing.assert_close(RayTransform(volume, SKEW, model)(image), expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("model", MODELS)
def test_views_along_the_axes_are_sums_of_columns_and_rows(model):
    image = torch.arange(12.0, **DOUBLE).reshape(3, 4)
    volume = Volume((3, 4), spacing=(2.0, 0.5))
    columns = RayTransform(volume, ParallelBeam([0.0, math.pi], 4, pitch=0.5), model)(image)
    torch.testing.assert_close(columns[0], 2.0 * image.sum(0))
    torch.testing.assert_close(columns[1], 2.0 * image.sum(0).flip(0))
    rows = RayTransform(volume, ParallelBeam([math.pi / 2, -math.pi / 2], 3, pitch=2.0), model)(image)
    torch.testing.assert_close(rows[0], 0.5 * image.sum(1))
    torch.testing.assert_close(rows[1], 0.5 * image.sum(1).flip(0))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("angle", [0.0, 0.3, math.pi / 4, 1.2, 2.0, -1.0, 4.5])
def test_a_pixel_keeps_its_mass_and_projects_to_its_place(model, angle):
    volume = Volume((9, 11), spacing=(0.7, 0.7), offset=(0.3, -0.2))
    pitch = 0.7 * max(abs(math.cos(angle)), abs(math.sin(angle)))  # one bin a pixel on the sheared grid
    beam = ParallelBeam([angle], 60, pitch, offset=0.123)
    image = torch.zeros(9, 11, **DOUBLE)
    image[2, 7] = 3.0
    view = RayTransform(volume, beam, model)(image)[0]
    assert float(view.sum()) * pitch == pytest.approx(3.0 * 0.49, rel=1e-12)
    x, y = float(volume.centres(1)[7]), float(volume.centres(0)[2])
    place = float(view @ beam.positions() / view.sum())
    assert place == pytest.approx(x * math.cos(angle) + y * math.sin(angle), abs=1e-12)


def gaussian_error(model, n):
    """Relative error on x = exp(−|r − c|²/2σ²), whose line integrals are √(2π) σ exp(−t²/2σ²)."""
    volume = Volume((n, n + n // 2), spacing=(2.0 / n, 1.6 / n), offset=(0.02, -0.03))
    beam = ParallelBeam([0.1 + math.pi * a / 11 for a in range(11)], 2 * n, 1.5 / n, offset=0.011)
    sigma, cx, cy = 0.15, 0.1, -0.2
    y, x = volume.centres(0)[:, None], volume.centres(1)[None]
    image = torch.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * sigma**2))
    theta = torch.tensor(beam.angles, **DOUBLE)[:, None]
    t = beam.positions() - cx * torch.cos(theta) - cy * torch.sin(theta)
    exact = math.sqrt(2 * math.pi) * sigma * torch.exp(-(t**2) / (2 * sigma**2))
    return float((RayTransform(volume, beam, model)(image) - exact).norm() / exact.norm())


@pytest.mark.parametrize("model", MODELS)
def test_error_on_a_smooth_object_falls_with_the_square_of_the_pixel(model):
    errors = [gaussian_error(model, n) for n in (32, 64, 128)]
    assert errors[2] < 1e-3
    assert math.log2(errors[0] / errors[1]) > 1.9
    assert math.log2(errors[1] / errors[2]) > 1.9


def test_error_on_a_head_phantom_falls_with_the_pixel_and_shear_is_as_good_as_joseph():
    errors = {model: [] for model in MODELS}
    for n in (64, 256):
        volume = Volume((n, n), spacing=256 / n)
        beam = ParallelBeam([math.pi * a / 45 for a in range(45)], int(1.5 * n), pitch=256 / n)
        phantom = shepp_logan(115.0, 0.1)
        image, exact = phantom.rasterise(volume), phantom.line_integrals(beam)
        for model in MODELS:
            errors[model].append(float((RayTransform(volume, beam, model)(image) - exact).norm() / exact.norm()))
    for model in MODELS:
        assert errors[model][1] < 0.02
        assert math.log2(errors[model][0] / errors[model][1]) / 2 > 0.9
    assert errors["shear"][1] < 1.12 * errors["joseph"][1]


@pytest.mark.parametrize("model", MODELS)
def test_lengths_scale(model):
    image = torch.rand(7, 10, generator=torch.Generator().manual_seed(0), **DOUBLE)
    wide = Volume((7, 10), spacing=(13.0, 8.0), offset=(4.0, -11.0))
    beam = ParallelBeam(SKEW.angles, SKEW.bins, 9.0, -7.0)
    torch.testing.assert_close(RayTransform(wide, beam, model)(image), 10 * RayTransform(UNEVEN, SKEW, model)(image))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
@pytest.mark.parametrize("pitch", [0.11, 0.6, 1.0, 7.0])
def test_adjoint_is_the_transpose_on_centred_and_on_positive_data(model, dtype, tolerance, pitch):
    generator = torch.Generator().manual_seed(3)
    angles = 7 * torch.rand(23, generator=generator)
    operator = RayTransform(Volume((61, 94), (0.7, 1.1), (3, -5)), ParallelBeam(angles, 75, pitch, 1.3), model)
    norm = operator.norm()
    for draw in (torch.randn, torch.rand):
        x = draw(operator.domain_shape, generator=generator, dtype=dtype)
        y = draw(operator.range_shape, generator=generator, dtype=dtype)
        forward, adjoint = operator(x).double(), operator.adjoint(y).double()
        gap = abs(float((forward * y).sum() - (x * adjoint).sum()))
        assert gap <= tolerance * norm * float(x.double().norm() * y.double().norm())
        if draw is torch.rand:
            assert gap <= tolerance * float((forward * y).sum())


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64])
def test_reruns_batches_and_thread_counts_give_the_same_bits(model, dtype):
    operator = RayTransform(Volume((33, 40)), ParallelBeam([0.13 * a for a in range(37)], 55), model)
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(19, *operator.domain_shape, generator=generator, dtype=dtype)
    y = torch.randn(19, *operator.range_shape, generator=generator, dtype=dtype)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        forward, adjoint = operator(x), operator.adjoint(y)
        for n in (1, 2, 3):
            torch.set_num_threads(n)
            assert torch.equal(operator(x), forward)
            assert torch.equal(operator.adjoint(y), adjoint)
            for i in (0, 7, 18):
                assert torch.equal(operator(x[i]), forward[i])
                assert torch.equal(operator.adjoint(y[i]), adjoint[i])
        assert torch.equal(operator(x.view(19, 1, 33, 40))[:, 0], forward)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("model", MODELS)
def test_the_order_of_the_angles_only_orders_the_views(model):
    image = torch.rand(7, 10, generator=torch.Generator().manual_seed(0))
    backwards = ParallelBeam(SKEW.angles[::-1], SKEW.bins, SKEW.pitch, SKEW.offset)
    assert torch.equal(RayTransform(UNEVEN, backwards, model)(image), RayTransform(UNEVEN, SKEW, model)(image).flip(0))


@pytest.mark.parametrize("model", MODELS)
def test_complex_images_are_two_real_ones(model):
    operator = RayTransform(UNEVEN, SKEW, model)
    x = torch.randn(2, 7, 10, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(operator(x), torch.complex(operator(x.real.contiguous()), operator(x.imag.contiguous())))
    assert torch.equal(operator(x.conj()), operator(x).conj())
    assert torch.equal(operator(x.conj().imag), -operator(x.imag.clone()))  # a lazily negated view


@pytest.mark.parametrize("model", MODELS)
def test_nan_stays_nan_and_stays_in_its_item(model):
    operator = RayTransform(Volume((40, 40)), ParallelBeam([0.3 * a for a in range(10)], 61), model)
    x, y = torch.ones(6, 40, 40), torch.ones(6, 10, 61)
    x[2, 17, 30] = y[2, 3, 30] = float("nan")
    for out in (operator(x), operator.adjoint(y)):
        assert out[2].isnan().any()
        assert out[2].isfinite().any()
        assert out[[0, 1, 3, 4, 5]].isfinite().all()
    assert operator(x)[2].isnan().any(1).all()  # the pixel is seen in every view


@pytest.mark.parametrize("model", MODELS)
def test_a_detector_beside_the_image_sees_nothing(model):
    operator = RayTransform(Volume((8, 8)), ParallelBeam([0.0, 0.7, 2.0], 5, offset=500.0), model)
    assert not operator(torch.ones(8, 8)).any()
    assert not operator.adjoint(torch.ones(3, 5)).any()


@pytest.mark.parametrize("model", MODELS)
def test_derivatives_of_any_order(model):
    operator = RayTransform(Volume((3, 4)), ParallelBeam([0.3, 1.9], 5), model)
    x = torch.randn(3, 4, requires_grad=True, **DOUBLE)
    assert torch.autograd.gradcheck(operator, x, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda v: operator(v).square().sum(), x)


@pytest.mark.parametrize("model", MODELS)
def test_half_precision_is_rounded_once(model):
    operator = RayTransform(UNEVEN, SKEW, model)
    x = torch.rand(7, 10, generator=torch.Generator().manual_seed(0)).half()
    assert torch.equal(operator(x), operator(x.float()).half())


def test_refuses_what_it_cannot_project():
    with pytest.raises(
        ValueError, match=r"^RayTransform expects a volume of 2 axes with ParallelBeam, got \(4, 4, 4\).$"
    ):
        RayTransform(Volume((4, 4, 4)), SKEW)
    with pytest.raises(
        ValueError, match=r"^RayTransform expects model 'auto', 'shear', 'joseph' or 'nufft', got 'siddon'.$"
    ):
        RayTransform(UNEVEN, SKEW, "siddon")
    with pytest.raises(TypeError, match=r"^RayTransform expects a Volume, got tuple; write Volume\(shape\).$"):
        RayTransform((4, 4), SKEW)
    with pytest.raises(TypeError, match=r"^RayTransform expects a geometry such as ParallelBeam, got list.$"):
        RayTransform(UNEVEN, [0.0])
    with pytest.raises(ValueError, match=r"^RayTransform expects a tensor of shape \(..., 7, 10\), got \(10, 7\).$"):
        RayTransform(UNEVEN, SKEW)(torch.ones(10, 7))
