from math import pi
from pathlib import Path

import pytest
import torch

from recon.config.components import Components
from recon.config.errors import Mark
from recon.config.nodes import Map, parse_yaml
from recon.files import DataError, Item
from recon.run.angles import in_radians, radians
from recon.run.build import Surroundings, build
from recon.signatures import find_class


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


def test_short_scans_of_diverging_rays_in_radians_are_no_degrees() -> None:
    short = torch.linspace(0, pi + 0.4, 200)
    with pytest.raises(DataError, match=r"span 3\.542, which looks like radians"):
        radians(short, "deg", "scan", diverging=True)
    assert torch.equal(radians(short, "rad", "scan", diverging=True), short.double())
    assert torch.allclose(radians(short, "deg", "scan"), torch.deg2rad(short.double()))


def test_helices_go_on_for_many_turns() -> None:
    helix = torch.linspace(0, 10 * 2 * pi, 400)
    assert torch.equal(radians(helix, "rad", "scan", helical=True), helix.double())
    for angles, helical in ((helix, False), (torch.rad2deg(helix), True)):
        with pytest.raises(DataError, match="which cannot be radians"):
            radians(angles, "rad", "scan", helical=helical)


def test_angles_that_are_no_numbers() -> None:
    with pytest.raises(DataError, match="the angles of scan are not all finite"):
        radians(torch.tensor([0.0, float("nan")]), "deg", "scan")


def test_angles_are_in_radians_before_preprocessing_and_stay_so() -> None:
    """The search for the rotation axis failed on jobs that gave the unit in the geometry only."""
    info = find_class("recon.operators.RayTransform")
    assert info is not None
    text = "{geometry: {name: parallel_beam, angles: from-file, angle_unit: deg}}"
    node = parse_yaml(text, Mark("job.yaml", 1, 1, Path()))
    assert isinstance(node, Map)
    spec = Components().fill(info, "ray_transform", "operator 'ray_transform'", node)
    degrees = torch.arange(6, dtype=torch.float64) * 30
    item = in_radians(Item("scan", "scan.h5", torch.ones(6, 11), aux={"angles": degrees}), spec)
    assert item.aux["angles"].tolist() == pytest.approx([pi * a / 6 for a in range(6)])
    built = build(spec, Surroundings(item, (6, 11)))
    assert built.geometry.angles == pytest.approx([pi * a / 6 for a in range(6)])
