"""ESPIRiT on simulated coils whose sensitivities are known."""

import pytest
import torch

from recon.operators.mri.birdcage import birdcage_maps
from recon.operators.mri.calibration import calibration_region, sampling_mask
from recon.operators.mri.cartesian import CartesianMRI
from recon.operators.mri.espirit import estimate_coil_maps
from recon.operators.mri.fourier import centred_fft
from recon.operators.mri.walsh import walsh_coil_maps


def simulated(ny, nx, coils=6, noise=1e-4, dtype=torch.complex64):
    """Maps, object and k-space of line-current-like coils around an ellipse with texture."""
    y, x = torch.meshgrid(
        (torch.arange(ny) - ny // 2) / (ny / 2), (torch.arange(nx) - nx // 2) / (nx / 2), indexing="ij"
    )
    angles = 2 * torch.pi * torch.arange(coils) / coils
    dx, dy = x - 1.5 * torch.cos(angles)[:, None, None], y - 1.5 * torch.sin(angles)[:, None, None]
    maps = torch.polar((dx**2 + dy**2).rsqrt(), torch.atan2(dx, -dy) + angles[:, None, None])
    maps = maps / torch.linalg.vector_norm(maps, dim=0)
    image = ((x / 0.7) ** 2 + (y / 0.8) ** 2 < 1) * (1 + 0.5 * torch.sin(9 * x) * torch.cos(7 * y))
    kspace = centred_fft((maps * image).to(dtype))
    generator = torch.Generator().manual_seed(0)
    kspace = kspace + noise * kspace.abs().max() * torch.randn(kspace.shape, dtype=dtype, generator=generator)
    return maps.to(dtype), image, kspace


def undersampled(kspace, centre=24):
    mask = torch.rand(kspace.shape[1:], generator=torch.Generator().manual_seed(1)) < 0.2
    ny, nx = mask.shape
    mask[ny // 2 - centre // 2 : ny // 2 + centre // 2, nx // 2 - centre // 2 : nx // 2 + centre // 2] = True
    return kspace * mask


@pytest.mark.parametrize(("ny", "nx"), [(72, 64), (65, 51)])
def test_finds_the_maps_of_simulated_coils(ny, nx):
    maps, image, kspace = simulated(ny, nx)
    found = estimate_coil_maps(undersampled(kspace))
    inside = image > 0
    correlation = (maps.conj() * found).sum(0).abs()[inside]
    assert float(correlation.min()) >= 0.999
    power = found.abs().square().sum(0)
    torch.testing.assert_close(power[inside], torch.ones_like(power[inside]))
    assert bool((power[~inside] < 1.001).all())
    assert float((power == 0).float().mean()) > 0.05  # air is cropped


def volume(shape=(40, 36, 32), coils=4, noise=1e-5):
    """Maps that vary along z as well, where an ellipsoid lies, and k-space."""
    z, y, x = torch.meshgrid(*[(torch.arange(n) - n // 2) / (n / 2) for n in shape], indexing="ij")
    place = 0.8 * (-1.0) ** torch.arange(coils).reshape(-1, 1, 1, 1)
    maps = birdcage_maps(shape, coils) * torch.polar(torch.exp(-((z - place) ** 2) / 2), 0.7 * place * z)
    maps = maps / torch.linalg.vector_norm(maps, dim=0)
    inside = (x / 0.7) ** 2 + (y / 0.75) ** 2 + (z / 0.7) ** 2 < 1
    kspace = centred_fft(maps * inside * (1 + 0.5 * torch.sin(5 * x) * torch.cos(4 * y - 3 * z)), 3)
    generator = torch.Generator().manual_seed(0)
    kspace = kspace + noise * kspace.abs().max() * torch.randn(kspace.shape, dtype=kspace.dtype, generator=generator)
    return maps, inside, kspace


def test_volumes_of_which_readouts_are_whole():
    maps, inside, kspace = volume()
    mask = torch.rand(40, 36, generator=torch.Generator().manual_seed(1)) < 0.2
    mask[12:28, 10:26] = True
    kspace *= mask[..., None]
    assert calibration_region(sampling_mask(kspace), 16) == (slice(12, 28), slice(10, 26), slice(8, 24))
    found = estimate_coil_maps(kspace, calib_width=16, kernel_width=5, ndim=3)
    assert float((maps.conj() * found).sum(0).abs()[inside].min()) >= 0.999
    power = found.abs().square().sum(0)
    torch.testing.assert_close(power[inside], torch.ones_like(power[inside]))
    assert float((power == 0).float().mean()) > 0.3
    both = estimate_coil_maps(kspace[None, :, :, :, ::2], calib_width=10, kernel_width=3, sets=2, ndim=3)
    assert both.shape == (1, 2, 4, 40, 36, 16)
    assert float((both[0, 0].conj() * both[0, 1]).sum(0).abs().max()) < 1e-4


def test_a_volume_constant_along_z_has_the_maps_of_a_slice():
    _, _, kspace = simulated(36, 32, 4)
    deep = 1e-12 * torch.ones(4, 15, 36, 32, dtype=torch.complex128)
    deep[:, 7] = kspace
    flat = estimate_coil_maps(kspace.to(torch.complex128), 12, 4)
    found = estimate_coil_maps(deep, 12, 4, ndim=3)
    torch.testing.assert_close(found, flat[:, None].expand_as(found), atol=1e-6, rtol=0)
    assert bool(flat.any())


def test_the_phase_is_smooth():
    maps, image, kspace = simulated(64, 64)
    found = estimate_coil_maps(kspace)
    common = (maps.conj() * found).sum(0)
    inside = (image[1:] > 0) & (image[:-1] > 0)
    jump = torch.angle(common[1:] * common[:-1].conj())[inside].abs()
    assert float(jump.max()) < 0.2


def test_double_precision_and_batches():
    _, _, kspace = simulated(48, 40, dtype=torch.complex128)
    single = estimate_coil_maps(kspace.to(torch.complex64))
    both = estimate_coil_maps(torch.stack([kspace, 2 * kspace]))
    assert both.dtype == torch.complex128
    support = (single.abs().sum(0) > 0) & (both[0].abs().sum(0) > 0)
    torch.testing.assert_close(both[0][:, support].to(torch.complex64), single[:, support], atol=2e-3, rtol=0)
    torch.testing.assert_close(both[0], both[1], atol=1e-8, rtol=0)


def test_calibration_region_is_the_largest_full_centre():
    mask = torch.zeros(30, 21, dtype=torch.bool)
    mask[15 - 5 : 15 + 5, 10 - 4 : 10 + 4] = True
    mask[:, 10] = True
    assert calibration_region(mask) == (slice(10, 20), slice(6, 14))
    assert calibration_region(mask, 6) == (slice(12, 18), slice(7, 13))
    assert calibration_region(torch.ones(40, 40)) == (slice(8, 32), slice(8, 32))
    mask[15, 10] = False
    assert calibration_region(mask) == (slice(0, 0), slice(0, 0))
    disc = (torch.arange(31)[:, None] - 15) ** 2 + (torch.arange(29) - 14) ** 2 <= 50  # ±5 in both
    assert calibration_region(disc[..., None].expand(31, 29, 7)) == (slice(10, 21), slice(9, 20), slice(0, 7))
    with pytest.raises(ValueError, match=r"calibration_region expects a mask of shape \(\[nz,\] ny, nx\), got \(4,\)"):
        calibration_region(torch.ones(4))


def test_sampling_mask_needs_one_coil_only():
    kspace = torch.zeros(2, 3, 3, dtype=torch.complex64)
    kspace[1, 0, 2] = 1j
    assert sampling_mask(kspace).nonzero().tolist() == [[0, 2]]


def test_errors():
    _, _, kspace = simulated(32, 32)
    centre = ((torch.arange(32) - 16).abs() < 2.5).float()
    with pytest.raises(TypeError, match="estimate_coil_maps expects complex k-space, got float32"):
        estimate_coil_maps(kspace.abs())
    with pytest.raises(
        ValueError, match=r"estimate_coil_maps expects k-space \(coils, ny, nx\), got shape \(32, 32\)."
    ):
        estimate_coil_maps(kspace[0])
    with pytest.raises(ValueError, match="at least 6 samples wide, found 5×5"):
        estimate_coil_maps(kspace * torch.outer(centre, centre))
    with pytest.raises(ValueError, match=r"expects k-space \(coils, nz, ny, nx\), got shape \(6, 32, 32\)."):
        estimate_coil_maps(kspace, ndim=3)
    with pytest.raises(ValueError, match=r"ndim 2 for images \(ny, nx\) or 3 for \(nz, ny, nx\), got 4"):
        estimate_coil_maps(kspace, ndim=4)
    with pytest.raises(ValueError, match="at least 6 samples wide, found 4×24×24; give coil maps"):
        estimate_coil_maps(kspace[:, None].repeat(1, 4, 1, 1), ndim=3)
    broken = kspace.clone()
    broken[0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match="estimate_coil_maps expects finite k-space"):
        estimate_coil_maps(broken)
    for settings, sentence in [
        ({"kernel_width": 0}, "expects kernel_width to be a positive whole number, got 0"),
        ({"calib_width": -5}, "expects calib_width to be a positive whole number, got -5"),
        ({"thresh": 2.0}, r"expects thresh from 0 to 1, 1 excluded, got 2\.0"),
        ({"crop": float("nan")}, "expects crop from 0 to 1, 1 excluded, got nan"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            estimate_coil_maps(kspace, **settings)
    with pytest.raises(TypeError, match="expects a torch tensor, got ndarray"):
        estimate_coil_maps(kspace.numpy())


@pytest.mark.parametrize("estimate", [estimate_coil_maps, walsh_coil_maps])
def test_the_phase_makes_a_positive_object_positive(estimate):
    """A turn of all coils does not matter, and no sign is left to the singular value decomposition."""
    maps = birdcage_maps((32, 32), 6)
    image = torch.zeros(32, 32, dtype=torch.complex64)
    image[6:-5, 7:-8] = 1
    kspace = CartesianMRI(torch.ones(1), maps)(image)
    for turn in (1, -1, 1j):
        found = CartesianMRI(torch.ones(1), estimate(turn * kspace)).adjoint(turn * kspace)
        assert float((found - image).norm() / image.norm()) < 0.35
        assert float(found.sum().real / found.sum().abs()) > 0.99


def test_half_precision_is_refused_in_one_sentence():
    with pytest.raises(TypeError, match=r"single or double precision, got complex32; use \.to\(torch\.complex64\)"):
        estimate_coil_maps(torch.zeros(2, 8, 8, dtype=torch.complex32))
