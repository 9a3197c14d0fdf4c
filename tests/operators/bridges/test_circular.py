"""Circular scans recognised in their vectors."""

import math
from dataclasses import fields, replace
from itertools import pairwise

import pytest
import torch

from recon.operators import ConeBeam, FanBeam, ParallelBeam, ParallelBeam3D, VectorBeam
from recon.operators.bridges.circular import circular

ANGLES = [0.1 * a - 2.0 for a in range(0, 60, 7)]
SCANS = [
    ParallelBeam(ANGLES, 9, 0.9, 0.2),
    FanBeam(ANGLES, 9, 40.0, 60.0, 1.4, offset=0.3, axis_offset=0.6),
    ParallelBeam3D(ANGLES, 5, 9, (0.9, 0.8), (0.3, -0.2)),
    ConeBeam(ANGLES, 5, 9, 40.0, 60.0, (1.4, 1.1), (0.3, -0.2), (0.4, 0.0), 0.6, 3.0),
]


def numbers(geometry):
    """All parameters, flat."""
    values = [getattr(geometry, field.name) for field in fields(geometry) if field.name != "detector"]
    return [number for value in values for number in (value if isinstance(value, tuple) else (value,))]


@pytest.mark.parametrize("scan", SCANS, ids=lambda scan: type(scan).__name__)
def test_every_scan_is_found_again(scan):
    found = circular(VectorBeam.of(scan))
    assert type(found) is type(scan)
    assert numbers(found) == pytest.approx(numbers(scan), abs=1e-10)


@pytest.mark.parametrize("scan", SCANS[1::2], ids=lambda scan: type(scan).__name__)
def test_a_source_beside_the_middle_becomes_an_axis_beside_the_middle(scan):
    aside = (scan.source_offset[0], 0.7) if isinstance(scan, ConeBeam) else 0.7
    moved = replace(scan, source_offset=aside)
    found = circular(VectorBeam.of(moved))
    assert type(found) is type(scan)
    assert found.axis_offset == pytest.approx(-0.1)
    for ours, theirs in zip(found.rays(), moved.rays(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_given_angles_choose_the_turn():
    scan = ParallelBeam([0.1, 3.5, 9.0, -7.0], 9)
    assert circular(VectorBeam.of(scan), scan.angles).angles == scan.angles
    short = circular(VectorBeam.of(scan)).angles
    assert max(abs(b - a) for a, b in pairwise(short)) <= math.pi


def test_helices_go_on_turning():
    scan = ConeBeam([0.4 * a for a in range(40)], 3, 4, 40.0, 60.0, helical_pitch=-2.5)
    found = circular(VectorBeam.of(scan))
    assert numbers(found) == pytest.approx(numbers(scan), abs=1e-10)


@pytest.mark.parametrize(
    ("scan", "change"),
    [
        (scan, change)
        for scan in SCANS
        for change in ("tilt", "wobble", "mirror")[: 3 if hasattr(scan, "axis_offset") else 2]
    ],
)
def test_other_scans_stay_vectors(scan, change):
    beam = VectorBeam.of(scan)
    u, detectors = torch.tensor(beam.u), torch.tensor(beam.detectors, dtype=torch.float64)
    if change == "tilt":
        u = u + 0.05 * torch.tensor(beam.u).flip(0)
    elif change == "mirror":
        u = -u
    else:
        detectors[2] += 0.01 * u[2]
    v = {} if beam.v is None else {"v": beam.v, "rows": beam.rows}
    changed = VectorBeam(detectors, u, beam.bins, beam.sources, beam.directions, **v)
    assert circular(changed) is changed
