"""Filtered backprojection gives back what was scanned."""

import math

import pytest
import torch

from recon.operators import FilteredBackprojection, ParallelBeam, RayTransform, Volume
from recon.operators.ct.ramp import WINDOWS, ramp_response, window
from recon.phantoms import disc, shepp_logan

DOUBLE = {"dtype": torch.float64}


def even(count, turn=math.pi):
    return [turn * a / count for a in range(count)]


def scattered(count):
    draw = torch.rand(count, generator=torch.Generator().manual_seed(1), **DOUBLE)
    return (2 * math.pi * draw).tolist()


SCANS = {
    "half turn": (even(180), {}),
    "full turn": (even(360, 2 * math.pi), {}),
    "axis off centre": (even(180), {"offset": 3.3}),
    "random angles in random order": (scattered(500), {}),
    "two densities": (even(90)[:45] + even(270)[135:], {}),
    "fine bins": (even(720), {"bins": 400, "pitch": 0.45}),
    "coarse bins": (even(180), {"bins": 70, "pitch": 2.6}),
}


def reconstruct(angles, volume, radius=60.0, filter="ram-lak", cutoff=1.0, **detector):
    beam = ParallelBeam(angles, **{"bins": 150, "pitch": 1.2, **detector})
    data = disc(radius, 0.02, x=5.0, y=-8.0).line_integrals(beam)
    image = FilteredBackprojection(RayTransform(volume, beam), filter, cutoff)(data)
    distance = torch.hypot(volume.centres(1)[None] - 5.0, volume.centres(0)[:, None] + 8.0)
    return image, distance


@pytest.mark.parametrize("scan", SCANS)
def test_a_disc_of_two_hundredths_comes_back_within_one_percent(scan):
    angles, detector = SCANS[scan]
    image, distance = reconstruct(angles, Volume((100, 128), spacing=(1.5, 1.2), offset=(1.0, -2.0)), **detector)
    inside, outside = image[distance < 50], image[distance > 72]
    assert float(inside.mean()) == pytest.approx(0.02, rel=1e-3)
    assert float((inside - 0.02).abs().max()) < 0.01 * 0.02
    assert abs(float(outside.mean())) < 1e-3 * 0.02


@pytest.mark.parametrize("filter", WINDOWS)
@pytest.mark.parametrize("cutoff", [1.0, 0.4])
def test_every_window_keeps_the_value(filter, cutoff):
    image, distance = reconstruct(even(180), Volume((64, 64), spacing=2.2), filter=filter, cutoff=cutoff)
    assert float(image[distance < 40].mean()) == pytest.approx(0.02, rel=2e-3)  # a sharp cutoff rings about it


def test_pixels_beyond_the_detector_are_reconstructed_too():
    """The filtered views go on past the detector: cut off there, the corners kept streaks of the disc's value."""
    volume = Volume((120, 120), spacing=2.4)
    narrow, distance = reconstruct(even(180), volume, radius=50.0, bins=110)
    wide, _ = reconstruct(even(180), volume, radius=50.0, bins=310)  # sees every pixel, and nothing more
    torch.testing.assert_close(narrow, wide, rtol=0, atol=1e-4 * 0.02)
    assert float(narrow[distance > 72].square().mean().sqrt()) < 0.01 * 0.02


def test_error_falls_with_resolution():
    errors = []
    for n in (64, 128):
        volume, beam = Volume((n, n), spacing=2.0 / n), ParallelBeam(even(2 * n), 2 * n, pitch=1.2 / n)
        phantom = shepp_logan(0.9)
        image = FilteredBackprojection(RayTransform(volume, beam))(phantom.line_integrals(beam, samples=8))
        truth = phantom.rasterise(volume)
        errors.append(float((image - truth).norm() / truth.norm()))
    assert errors[1] < 0.75 * errors[0]
    assert errors[1] < 0.2


@pytest.mark.parametrize("length", [64, 45])
def test_the_ramp_is_the_spatial_one_of_kak_and_slaney(length):
    pitch = 0.7
    kernel = torch.fft.irfft(ramp_response(length, pitch), n=length) / pitch
    expected = torch.zeros(length, **DOUBLE)
    expected[0] = 1 / (4 * pitch**2)
    for n in range(1, length):
        lag = min(n, length - n)
        expected[n] = -1 / (math.pi * lag * pitch) ** 2 if lag % 2 else 0.0
    torch.testing.assert_close(kernel, expected)


