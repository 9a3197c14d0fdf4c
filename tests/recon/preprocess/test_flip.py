"""Mirror images."""

import pytest
import torch

from recon.files import DataError, Item
from recon.preprocess import Flip

DATA = torch.arange(12.0).reshape(3, 4)


def test_only_the_roles_named():
    item = Item("a", "a.h5", DATA, {"flats": DATA + 1, "darks": DATA + 2})
    out = Flip(-1, ["data", "flats"])(item)
    assert torch.equal(out.data, DATA.flip(1))
    assert torch.equal(out.aux["flats"], DATA.flip(1) + 1)
    assert torch.equal(out.aux["darks"], DATA + 2)
    assert torch.equal(Flip(-1, ["data", "flats"])(out).data, DATA)


def test_what_is_refused():
    with pytest.raises(DataError, match=r"flip expects an axis 2, data of a.h5 has shape \(3, 4\)"):
        Flip(2)(Item("a", "a.h5", DATA))
    known = Item("a", "a.h5", DATA, meta={"axis_offset_px": 1.0})
    with pytest.raises(DataError, match=r"flip along the detector moves the rotation axis of a.h5; put it before"):
        Flip(1)(known)
    assert torch.equal(Flip(0)(known).data, DATA.flip(0))
