"""ASTRA's dictionaries from files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from recon.config.errors import ConfigError
from recon.config.nodes import plain, read_yaml
from recon.config.values import ScanSpec
from recon.files import DataError
from recon.operators.bridges.astra import from_astra
from recon.operators.ct.geometry import Geometry
from recon.operators.ct.volume import Volume

_LENGTHS = (
    "DetectorWidth",
    "DetectorSpacingX",
    "DetectorSpacingY",
    "DistanceOriginSource",
    "DistanceOriginDetector",
)
_NO_GRID = {"GridSliceCount": 1, "GridRowCount": 1, "GridColCount": 1}


def read_astra(scan: ScanSpec) -> tuple[Geometry, Volume | None]:
    """The geometry, and the volume where the file has one, in mm.

    The file, JSON or YAML, holds ASTRA's projection geometry, or a mapping of ``proj_geom`` and ``vol_geom``, with
    arrays as nested lists.

    Raises
    ------
    DataError
        If the file holds no such thing.
    """
    assert scan.file is not None
    return _read(scan.file, scan.unit, scan.flip_rows, scan.file.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read(file: Path, unit: float, flip_rows: bool, modified: int) -> tuple[Geometry, Volume | None]:
    content = _content(file)
    projection = content.get("proj_geom", content)
    grid = content.get("vol_geom")
    if not isinstance(projection, Mapping) or not isinstance(grid or {}, Mapping) or "type" not in projection:
        raise DataError(f"{file} holds no geometry of ASTRA: a mapping with its type, or proj_geom and vol_geom.")
    try:
        geometry, volume = from_astra(_scaled(projection, unit), _grid(grid or _NO_GRID, unit), flip_rows=flip_rows)
    except (ValueError, TypeError) as error:
        raise DataError(f"{file}: {' '.join(str(error).split())}") from None
    return geometry, None if grid is None else volume


def _content(file: Path) -> Mapping[str, Any]:
    try:
        if file.suffix.lower() == ".json":
            content = json.loads(file.read_text(encoding="utf-8"))
        else:
            content = plain(read_yaml(file))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DataError(f"{file} is not valid JSON ({error}).") from None
    except ConfigError as error:
        raise DataError(str(error)) from None
    return content if isinstance(content, Mapping) else {}


def _scaled(geometry: Mapping[str, Any], unit: float) -> dict[str, Any]:
    lengths: dict[str, Any] = {name: float(geometry[name]) * unit for name in _LENGTHS if name in geometry}
    if "Vectors" in geometry:
        lengths["Vectors"] = [[unit * number for number in row] for row in geometry["Vectors"]]
    return {**geometry, **lengths}


def _grid(geometry: Mapping[str, Any], unit: float) -> dict[str, Any]:
    """The grid with its edges written out, since ASTRA's own are half as many units as there are pixels."""
    option = dict(geometry.get("option") or {})
    for axis, count in zip("ZYX", ("GridSliceCount", "GridRowCount", "GridColCount"), strict=True):
        half = float(geometry.get(count, 0)) / 2
        for end, edge in (("Min", -half), ("Max", half)):
            option[f"Window{end}{axis}"] = float(option.get(f"Window{end}{axis}", edge)) * unit
    return {**geometry, "option": option}
