from math import pi
from pathlib import Path
from typing import Any

import pytest
import torch

from recon.config.components import Components
from recon.config.errors import Mark
from recon.config.nodes import Map, parse_yaml
from recon.config.values import ComponentSpec
from recon.files import DataError, Item
from recon.operators import RayTransform
from recon.run.build import Surroundings, build
from recon.run.geometry import in_radians, radians
from recon.signatures import find_class


def operator(text: str, data: torch.Tensor, **meta: Any) -> RayTransform:
    """The ray transform that a job describes, for an item with angles from 0 to 180 degrees."""
    node = parse_yaml(text, Mark("job.yaml", 1, 1, Path()))
    info = find_class("recon.operators.RayTransform")
    assert info is not None
    assert isinstance(node, Map)
    spec: ComponentSpec = Components().fill(info, "ray_transform", "operator 'ray_transform'", node)
    angles = torch.arange(len(data), dtype=torch.float64) * (180 / len(data))
    item = Item("scan", "scan.h5", data, aux={"angles": angles}, meta=meta)
    built = build(spec, Surroundings(item, tuple(data.shape)))
    assert isinstance(built, RayTransform)
    return built


SCAN = "geometry: {name: parallel_beam, angles: from-file, angle_unit: deg"


def test_what_the_job_leaves_out_follows_from_the_data() -> None:
    A = operator(f"{{{SCAN}, pitch: 0.5}}}}", torch.ones(6, 11))
    assert A.geometry.bins == 11
    assert A.geometry.angles == pytest.approx([pi * a / 6 for a in range(6)])
    assert (A.volume.shape, A.volume.spacing) == ((11, 11), (0.5, 0.5))
    assert A.geometry.offset == 0


def test_what_the_job_says_stays() -> None:
    text = f"{{{SCAN}, pitch: 0.5, bins: 11, offset: 0.2}}, volume: {{shape: [4, 8]}}}}"
    A = operator(text, torch.ones(6, 11), axis_offset_px=3)
    assert (A.volume.shape, A.volume.spacing, A.geometry.offset) == ((4, 8), (0.5, 0.5), 0.2)
    assert operator(f"{{{SCAN}}}, volume: {{spacing: 2}}}}", torch.ones(6, 11)).volume.spacing == (2, 2)
    assert operator(f"{{{SCAN}}}, volume: {{spacing: 2}}}}", torch.ones(6, 11)).volume.shape == (11, 11)


def test_the_rotation_axis_found_in_preprocessing_lies_where_it_was_found() -> None:
    A = operator(f"{{{SCAN}, pitch: 0.5}}}}", torch.ones(6, 11), axis_offset_px=-1.25)
    assert A.geometry.axis_bin == pytest.approx(5 - 1.25)


def test_evenly_spaced_angles_leave_out_the_end() -> None:
    text = "{geometry: {name: parallel_beam, angles: {start: 0, stop: 180, count: 4}, angle_unit: deg}}"
    assert operator(text, torch.ones(4, 5)).geometry.angles == pytest.approx([0, pi / 4, pi / 2, 3 * pi / 4])


def test_the_number_of_angles_must_be_that_of_the_projections() -> None:
    text = "{geometry: {name: parallel_beam, angles: [0, 90], angle_unit: deg}}"
    with pytest.raises(DataError) as error:
        operator(text, torch.ones(4, 5))
    assert str(error.value) == "scan.h5 has data of shape (4, 5), which is not one row for each of 2 angles."


def test_units_that_cannot_be_are_refused() -> None:
    turn = torch.linspace(0, pi, 60)
    assert radians(turn, "rad", "scan").tolist() == pytest.approx(turn.tolist())
    assert float(radians(torch.rad2deg(turn), "deg", "scan")[-1]) == pytest.approx(pi)
    for angles in (turn, turn[:-1], 2 * turn):
        with pytest.raises(DataError, match="which looks like radians; say angle_unit: rad"):
            radians(angles, "deg", "scan")
    with pytest.raises(DataError, match="reach 180, which cannot be radians; say angle_unit: deg"):
        radians(torch.rad2deg(turn), "rad", "scan")


@pytest.mark.parametrize("angles", [torch.linspace(0, 4, 9), torch.linspace(-30, 30, 20), torch.tensor([0.0, pi])])
def test_narrow_scans_in_degrees_are_possible(angles: torch.Tensor) -> None:
    assert torch.allclose(radians(angles, "deg", "scan"), torch.deg2rad(angles.double()))


def test_angles_are_in_radians_before_preprocessing_and_stay_so() -> None:
    """The search for the rotation axis failed on jobs that gave the unit in the geometry only."""
    info = find_class("recon.operators.RayTransform")
    assert info is not None
    node = parse_yaml(f"{{{SCAN}}}}}", Mark("job.yaml", 1, 1, Path()))
    assert isinstance(node, Map)
    spec = Components().fill(info, "ray_transform", "operator 'ray_transform'", node)
    degrees = torch.arange(6, dtype=torch.float64) * 30
    item = in_radians(Item("scan", "scan.h5", torch.ones(6, 11), aux={"angles": degrees}), spec)
    assert item.aux["angles"].tolist() == pytest.approx([pi * a / 6 for a in range(6)])
    built = build(spec, Surroundings(item, (6, 11)))
    assert built.geometry.angles == pytest.approx([pi * a / 6 for a in range(6)])
