"""ESPIRiT on simulated coils whose sensitivities are known."""

import pytest
import torch

from recon.operators.mri.calibration import calibration_region, sampling_mask
from recon.operators.mri.espirit import estimate_coil_maps
from recon.operators.mri.fourier import centred_fft


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
    broken = kspace.clone()
    broken[0, 0, 0] = torch.nan
    with pytest.raises(ValueError, match="estimate_coil_maps expects finite k-space"):
        estimate_coil_maps(broken)
