"""Every line counts once, however often it was measured."""

import math

import pytest
import torch

from recon.operators.ct.redundancy import detector_weights, scan_arc, view_weights
from recon.operators.linear import CapabilityError

DOUBLE = {"dtype": torch.float64}


def even(count, turn=2 * math.pi, start=0.0):
    return [start + turn * a / count for a in range(count)]


@pytest.mark.parametrize("count", [1, 2, 9, 360])
def test_an_even_turn_is_a_full_turn(count):
    arc = scan_arc(even(count, start=0.4))
    assert arc.extent is None
    torch.testing.assert_close(arc.cells, torch.full((count,), 2 * math.pi / count, **DOUBLE))
    fan = torch.linspace(-0.3, 0.3, 5, **DOUBLE)
    torch.testing.assert_close(view_weights(arc, fan), (arc.cells / 2)[:, None].expand(-1, 5))


def test_the_arc_of_a_short_scan_is_found_wherever_it_starts():
    angles = torch.tensor(even(220, math.radians(220), start=5.0), **DOUBLE)
    shuffle = torch.randperm(220, generator=torch.Generator().manual_seed(0))
    arc, shuffled = scan_arc(angles.tolist()), scan_arc((angles[shuffle] - 4 * math.pi).tolist())
    assert arc.extent == pytest.approx(math.radians(220))
    torch.testing.assert_close(arc.place, torch.arange(220, **DOUBLE).deg2rad() + math.radians(0.5))
    torch.testing.assert_close(arc.cells, torch.full((220,), math.radians(1), **DOUBLE))
    torch.testing.assert_close(shuffled.place, arc.place[shuffle])
    torch.testing.assert_close(shuffled.cells, arc.cells[shuffle])


def test_equal_directions_share_their_cell():
    arc = scan_arc([*even(90), *even(90, start=2 * math.pi), 0.0])
    expected = torch.full((181,), math.radians(2), **DOUBLE)
    expected[[0, 90, 180]] = math.radians(4) / 3
    torch.testing.assert_close(arc.cells, expected)


def test_uneven_angles_stand_for_the_half_way_intervals():
    angles = torch.rand(300, generator=torch.Generator().manual_seed(2), **DOUBLE).sort().values * 4.0
    arc = scan_arc(angles.tolist())
    torch.testing.assert_close(arc.cells[1:-1], (angles[2:] - angles[:-2]) / 2)
    assert float(arc.cells.sum()) == pytest.approx(arc.extent)


def test_a_second_wedge_is_not_laid_on_the_views_beside_it():
    arc = scan_arc([math.radians(a) for a in (*range(100), *range(130, 250))])
    torch.testing.assert_close(arc.cells, torch.full((220,), math.radians(1), **DOUBLE))
    assert arc.extent == pytest.approx(math.radians(250))


@pytest.mark.parametrize("degrees", [200, 215, 260, 320, 350])
def test_weights_of_a_line_add_up_to_one(degrees):
    """At angles of the rays' own conjugates: w(t, γ) + w(t + π + 2γ, −γ) = 1, or w = 1 where there is no conjugate."""
    fan = torch.linspace(-0.2, 0.2, 9, **DOUBLE)
    base = torch.tensor(even(degrees, math.radians(degrees)), **DOUBLE)
    arc = scan_arc(base.tolist())
    weights = view_weights(arc, fan) / arc.cells[:, None]
    for k in range(9):
        place = (arc.place + math.pi + 2 * fan[k]).remainder(2 * math.pi)
        measured = place <= arc.extent
        other = view_weights(arc._replace(place=place, cells=torch.ones_like(place)), fan[[8 - k]])[:, 0]
        total = weights[:, k] + torch.where(measured, other, 0.0)
        torch.testing.assert_close(total, torch.ones_like(total))


def test_weights_are_smooth_and_vanish_at_the_ends_of_a_short_scan():
    fan = torch.linspace(-0.2, 0.2, 41, **DOUBLE)
    arc = scan_arc(even(2000, math.pi + 0.44))
    weights = view_weights(arc, fan) / arc.cells[:, None]
    assert float(weights[0, :30].max()) < 1e-4
    assert float(weights[-1, 11:].max()) < 1e-4
    assert float(weights.diff(dim=0)[:, 10:31].abs().max()) < 0.02


@pytest.mark.parametrize("sign", [1, -1])
def test_a_displaced_detector_shares_what_both_sides_see(sign):
    position, arc = sign * torch.linspace(-2.0, 8.0, 101, **DOUBLE), scan_arc(even(100))
    weights = detector_weights(position, arc, 7.0, "FBP")
    overlap = position.abs() < 2
    torch.testing.assert_close(weights[overlap] + weights[overlap].flip(0), torch.ones(int(overlap.sum()), **DOUBLE))
    assert torch.equal(weights[sign * position > 2.05], torch.ones(int((sign * position > 2.05).sum()), **DOUBLE))
    assert float(weights.diff().min()) >= 0  # the longer side lies at the end


def test_a_detector_that_sees_the_object_is_not_displaced():
    position, arc = torch.linspace(-4.0, 8.0, 121, **DOUBLE), scan_arc(even(100))
    assert detector_weights(position, arc, 4.0, "FBP") is None
    assert detector_weights(position, arc, 6.0, "FBP") is not None
    quarter = torch.linspace(-5.0, 5.0, 101, **DOUBLE) + 0.025
    assert detector_weights(quarter, arc, 9.0, "FBP") is None  # an offset by a quarter of a bin


def test_never_both_displaced_and_short():
    arc = scan_arc(even(200, 3.6))
    with pytest.raises(CapabilityError, match=r"^FBP needs a full turn where the detector is displaced.*3\.6 radians"):
        detector_weights(torch.linspace(-2.0, 8.0, 101, **DOUBLE), arc, 7.0, "FBP")
    with pytest.raises(CapabilityError, match=r"^FBP needs a detector that sees the rotation axis"):
        detector_weights(torch.linspace(2.0, 8.0, 61, **DOUBLE), arc, 7.0, "FBP")
