"""Pixel grids."""

import pickle

import pytest
import torch

from recon.operators import Volume


def test_pixel_centres_are_symmetric_about_the_offset():
    volume = Volume((2, 3), spacing=(2.0, 0.5), offset=(1.0, -4.0))
    torch.testing.assert_close(volume.centres(0), torch.tensor([0.0, 2.0], dtype=torch.float64))
    torch.testing.assert_close(volume.centres(1), torch.tensor([-4.5, -4.0, -3.5], dtype=torch.float64))


def test_is_an_immutable_hashable_value():
    volume = Volume([4, 5], spacing=2)
    assert volume == Volume((4, 5), (2.0, 2.0), (0.0, 0.0)) == pickle.loads(pickle.dumps(volume))
    assert hash(volume) == hash(Volume((4, 5), 2.0))
    assert volume != Volume((5, 4), 2.0)
    with pytest.raises(AttributeError):
        volume.shape = (1, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((0, 4),), "Volume expects each size in shape to be a positive whole number, got 0."),
        (((2.5, 4),), "Volume expects each size in shape to be a positive whole number, got 2.5."),
        (((4,),), r"Volume expects a shape of two or three axes, got \(4,\)."),
        (((4, 4), 0.0), "Volume expects a positive, finite spacing, got 0.0."),
        (((4, 4), (1.0, float("nan"))), "Volume expects a positive, finite spacing, got nan."),
        (((4, 4), (1.0, 1.0, 1.0)), r"Volume expects one spacing or one for each of 2 axes, got \(1.0, 1.0, 1.0\)."),
        (((4, 4), 1.0, float("inf")), "Volume expects a finite offset, got inf."),
    ],
)
def test_refuses_grids_that_make_no_sense(arguments, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        Volume(*arguments)
