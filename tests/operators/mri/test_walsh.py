"""Walsh's maps, and those from low resolution, on simulated coils whose sensitivities are known."""

import pytest
import torch

from recon.operators import birdcage_maps, centred_fft, walsh_coil_maps
from recon.operators.mri.coil_vectors import low_resolution_images


def scene(shape=(72, 64), coils=6):
    y, x = torch.meshgrid(*[(torch.arange(n) - n // 2) / (n / 2) for n in shape], indexing="ij")
    image = ((x / 0.7) ** 2 + (y / 0.8) ** 2 < 1) * (1 + 0.3 * torch.sin(5 * x) * torch.cos(4 * y))
    maps = birdcage_maps(shape, coils)
    well_inside = (x / 0.55) ** 2 + (y / 0.65) ** 2 < 1
    return maps, image, centred_fft(maps * image), well_inside


def test_finds_the_maps_of_simulated_coils():
    maps, _, kspace, inside = scene()
    found = walsh_coil_maps(kspace, window=5)
    correlation = (maps.conj() * found).sum(0).abs()[inside]
    assert float(correlation.min()) > 0.999
    power = found.abs().square().sum(0)
    torch.testing.assert_close(power[inside], torch.ones_like(power[inside]))
    assert float((power == 0).float().mean()) > 0.1
    jump = torch.angle((maps.conj() * found).sum(0)[1:] * (maps * found.conj()).sum(0)[:-1])
    assert float(jump[inside[1:] & inside[:-1]].abs().max()) < 0.1


def test_maps_are_eigenvectors_of_local_correlations():
    _, _, kspace, _ = scene((20, 18), 3)
    kspace = kspace.to(torch.complex128)
    found = walsh_coil_maps(kspace, calib_width=12, window=3, crop=0.0)
    images = low_resolution_images(kspace, (slice(4, 16), slice(3, 15)))
    for i, j in [(0, 0), (9, 9), (12, 5), (19, 17)]:
        near = images[:, max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2].reshape(3, -1)
        vector = torch.linalg.eigh(near @ near.mH)[1][:, -1]
        assert float((vector.conj() @ found[:, i, j]).abs()) == pytest.approx(1.0, abs=1e-9)


def test_volumes():
    """Eigenvectors of local correlations, whichever block a pixel falls into; and known maps."""
    shape = (24, 28, 26)
    z, y, x = torch.meshgrid(*[(torch.arange(n) - n // 2) / (n / 2) for n in shape], indexing="ij")
    maps = birdcage_maps(shape, 3)
    kspace = centred_fft(maps * torch.exp(-3 * (x**2 + y**2 + z**2)), 3).to(torch.complex128)
    found = walsh_coil_maps(kspace, calib_width=12, window=3, crop=0.0, ndim=3)
    images = low_resolution_images(kspace, (slice(6, 18), slice(8, 20), slice(7, 19)))
    for i, j, k in [(0, 0, 0), (12, 14, 13), (17, 16, 5), (23, 27, 25)]:
        near = [slice(max(n - 1, 0), n + 2) for n in (i, j, k)]
        part = images[(slice(None), *near)].reshape(3, -1)
        vector = torch.linalg.eigh(part @ part.mH)[1][:, -1]
        assert float((vector.conj() @ found[:, i, j, k]).abs()) == pytest.approx(1.0, abs=1e-9)
    inside = x**2 + y**2 + z**2 < 0.3
    found = walsh_coil_maps(kspace, calib_width=18, window=3, ndim=3)
    assert float((maps.conj() * found).sum(0).abs()[inside].min()) > 0.999


def test_batches_and_precision():
    _, _, kspace, _ = scene((24, 20), 3)
    both = walsh_coil_maps(torch.stack([kspace, 3 * kspace.conj()]))
    assert both.shape == (2, 3, 24, 20)
    assert both.dtype == torch.complex64
    torch.testing.assert_close(both[0], walsh_coil_maps(kspace))


def test_wrong_arguments():
    _, _, kspace, _ = scene((24, 20), 3)
    with pytest.raises(ValueError, match="walsh_coil_maps expects an odd window, got 4"):
        walsh_coil_maps(kspace, window=4)
    with pytest.raises(TypeError, match="walsh_coil_maps expects complex k-space, got float32"):
        walsh_coil_maps(kspace.real)
    kspace[:, 12, 10] = 0
    with pytest.raises(ValueError, match="walsh_coil_maps needs a fully sampled centre of k-space at least 4"):
        walsh_coil_maps(kspace)
