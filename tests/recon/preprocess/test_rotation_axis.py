"""The step around the search: sign, units, and refusals."""

from math import pi

import pytest
import torch

from recon.files import DataError, Item
from recon.operators.ct.parallel_beam import ParallelBeam
from recon.preprocess import RotationAxis

ANGLES = torch.arange(60, dtype=torch.float64) * (pi / 60)


def scan(data=None, **aux):
    return Item("a", "a.h5", torch.ones(60, 32) if data is None else data, aux)


def test_sign_agrees_with_the_geometry(sinogram):
    """In the geometry's coordinate the centres of mass follow x cos θ + y sin θ, without a constant."""
    p = sinogram(ANGLES, 96, -4.75, size=0.7)
    item = RotationAxis()(scan(p.float(), angles=ANGLES))
    offset = item.meta["axis_offset_px"]
    assert offset == pytest.approx(-4.75, abs=0.01)
    geometry = ParallelBeam(ANGLES, bins=96, pitch=0.5, offset=-offset * 0.5)
    assert geometry.axis_bin == pytest.approx(offset + 47.5)
    assert geometry.with_axis_at(offset + 47.5).offset == pytest.approx(geometry.offset)
    centres = (p @ geometry.positions()) / p.sum(-1)
    waves = torch.stack([torch.ones(60, dtype=torch.float64), ANGLES.cos(), ANGLES.sin()], dim=1)
    constant, x, y = torch.linalg.lstsq(waves, centres).solution.tolist()
    assert abs(constant) < 0.01
    assert abs(x) > 0.3
    assert y < -0.3


def test_the_data_stays(sinogram):
    before = scan(sinogram(ANGLES, 96, 3.0, size=0.7).float(), angles=ANGLES)
    item = RotationAxis()(before)
    assert item.data is before.data
    assert item.meta["axis_found_by"] == "auto"
    assert item.meta["axis_misfit"] < 0.01


def test_given_in_bins_or_mm():
    assert RotationAxis(1.5)(scan()).meta == {"axis_found_by": "given", "axis_offset_px": 1.5}
    assert RotationAxis(-0.3, "mm", pitch=0.2)(scan()).meta["axis_offset_px"] == pytest.approx(-1.5)


def test_slices_between_angles_and_bins(sinogram):
    stack = torch.stack([sinogram(ANGLES, 96, 2.5, size=s) for s in (0.5, 0.7)], dim=1)
    assert RotationAxis()(scan(stack, angles=ANGLES)).meta["axis_offset_px"] == pytest.approx(2.5, abs=0.01)
    moved = scan(stack.movedim(0, 1), angles=ANGLES)
    assert RotationAxis(angle_axis=1)(moved).meta["axis_offset_px"] == pytest.approx(2.5, abs=0.01)


def noise():
    return torch.randn(60, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("step", "item", "sentence"),
    [
        (RotationAxis(), scan(), "a.h5 has no 'angles'; it has data; name its dataset in input.keys."),
        (
            RotationAxis(),
            scan(angles=ANGLES[:9]),
            "a.h5 has 60 projections along axis 0, but angles of shape (9,).",
        ),
        (
            RotationAxis(),
            scan(angles=torch.rad2deg(ANGLES)),
            "The angles of a.h5 look like degrees; put the step angles before rotation_axis.",
        ),
        (
            RotationAxis(),
            scan(angles=ANGLES / 2),
            "In a.h5, finding the rotation axis needs angles that cover 180 degrees evenly, these 60 run from 0 to "
            "88.5 degrees with larger gaps; give the offset as a number.",
        ),
        (
            RotationAxis(),
            scan(torch.ones(60), angles=ANGLES),
            "rotation_axis expects projections along axis 0 and bins along the last axis, a.h5 has shape (60,).",
        ),
        (
            RotationAxis(20.0),
            scan(),
            "rotation_axis puts the axis of a.h5 at 20 bins from the centre of a detector of 32 bins, which is beyond "
            "its edge.",
        ),
    ],
)
def test_what_is_refused(step, item, sentence):
    with pytest.raises(DataError) as caught:
        step(item)
    assert str(caught.value) == sentence


def test_noise_has_no_axis():
    with pytest.raises(
        DataError, match=r"rotation_axis finds no clear axis in a.h5 \(best misfit 0.9\d of the typical"
    ):
        RotationAxis()(scan(noise(), angles=ANGLES))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"offset": "centre"}, "RotationAxis expects offset 'auto' or a number, got 'centre'."),
        ({"offset": float("nan")}, "RotationAxis expects offset 'auto' or a number, got nan."),
        ({"unit": "cm"}, "RotationAxis expects unit 'px' or 'mm', got 'cm'."),
        ({"pitch": 0.0}, "RotationAxis expects a positive pitch, got 0.0."),
        ({"offset": 1.0, "unit": "mm"}, "RotationAxis expects unit 'mm' and the pitch of the bins in mm together."),
        ({"offset": 1.0, "pitch": 0.5}, "RotationAxis expects unit 'mm' and the pitch of the bins in mm together."),
        (
            {"unit": "mm", "pitch": 0.5},
            "RotationAxis finds the offset in bins; give unit and pitch with a number only.",
        ),
    ],
)
def test_wrong_settings(settings, sentence):
    with pytest.raises(ValueError) as caught:
        RotationAxis(**settings)
    assert str(caught.value) == sentence
