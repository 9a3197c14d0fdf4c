import json
from pathlib import Path

import pytest
import torch

from recon.config.errors import ConfigError
from recon.files import DataError, Item, Scan
from recon.operators import FanBeam
from recon.preprocess import Crop, Flip, Step, Transpose
from recon.run.build import Surroundings, build
from recon.run.scans import with_scan
from tests.recon.run.conftest import described, operator

FROM_FILE = Scan(
    {"name": "fan_beam", "source_to_axis": 40.0, "source_to_detector": 60.0, "pitch": 0.6, "offset": 0.3},
    {"shape": [7, 8], "spacing": 0.5},
)


def radians_of(count: int) -> dict[str, torch.Tensor]:
    return {"angles": torch.arange(count, dtype=torch.float64)}


def test_the_geometry_of_the_item() -> None:
    A = operator("{geometry: from-file}", torch.ones(6, 11), FROM_FILE, radians_of(6), angles_unit="rad")
    assert A.geometry == FanBeam(range(6), 11, 40, 60, 0.6, offset=0.3)
    assert (A.volume.shape, A.volume.spacing) == ((7, 8), (0.5, 0.5))


def test_the_job_goes_before_what_the_item_tells() -> None:
    text = "{geometry: {name: from-file, pitch: 0.9, detector: curved}, volume: {spacing: 0.25}}"
    A = operator(text, torch.ones(6, 11), FROM_FILE, radians_of(6), angles_unit="rad")
    assert A.geometry == FanBeam(range(6), 11, 40, 60, 0.9, "curved", offset=0.3)
    assert (A.volume.shape, A.volume.spacing) == ((7, 8), (0.25, 0.25))


def test_a_parameter_that_the_items_geometry_lacks() -> None:
    with pytest.raises(ConfigError, match=r"job.yaml:1:30: geometry 'fan_beam' takes no 'rows'"):
        operator("{geometry: {name: from-file, rows: 4}}", torch.ones(6, 11), FROM_FILE, radians_of(6))


def test_an_item_without_a_geometry() -> None:
    with pytest.raises(DataError) as error:
        operator("{geometry: from-file}", torch.ones(6, 11))
    said = "scan.h5 does not tell the geometry of its scan; write it out in operator.geometry."
    assert str(error.value) == said


@pytest.mark.parametrize(
    ("step", "lost"),
    [
        (Flip(-1), True),
        (Flip(0, ("data", "angles")), False),
        (Crop(1, 2), True),
        (Crop(-1, 2, -2), False),
        (Crop(0, 2, roles=("data", "angles")), False),
        (Transpose((1, 0)), True),
    ],
)
def test_steps_that_change_the_detector_take_the_geometry_away(step: Step, lost: bool) -> None:
    item = step(Item("scan", "scan.h5", torch.ones(6, 11), radians_of(6), scan=FROM_FILE))
    spec = described("{geometry: from-file}")
    if not lost:
        A = build(spec, Surroundings(item, tuple(item.data.shape)))
        assert A.geometry.shape == item.data.shape
        return
    with pytest.raises(DataError) as error:
        build(spec, Surroundings(item, tuple(item.data.shape)))
    assert str(error.value) == (
        f"scan.h5 has lost the geometry that its file tells, since {step.names[0]} has changed the detector; "
        "write it out in operator.geometry."
    )


ASTRA = {
    "proj_geom": {
        "type": "fanflat",
        "DetectorCount": 11,
        "DetectorWidth": 1.5,
        "DistanceOriginSource": 100.0,
        "DistanceOriginDetector": 50.0,
        "ProjectionAngles": [0.0, 0.4, 0.8, 1.2],
    },
    "vol_geom": {"GridRowCount": 8, "GridColCount": 10},
}


@pytest.mark.parametrize("unit", [1.0, 0.4])
def test_the_dictionaries_of_astra(tmp_path: Path, unit: float) -> None:
    (tmp_path / "scan.json").write_text(json.dumps(ASTRA))
    text = f"{{geometry: {{name: astra, file: {tmp_path}/scan.json, unit: {unit}, flip_rows: yes}}}}"
    A = operator(text, torch.ones(4, 11))
    assert A.geometry == FanBeam([0.0, 0.4, 0.8, 1.2], 11, 100 * unit, 150 * unit, 1.5 * unit)
    assert (A.volume.shape, A.volume.spacing) == ((8, 10), (unit, unit))


def test_a_dictionary_of_astra_without_a_volume_and_with_views_left_out(tmp_path: Path) -> None:
    text = "type: parallel\nDetectorCount: 11\nDetectorWidth: 0.5\nProjectionAngles: [0, 0.4, 0.8, 1.2]\n"
    (tmp_path / "scan.yaml").write_text(text)
    A = operator(
        f"{{geometry: {{name: astra, file: {tmp_path}/scan.yaml}}}}",
        torch.ones(2, 11),
        views={"of": 4, "kept": [0, 2]},
        axis_offset_px=1.0,
    )
    assert A.geometry.angles == pytest.approx((0, -0.8))
    assert A.geometry.axis_bin == pytest.approx(6)
    assert (A.volume.shape, A.volume.spacing) == ((11, 11), (0.5, 0.5))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1, 2]", "holds no geometry of ASTRA: a mapping with its type, or proj_geom and vol_geom."),
        ("{oops", "is not valid JSON"),
        ('{"type": "fan"}', "from_astra expects a projection geometry of type parallel"),
        ('{"type": "parallel", "DetectorCount": 3}', "from_astra expects ProjectionAngles in ASTRA's geometry"),
    ],
)
def test_files_that_astra_did_not_write(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "scan.json").write_text(text)
    with pytest.raises(ConfigError) as error:
        operator(f"{{geometry: {{name: astra, file: {tmp_path}/scan.json}}}}", torch.ones(4, 11))
    assert str(error.value).startswith("job.yaml:1:32: ")
    assert said in str(error.value)


def test_steps_see_the_scan_that_the_job_describes() -> None:
    """The search for the axis of a fan needs its distances, wherever they are written."""
    plain = Item("scan", "scan.h5", torch.ones(6, 11), radians_of(6))
    text = "{geometry: {name: fan, angles: from-file, angle_unit: rad, source_to_axis: 4, source_to_detector: 5}}"
    scan = with_scan(plain, described(text)).scan
    assert scan is not None
    assert (scan.geometry["name"], scan.geometry["source_to_detector"], scan.geometry["pitch"]) == ("fan_beam", 5, 1)
    assert "angles" not in scan.geometry
    told = with_scan(plain.changed(scan=FROM_FILE), described("{geometry: {name: from-file, pitch: 0.9}}")).scan
    assert told is not None
    assert (told.geometry["source_to_detector"], told.geometry["pitch"]) == (60, 0.9)
    assert told.volume == FROM_FILE.volume
    assert with_scan(plain, None) is plain
