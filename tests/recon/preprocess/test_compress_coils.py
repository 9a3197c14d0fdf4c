"""Virtual coils of k-space of known rank."""

import pytest
import torch

from recon.files import DataError, Item
from recon.operators import CartesianMRI, birdcage_maps
from recon.preprocess import CompressCoils

GENERATOR = torch.Generator().manual_seed(0)


def random(*shape):
    return torch.randn(shape, dtype=torch.complex128, generator=GENERATOR)


def scan(coils=8, shape=(24, 20)):
    maps = birdcage_maps(shape, coils, dtype=torch.complex128)
    y, x = torch.meshgrid(*(torch.linspace(-1, 1, n, dtype=torch.float64) for n in shape), indexing="ij")
    image = ((x**2 + y**2 < 0.7) * (1 + x)).to(torch.complex128)
    return maps, image, CartesianMRI(torch.ones(1), maps)(image)


@pytest.mark.parametrize("method", ["svd", "geometric"])
@pytest.mark.parametrize("settings", [{"coils": 3}, {"tolerance": 0.0}])
def test_coils_of_rank_three_are_compressed_without_loss(method, settings):
    mixing, source = random(8, 3), random(3, 6, 7)
    maps = torch.tensordot(mixing, random(3, 6, 7), 1)
    item = Item("a", "a.h5", torch.tensordot(mixing, source, 1), {"coil_maps": maps})
    found = CompressCoils(method=method, **settings)(item)
    assert found.data.shape == found.aux["coil_maps"].shape == (3, 6, 7)
    assert found.meta["virtual_coils"]["of"] == 8
    assert found.meta["virtual_coils"]["energy"] == pytest.approx(1, abs=1e-12)
    if method == "svd":
        # inner products between coils stay, so that every root sum of squares and every Σ conj(S) y does
        torch.testing.assert_close((found.data.conj() * found.data).sum(0), (item.data.conj() * item.data).sum(0))
        torch.testing.assert_close(
            (found.aux["coil_maps"].conj() * found.data).sum(0), (maps.conj() * item.data).sum(0)
        )


@pytest.mark.parametrize("method", ["svd", "geometric"])
def test_compressed_maps_explain_compressed_data(method):
    maps, image, kspace = scan()
    found = CompressCoils(4, method=method)(Item("a", "a.h5", kspace, {"coil_maps": maps}))
    torch.testing.assert_close(CartesianMRI(torch.ones(1), found.aux["coil_maps"])(image), found.data)


def test_geometric_compression_keeps_at_least_the_energy_of_one_matrix():
    _, _, kspace = scan()
    for coils in (1, 2, 3, 5):
        kept = [
            CompressCoils(coils, method=method)(Item("a", "a.h5", kspace)).meta["virtual_coils"]["energy"]
            for method in ("svd", "geometric")
        ]
        assert kept[0] < kept[1] <= 1 + 1e-12


def test_a_tolerance_is_met_by_as_few_coils_as_can_be():
    _, _, kspace = scan()
    for method in ("svd", "geometric"):
        found = CompressCoils(tolerance=0.02, method=method)(Item("a", "a.h5", kspace)).meta["virtual_coils"]
        fewer = CompressCoils(found["coils"] - 1, method=method)(Item("a", "a.h5", kspace)).meta["virtual_coils"]
        assert fewer["energy"] < 0.98 <= found["energy"]


def test_frames_share_their_combinations():
    _, _, kspace = scan()
    series = torch.stack([kspace, 0.5 * kspace])
    for method in ("svd", "geometric"):
        found = CompressCoils(3, method=method)(Item("a", "a.h5", series)).data
        assert found.shape == (2, 3, 24, 20)
        torch.testing.assert_close(found[1], 0.5 * found[0])


@pytest.mark.parametrize(
    ("step", "item", "sentence"),
    [
        (CompressCoils(9), Item("a", "a.h5", random(8, 4, 4)), "cannot make 9 of the 8 coils of a.h5"),
        (CompressCoils(2), Item("a", "a.h5", torch.ones(8, 4, 4)), "expects complex k-space"),
        (CompressCoils(2), Item("a", "a.h5", 0 * random(8, 4, 4)), "expects finite k-space other than zero"),
        (CompressCoils(2), Item("a", "a.h5", torch.nan * random(8, 4, 4)), "expects finite k-space other than zero"),
        (
            CompressCoils(2),
            Item("a", "a.h5", random(8, 4, 4), {"coil_maps": random(6, 4, 4)}),
            r"has 8 coils, but coil_maps of shape \(6, 4, 4\)",
        ),
        (
            CompressCoils(2, method="geometric"),
            Item("a", "a.h5", random(8, 4, 4), {"mask": torch.eye(4)}),
            "needs whole readouts",
        ),
    ],
)
def test_what_is_refused(step, item, sentence):
    with pytest.raises(DataError, match=sentence):
        step(item)


def test_settings_are_checked():
    for settings in ({}, {"coils": 2, "tolerance": 0.1}, {"coils": 0}, {"tolerance": 1.0}):
        with pytest.raises(ValueError, match="CompressCoils expects"):
            CompressCoils(**settings)
