"""Crop, role by role."""

import pytest
import torch

from recon.files import DataError, Item
from recon.preprocess import Crop


def scan(**meta):
    data = torch.arange(24.0).reshape(4, 6)
    return Item("a", "a.h5", data, {"flats": torch.arange(12.0).reshape(2, 6), "angles": torch.arange(4.0)}, meta=meta)


@pytest.mark.parametrize(("start", "stop", "step"), [(1, 4, 1), (None, -2, 1), (-3, None, 2), (None, None, 3)])
def test_like_a_slice(start, stop, step):
    item = scan()
    out = Crop(-1, start, stop, step, roles=("data", "flats"))(item)
    assert torch.equal(out.data, item.data[:, start:stop:step])
    assert torch.equal(out.aux["flats"], item.aux["flats"][:, start:stop:step])
    assert torch.equal(out.aux["angles"], item.aux["angles"])


def test_every_other_projection():
    out = Crop(0, step=2, roles=["data", "angles"])(scan())
    assert out.aux["angles"].tolist() == [0, 2]
    assert out.data.shape == (2, 6)


@pytest.mark.parametrize(
    ("step", "meta", "sentence"),
    [
        (Crop(2), {}, "crop expects an axis 2, a.h5 has shape (4, 6)."),
        (Crop(0, 4), {}, "crop 4:None leaves nothing of the 4 elements of a.h5."),
        (
            Crop(0, 1, roles=("data", "flats")),
            {},
            "crop expects 4 elements along axis 0 of flats, as in the data of a.h5, got 2.",
        ),
        (Crop(0, 1, roles=("data", "mask")), {}, None),
        (
            Crop(-1, 1),
            {"axis_offset_px": 0.0},
            "crop along the detector moves the rotation axis of a.h5; put it before rotation_axis.",
        ),
    ],
)
def test_what_is_refused(step, meta, sentence):
    with pytest.raises(DataError) as caught:
        step(scan(**meta))
    assert str(caught.value) == (
        sentence or "a.h5 has no 'mask'; it has data, angles, flats; name its dataset in input.keys."
    )


def test_projections_may_go_after_the_axis_is_known():
    assert Crop(0, 1)(scan(axis_offset_px=0.0)).data.shape == (3, 6)


@pytest.mark.parametrize("settings", [{"step": 0}, {"roles": "data"}, {"roles": ()}])
def test_wrong_settings(settings):
    with pytest.raises(ValueError, match="Crop expects"):
        Crop(0, **settings)
