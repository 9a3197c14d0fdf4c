"""Coil maps from k-space of which the coils are known."""

import pytest
import torch

from recon.files import DataError, Item
from recon.operators.mri.cartesian import CartesianMRI
from recon.preprocess import CoilMaps


def coils(n=32):
    y, x = torch.meshgrid(torch.linspace(-1, 1, n), torch.linspace(-1, 1, n), indexing="ij")
    maps = torch.stack([torch.exp(-((x - a) ** 2) - (y - b) ** 2 + 1j * a * y) for a, b in [(1, 0), (-1, 0), (0, 1)]])
    maps = maps / maps.abs().square().sum(0).sqrt()
    return maps, ((x / 0.8) ** 2 + (y / 0.7) ** 2 < 1).to(torch.complex64) * (1 + 0.3 * x)


def test_maps_are_recovered_up_to_a_phase_and_fit_the_operator():
    maps, image = coils()
    mask = torch.ones(32, 32)
    kspace = CartesianMRI(mask, maps)(image)
    item = CoilMaps(calib_width=20, kernel_width=5)(Item("a", "a.npy", kspace))
    found = item.aux["coil_maps"]
    inside = image.abs() > 0
    match = (found.conj() * maps).sum(0).abs()[inside]
    assert float(match.quantile(0.05)) > 0.99
    again = CartesianMRI(mask, found)
    combined = again.adjoint(kspace)
    assert float((combined.abs() - image.abs())[inside].abs().median()) < 0.02
    assert item.meta["coil_maps_cover"] == pytest.approx(float((found.abs().sum(0) > 0).double().mean()))


def test_what_is_refused():
    with pytest.raises(DataError, match=r"complex k-space \(coils, ky, kx\), a.npy is real of shape \(3, 4, 5\)"):
        CoilMaps()(Item("a", "a.npy", torch.ones(3, 4, 5)))
    holes = torch.ones(2, 16, 16, dtype=torch.complex64)
    holes[:, 8, 8] = 0
    with pytest.raises(DataError, match=r"a.npy: estimate_coil_maps needs a fully sampled centre of k-space"):
        CoilMaps()(Item("a", "a.npy", holes))
    with pytest.raises(DataError, match=r"coil_maps finds no sensitivities in a.npy of shape \(16, 16, 12\); see that"):
        CoilMaps()(
            Item(
                "a", "a.npy", torch.randn(16, 16, 12, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
            )
        )
