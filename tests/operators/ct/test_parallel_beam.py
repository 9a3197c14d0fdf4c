"""The parallel-beam geometry."""

import math
import pickle

import numpy as np
import pytest
import torch

from recon.operators import Geometry, ParallelBeam


def test_bin_positions_and_the_bin_of_the_axis():
    beam = ParallelBeam([0.0], bins=4, pitch=0.5, offset=1.0)
    torch.testing.assert_close(beam.positions(), torch.tensor([0.25, 0.75, 1.25, 1.75], dtype=torch.float64))
    assert beam.axis_bin == -0.5  # s = 0 lies half a millimetre, one bin, before bin 0.5's left neighbour
    assert beam.with_axis_at(-0.5) == beam
    shifted = beam.with_axis_at(2.25)
    assert shifted.axis_bin == pytest.approx(2.25)
    assert np.interp(0.0, shifted.positions(), np.arange(4)) == pytest.approx(2.25)


@pytest.mark.parametrize(
    "angles",
    [(0.5, 0.25), [0.5, 0.25], np.array([0.5, 0.25]), torch.tensor([0.5, 0.25]), torch.tensor([0.5, 0.25]).double()],
)
def test_angles_from_any_sequence_give_the_same_value(angles):
    beam = ParallelBeam(angles, 3)
    assert beam.angles == (0.5, 0.25)
    assert beam.shape == (2, 3)
    assert isinstance(beam, Geometry)
    assert hash(beam) == hash(ParallelBeam((0.5, 0.25), 3, 1.0, 0.0))
    assert pickle.loads(pickle.dumps(beam)) == beam


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], 4), "ParallelBeam expects at least one angle, got none."),
        (([0.0, float("nan")], 4), "ParallelBeam expects finite angles, got NaN or infinity."),
        (([0.0], 0), "ParallelBeam expects bins to be a positive whole number, got 0."),
        (([0.0], 4, 0.0), "ParallelBeam expects a positive, finite pitch, got 0.0."),
        (([0.0], 4, -1.0), "ParallelBeam expects a positive, finite pitch, got -1.0."),
        (([0.0], 4, 1.0, float("nan")), "ParallelBeam expects a finite offset, got nan."),
    ],
)
def test_refuses_scans_that_make_no_sense(arguments, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        ParallelBeam(*arguments)


def test_refuses_angles_that_are_no_sequence():
    with pytest.raises(
        TypeError, match=r"^ParallelBeam expects angles to be a sequence of numbers in radians, got 3\.0\.$"
    ):
        ParallelBeam(3.0, 4)


def test_warns_of_degrees():
    with pytest.warns(UserWarning, match="ParallelBeam takes angles in radians, and 179 is more than two turns"):
        ParallelBeam(list(range(180)), 4)
    ParallelBeam([math.radians(a) for a in range(360)], 4)
