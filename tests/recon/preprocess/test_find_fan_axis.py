"""The axis of fan beams found on projections whose axis is known."""

from math import atan, pi

import pytest
import torch

from recon.files import DataError, Item
from recon.files.scan import Scan
from recon.operators import FanBeam
from recon.phantoms import Ellipse, EllipsePhantom
from recon.preprocess import RotationAxis
from recon.preprocess.find_fan_axis import find_fan_axis

PHANTOM = EllipsePhantom(
    [
        Ellipse(1.0, 30.0, 22.0, 4.0, -5.0, 0.3),
        Ellipse(0.6, 4.0, 9.0, -12.0, 6.0, 0.1),
        Ellipse(-0.5, 6.0, 5.0, 14.0, -3.0, 0.1),
        Ellipse(0.8, 2.0, 2.0, 10.0, 8.0),
    ]
)
TURN = torch.arange(120, dtype=torch.float64) * (pi / 60)


def scan(tau, offset=0.0, detector="flat", to_axis=200.0, to_detector=300.0, angles=TURN):
    """Projections, and where the axis is seen, in bins from the detector's middle."""
    geometry = FanBeam(angles, 128, to_axis, to_detector, detector=detector, offset=offset, axis_offset=tau)
    seen = to_detector * (tau / to_axis if detector == "flat" else atan(tau / to_axis))
    return PHANTOM.line_integrals(geometry, 4, torch.float64), seen - offset


@pytest.mark.parametrize("detector", ["flat", "curved"])
@pytest.mark.parametrize(
    ("tau", "offset", "to_axis", "to_detector"),
    [(0.0, 0.0, 200.0, 300.0), (2.5, 0.0, 200.0, 300.0), (-4.0, 3.0, 120.0, 200.0)],
)
def test_offsets(detector, tau, offset, to_axis, to_detector):
    p, wanted = scan(tau, offset, detector, to_axis, to_detector)
    found = find_fan_axis(p, TURN, 1 / to_detector, detector, offset)
    assert abs(found.offset - wanted) < 0.01
    assert found.misfit < 1e-3
    noise = 0.01 * p.max() * torch.randn(p.shape, dtype=p.dtype, generator=torch.Generator().manual_seed(0))
    assert abs(find_fan_axis(p + noise, TURN, 1 / to_detector, detector, offset).offset - wanted) < 0.1


def test_any_order_and_any_start():
    angles = (TURN + 0.7)[torch.randperm(120, generator=torch.Generator().manual_seed(0))]
    p, wanted = scan(2.5, angles=angles)
    assert abs(find_fan_axis(p, angles, 1 / 300).offset - wanted) < 0.01


def test_half_a_turn_is_not_enough():
    with pytest.raises(ValueError, match="of a fan beam needs angles that cover 360 degrees evenly, these cover 180"):
        find_fan_axis(torch.ones(120, 32), TURN / 2, 0.01)


def test_noise_alone_is_no_evidence():
    noise = torch.randn(90, 128, generator=torch.Generator().manual_seed(0))
    assert find_fan_axis(noise, torch.arange(90) * (pi / 45), 1 / 300).misfit > 0.8


def test_the_step_takes_distances_from_its_settings_or_from_the_scan():
    p, wanted = scan(2.5, offset=2.0)
    known = Scan({"name": "fan_beam", "source_to_axis": 200.0, "source_to_detector": 300.0, "offset": 2.0})
    by_scan = RotationAxis()(Item("a", "a.h5", p, {"angles": TURN}, scan=known)).meta
    assert by_scan["axis_offset_px"] == pytest.approx(wanted, abs=0.01)
    assert by_scan["axis_found_by"] == "auto, diverging rays"
    p, wanted = scan(2.5, detector="curved")
    step = RotationAxis(pitch=1.0, source_to_detector=300.0, detector="curved")
    rows = torch.stack([torch.zeros_like(p), p, torch.zeros_like(p)], 1)
    assert step(Item("a", "a.h5", rows, {"angles": TURN})).meta["axis_offset_px"] == pytest.approx(wanted, abs=0.01)


def test_a_helix_is_refused():
    helix = Scan({"name": "cone_beam", "source_to_axis": 200.0, "source_to_detector": 300.0, "helical_pitch": 5.0})
    with pytest.raises(DataError, match=r"cannot find the axis of the helical scan a.h5; give the offset"):
        RotationAxis()(Item("a", "a.h5", torch.ones(120, 4, 32), {"angles": TURN}, scan=helix))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"source_to_detector": 0.0, "pitch": 1.0}, "RotationAxis expects a positive source_to_detector, got 0.0."),
        (
            {"source_to_detector": 300.0},
            "RotationAxis expects source_to_detector with offset 'auto' and the pitch in mm.",
        ),
        ({"detector": "bent"}, "RotationAxis expects detector 'flat' or 'curved', got 'bent'."),
    ],
)
def test_wrong_settings(settings, sentence):
    with pytest.raises(ValueError) as caught:
        RotationAxis(**settings)
    assert str(caught.value) == sentence