def test_windows():
    omega = torch.tensor([0.0, 0.5, 1.0, 1.01], **DOUBLE)
    values = {
        "ram-lak": [1, 1, 1, 0],
        "shepp-logan": [1, math.sin(math.pi / 4) / (math.pi / 4), 2 / math.pi, 0],
        "cosine": [1, math.sqrt(0.5), 0, 0],
        "hamming": [1, 0.54, 0.08, 0],
        "hann": [1, 0.5, 0, 0],
    }
    assert tuple(values) == WINDOWS
    for name, expected in values.items():
        torch.testing.assert_close(window(name, omega), torch.tensor(expected, **DOUBLE))


@pytest.mark.parametrize("filter", ["ram-lak", "hann"])
def test_pixels_read_what_the_views_say_there(filter):
    """Against the same filtered views read on a five times finer grid, whose interpolation errors are 25 times less."""
    beam, phantom = ParallelBeam(even(130), 97, pitch=2 / 65), shepp_logan(0.9)
    data = phantom.line_integrals(beam, samples=8)
    coarse = FilteredBackprojection(RayTransform(Volume((65, 65), spacing=2 / 65), beam), filter)(data)
    fine = FilteredBackprojection(RayTransform(Volume((325, 325), spacing=2 / 325), beam), filter)(data)[2::5, 2::5]
    assert float((coarse - fine).norm() / fine.norm()) < 0.02


def test_coarse_pixels_do_not_alias_fine_views():
    """Reading a fine detector at coarse pixels left a quarter of the image's norm in streaks."""
    volume, phantom = Volume((64, 64), spacing=2 / 64), shepp_logan(0.9)
    truth = phantom.rasterise(volume)
    for fine in (1, 4):
        beam = ParallelBeam(even(360), 96 * fine, pitch=2 / 64 / fine)
        image = FilteredBackprojection(RayTransform(volume, beam))(phantom.line_integrals(beam, samples=4))
        assert float((image - truth).norm() / truth.norm()) < (0.19 if fine == 1 else 0.04)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
def test_the_adjoint_is_the_transpose(dtype, tolerance):
    beam = ParallelBeam(scattered(17), 31, pitch=1.4, offset=-0.9)
    operator = FilteredBackprojection(RayTransform(Volume((20, 33), (0.9, 1.1), (2, 1)), beam), "hamming", 0.9)
    norm, generator = operator.norm(), torch.Generator().manual_seed(0)
    for draw in (torch.randn, torch.rand):
        y = draw(operator.domain_shape, generator=generator, dtype=dtype)
        x = draw(operator.range_shape, generator=generator, dtype=dtype)
        gap = (operator(y).double() * x).sum() - (y * operator.adjoint(x).double()).sum()
        assert abs(float(gap)) <= tolerance * norm * float(x.double().norm() * y.double().norm())


def test_complex_sinograms_and_gradients():
    operator = FilteredBackprojection(RayTransform(Volume((4, 5)), ParallelBeam([0.3, 1.9, 2.2], 6)))
    y = torch.randn(2, 3, 6, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(operator(y), torch.complex(operator(y.real.clone()), operator(y.imag.clone())))
    assert torch.autograd.gradcheck(operator, y.real.clone().requires_grad_(), check_forward_ad=True)


def test_refuses_unknown_windows_and_cutoffs():
    rays = RayTransform(Volume((4, 5)), ParallelBeam([0.3, 1.9, 2.2], 6))
    names = "ram-lak, shepp-logan, cosine, hamming, hann"
    with pytest.raises(ValueError, match=rf"^FilteredBackprojection expects a filter among {names}, got 'parzen'.$"):
        FilteredBackprojection(rays, "parzen")
    for cutoff in (0.0, 1.2, float("nan")):
        with pytest.raises(ValueError, match=r"^FilteredBackprojection expects a cutoff in \(0, 1\], got"):
            FilteredBackprojection(rays, "hann", cutoff)
    with pytest.raises(TypeError, match=r"^FilteredBackprojection expects a RayTransform, got ParallelBeam.$"):
        FilteredBackprojection(rays.geometry)
