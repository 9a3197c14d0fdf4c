"""Maps from images of the centre of k-space."""

import math

import pytest
import torch

from recon.operators import birdcage_maps, centred_fft, centred_ifft, low_resolution_coil_maps


def test_maps_are_low_pass_images_over_their_root_sum_of_squares():
    kspace = torch.randn(3, 16, 14, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    found = low_resolution_coil_maps(kspace, calib_width=6, crop=0.0)
    images = torch.zeros(3, 16, 14, dtype=torch.complex128)
    y, x = torch.meshgrid(torch.arange(16) - 8.0, torch.arange(14) - 7.0, indexing="ij")
    for j in range(-3, 3):
        for i in range(-3, 3):
            weight = math.cos(math.pi * j / 7) ** 2 * math.cos(math.pi * i / 7) ** 2
            wave = torch.exp(2j * math.pi * (j * y.double() / 16 + i * x.double() / 14)) / math.sqrt(16 * 14)
            images += weight * kspace[:, 8 + j, 7 + i, None, None] * wave
    torch.testing.assert_close(found, images / torch.linalg.vector_norm(images, dim=0))


def test_close_to_the_maps_where_the_object_is_smooth():
    y, x = torch.meshgrid(*[(torch.arange(64) - 32) / 32] * 2, indexing="ij")
    maps = birdcage_maps((64, 64), 6)
    image = torch.exp(-3 * (x**2 + y**2)) * torch.exp(0.5j * x)
    found = low_resolution_coil_maps(centred_fft(maps * image))
    inside = x**2 + y**2 < 0.3
    correlation = (maps.conj() * found).sum(0)
    assert float(correlation.abs()[inside].min()) > 0.999
    # the phase of the object goes into the maps, so that the image has none left
    combined = (found.conj() * maps * image).sum(0)
    assert float(torch.angle(combined)[inside].abs().max()) < 0.05
    assert bool((found[:, 0, 0] == 0).all())


def test_volumes_are_images_of_their_centre():
    kspace = torch.randn(2, 3, 8, 9, 10, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    found = low_resolution_coil_maps(kspace, calib_width=5, crop=0.0, ndim=3)
    bell = torch.cos(torch.pi * torch.arange(-2, 3, dtype=torch.float64) / 6).square()
    centre = torch.zeros_like(kspace)
    box = (..., slice(2, 7), slice(2, 7), slice(3, 8))
    centre[box] = kspace[box] * bell[:, None, None] * bell[:, None] * bell
    images = centred_ifft(centre, 3)
    torch.testing.assert_close(found, images / torch.linalg.vector_norm(images, dim=1, keepdim=True))
    maps = birdcage_maps((24, 28, 26), 4)
    z, y, x = torch.meshgrid(*[(torch.arange(n) - n // 2) / (n / 2) for n in (24, 28, 26)], indexing="ij")
    known = low_resolution_coil_maps(centred_fft(maps * torch.exp(-3 * (x**2 + y**2 + z**2)), 3), 16, ndim=3)
    assert float((maps.conj() * known).sum(0).abs()[x**2 + y**2 + z**2 < 0.3].min()) > 0.999


def test_wrong_arguments():
    with pytest.raises(ValueError, match="low_resolution_coil_maps needs a fully sampled centre of k-space"):
        low_resolution_coil_maps(torch.eye(12, dtype=torch.complex64)[None])
