"""Scaling that can be undone."""

import numpy as np
import pytest
import torch

from recon.files import DataError, Item
from recon.operators.mri.cartesian import CartesianMRI
from recon.preprocess import Scale
from recon.preprocess.scale import zero_filled


def random(*shape, dtype=torch.float32):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(0))


def test_factor_scales_data_and_truth_and_is_undone():
    item = Item("a", "a.h5", random(4, 5), truth=random(3, 3))
    out = Scale(4.0)(Scale(0.5)(item))
    assert torch.equal(out.data, 2 * item.data)
    assert torch.equal(out.truth, 2 * item.truth)
    assert out.meta["scale"] == 2.0
    assert torch.equal(out.restored(out.truth), item.truth)


def test_percentile_of_the_magnitudes_becomes_one():
    item = Item("a", "a.h5", random(40, 50, dtype=torch.complex64))
    out = Scale(percentile=90)(item)
    assert np.percentile(out.data.abs().numpy(), 90) == pytest.approx(1, abs=1e-6)


def test_zero_filled_is_the_adjoint_of_the_fourier_operator():
    kspace = random(3, 6, 5, dtype=torch.complex128)
    A = CartesianMRI(torch.ones(6, 5))
    expected = torch.stack([A.adjoint(coil) for coil in kspace]).abs().square().sum(0).sqrt()
    assert torch.allclose(zero_filled(kspace), expected)
    assert torch.allclose(zero_filled(kspace[0]), A.adjoint(kspace[0]).abs())


def test_zero_filled_percentile():
    item = Item("a", "a.h5", random(3, 6, 5, dtype=torch.complex64))
    out = Scale(percentile=99, of="zero_filled")(item)
    assert np.percentile(zero_filled(out.data).numpy(), 99) == pytest.approx(1, abs=1e-6)


def test_what_is_refused():
    with pytest.raises(DataError, match=r"Percentile 50 of a.h5 is zero and sets no scale; raise it."):
        Scale(percentile=50)(Item("a", "a.h5", torch.tensor([0.0, 0, 1])))
    with pytest.raises(DataError, match="A zero-filled image needs k-space of two dimensions at least"):
        Scale(percentile=50, of="zero_filled")(Item("a", "a.h5", torch.ones(3)))


@pytest.mark.parametrize(
    "settings",
    [{}, {"factor": 1.0, "percentile": 1.0}, {"factor": 0.0}, {"percentile": 101.0}, {"factor": 1.0, "of": "image"}],
)
def test_wrong_settings(settings):
    with pytest.raises(ValueError, match="Scale expects"):
        Scale(**settings)


def test_zero_filled_images_need_a_grid():
    kspace = torch.ones(2, 3, 8, dtype=torch.complex64)
    item = Item("a", "a.h5", kspace, {"trajectory": torch.zeros(2, 3, 8)})
    with pytest.raises(DataError, match=r"scale of zero_filled takes Cartesian k-space, a.h5 has a trajectory"):
        Scale(percentile=99, of="zero_filled")(item)
    assert Scale(percentile=99)(item).meta["scale"] == pytest.approx(1.0)
