"""Steps that estimate coil maps, each on coils that are known."""

import pytest
import torch

from recon.files import DataError, Item
from recon.operators import CartesianMRI, PoissonDisc, birdcage_maps
from recon.preprocess import CoilMaps, JointMaps, LowResolutionMaps, WalshMaps

STEPS = [CoilMaps(calib_width=20, kernel_width=5), WalshMaps(calib_width=20), LowResolutionMaps(20), JointMaps(14)]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.names[0])
def test_maps_are_found_and_fit_the_operator(step):
    y, x = torch.meshgrid(*[(torch.arange(32) - 16) / 16] * 2, indexing="ij")
    image = torch.exp(-2 * (x**2 + y**2)).to(torch.complex64) * (x**2 + y**2 < 0.8)
    maps = birdcage_maps((32, 32), 4)
    item = step(Item("a", "a.npy", CartesianMRI(torch.ones(1), maps)(image)))
    found = item.aux["coil_maps"]
    inside = x**2 + y**2 < 0.4
    assert found.shape == maps.shape
    assert float((found.conj() * maps).sum(0).abs()[inside].min()) > 0.99
    assert item.meta["coil_maps_cover"] == pytest.approx(float((found.abs().sum(0) > 0).double().mean()))


VOLUMES = [
    CoilMaps(calib_width=12, kernel_width=3, ndim=3),
    WalshMaps(calib_width=14, ndim=3),
    LowResolutionMaps(14, ndim=3),
    JointMaps(14, smoothness=60.0, ndim=3),
]


@pytest.mark.parametrize("step", VOLUMES, ids=lambda step: step.names[0])
def test_volumes(step):
    shape = (20, 32, 24)
    z, y, x = torch.meshgrid(*[(torch.arange(n) - n // 2) / (n / 2) for n in shape], indexing="ij")
    image = torch.exp(-2 * (x**2 + y**2 + z**2)).to(torch.complex64) * (x**2 + y**2 + z**2 < 0.8)
    maps = birdcage_maps(shape, 4)
    item = step(Item("a", "a.npy", CartesianMRI(torch.ones(1), maps, ndim=3)(image)))
    found = item.aux["coil_maps"]
    assert found.shape == maps.shape
    assert float((found.conj() * maps).sum(0).abs()[x**2 + y**2 + z**2 < 0.4].min()) > 0.99
    assert item.meta["coil_maps_cover"] == pytest.approx(float((found.abs().sum(0) > 0).double().mean()))
    with pytest.raises(
        DataError, match=r"complex k-space \(coils, kz, ky, kx\), a.npy is complex of shape \(4, 32, 24\)"
    ):
        step(Item("a", "a.npy", item.data[:, 0]))
    with pytest.raises(ValueError, match=rf"{type(step).__name__} expects ndim 2 for images \(ny, nx\) or 3"):
        type(step)(ndim=1)


def test_joint_maps_of_a_large_image_are_found_from_the_centre_of_k_space():
    """And are those of all of it, in a tenth of the time."""
    shape = (150, 128)
    y, x = torch.meshgrid(*[(torch.arange(n) - n // 2) / (n / 2) for n in shape], indexing="ij")
    image = ((x / 0.7) ** 2 + (y / 0.8) ** 2 < 1) * (1 + 0.5 * torch.sin(9 * x) * torch.cos(7 * y)) + 0j
    maps = birdcage_maps(shape, 4)
    mask = PoissonDisc(4, calib_width=12, seed=0)(shape)
    kspace = CartesianMRI(mask, maps)(image)
    found = JointMaps()(Item("a", "a.npy", kspace)).aux["coil_maps"]
    beyond = kspace.clone()
    beyond[:, 48:102, 41:87] = 0
    noisy = JointMaps()(Item("a", "a.npy", kspace + beyond)).aux["coil_maps"]
    assert torch.equal(found, noisy)
    inside = (x / 0.65) ** 2 + (y / 0.75) ** 2 < 1
    assert float((found.conj() * maps).sum(0).abs()[inside].min()) > 0.999


def test_several_sets():
    item = Item("a", "a.npy", CartesianMRI(torch.ones(1), birdcage_maps((32, 32), 4))(torch.ones(32, 32) + 0j))
    found = CoilMaps(calib_width=20, kernel_width=5, sets=2)(item)
    assert found.aux["coil_maps"].shape == (2, 4, 32, 32)
    one = CoilMaps(calib_width=20, kernel_width=5)(item)
    assert found.meta["coil_maps_cover"] == pytest.approx(one.meta["coil_maps_cover"], abs=0.01)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.names[0])
def test_what_is_refused(step):
    name = step.names[0]
    with pytest.raises(DataError, match=rf"{name} expects complex k-space \(coils, ky, kx\), a.npy is real of shape"):
        step(Item("a", "a.npy", torch.ones(3, 4, 5)))
    with pytest.raises(DataError, match=r"a\.npy: "):
        step(Item("a", "a.npy", torch.zeros(3, 32, 32, dtype=torch.complex64)))
