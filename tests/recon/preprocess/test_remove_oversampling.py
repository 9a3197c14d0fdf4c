"""Readouts without their oversampling, against the operator that knows of it."""

import pytest
import torch

from recon.files import DataError, Item
from recon.operators import CartesianMRI
from recon.preprocess import RemoveOversampling

GENERATOR = torch.Generator().manual_seed(0)
LINES = torch.tensor([True, False, True, True, True])[:, None]


def random(*shape):
    return torch.randn(shape, dtype=torch.complex128, generator=GENERATOR)


@pytest.mark.parametrize("nx", [4, 5])
@pytest.mark.parametrize("factor", [2, 3])
def test_it_makes_data_of_an_oversampled_operator_those_of_a_plain_one(nx, factor):
    maps, image = random(3, 5, nx), random(5, nx)
    wide = CartesianMRI(LINES, maps, oversampling=factor)
    mask = LINES.expand(5, nx * factor)
    item = RemoveOversampling(factor)(Item("a", "a.h5", wide(image), {"mask": mask}))
    torch.testing.assert_close(item.data, CartesianMRI(LINES, maps)(image))
    assert torch.equal(item.aux["mask"], LINES.expand(5, nx))
    assert item.meta["oversampling_removed"] == factor


def test_images_of_the_item_are_cropped_to_the_middle():
    image = random(5, 4)
    wide = torch.nn.functional.pad(image, (2, 2))
    maps = random(3, 5, 4)
    kspace = CartesianMRI(LINES, torch.nn.functional.pad(maps, (2, 2)))(wide)
    item = Item("a", "a.h5", kspace, {"coil_maps": torch.nn.functional.pad(maps, (2, 2))}, truth=wide)
    cropped = RemoveOversampling(2)(item)
    assert torch.equal(cropped.truth, image)
    assert torch.equal(cropped.aux["coil_maps"], maps)
    torch.testing.assert_close(CartesianMRI(LINES, maps)(image), cropped.data)


def test_the_readout_along_the_rows_and_the_factor_of_the_header():
    maps, image = random(3, 4, 5), random(4, 5)
    data = CartesianMRI(LINES, maps.mT, oversampling=2)(image.mT).mT
    item = RemoveOversampling(axis=-2)(Item("a", "a.h5", data, meta={"mri": {"oversampling": 2.0}}))
    torch.testing.assert_close(item.data, CartesianMRI(LINES, maps.mT)(image.mT).mT)
    with pytest.raises(DataError, match=r"a\.h5 has lost its oversampling already"):
        RemoveOversampling(axis=-2)(item)


@pytest.mark.parametrize(
    ("step", "item", "sentence"),
    [
        (RemoveOversampling(2), Item("a", "a.h5", torch.ones(4, 6)), "expects complex k-space of at least 2 axes"),
        (RemoveOversampling(), Item("a", "a.h5", random(4, 6)), "does not tell its oversampling; give"),
        (RemoveOversampling(4), Item("a", "a.h5", random(4, 6)), "has readouts of 6 samples, which 4 does not divide"),
        (
            RemoveOversampling(2),
            Item("a", "a.h5", random(2, 4, 6), {"mask": torch.arange(6).expand(4, 6) > 1}),
            "needs whole readouts, and a.h5 has such as were sampled in part",
        ),
        (
            RemoveOversampling(2),
            Item("a", "a.h5", random(2, 4, 6) * (torch.arange(6) > 1)),
            "needs whole readouts, and a.h5 has such as were sampled in part",
        ),
    ],
)
def test_what_is_refused(step, item, sentence):
    with pytest.raises(DataError, match=sentence):
        step(item)


def test_settings_are_checked():
    with pytest.raises(ValueError, match=r"factor of at least 1, got 0\.5"):
        RemoveOversampling(0.5)
    with pytest.raises(ValueError, match="an axis counted from the end, got 2"):
        RemoveOversampling(axis=2)
