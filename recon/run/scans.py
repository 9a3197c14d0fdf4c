"""Scan geometries that the job leaves to a file: the item's own, and ASTRA's dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from recon.config.components import Components
from recon.config.errors import ConfigError
from recon.config.extras import GEOMETRY
from recon.config.values import ArraySpec, ComponentSpec, ScanSpec, Value, walk
from recon.files import DataError, Item, Scan
from recon.preprocess.views import PER_VIEW
from recon.registry import find
from recon.run.astra import read_astra
from recon.signatures import ClassInfo, find_class


def described(scan: Value, item: Item | None) -> tuple[ComponentSpec, dict[str, Any]]:
    """The geometry as a component, and what is known of the volume.

    Raises
    ------
    DataError
        If the item brings no geometry.
    ConfigError
        If the file cannot be read, or the job sets a parameter that this geometry does not have.
    """
    if isinstance(scan, ComponentSpec):
        return scan, {}
    assert isinstance(scan, ScanSpec)
    if scan.file is not None:
        try:
            geometry, volume = read_astra(scan)
        except DataError as error:
            raise ConfigError(scan.at("file"), str(error)) from None
        info = find_class(f"{type(geometry).__module__}.{type(geometry).__qualname__}")
        assert info is not None
        return _filled(scan, info, _values(geometry)), {} if volume is None else _values(volume)
    if item is None or item.scan is None:
        source = "the job" if item is None else item.source
        step = None if item is None else item.meta.get("geometry_lost_to")
        why = "does not tell the geometry of its scan"
        if step is not None:
            why = f"has lost the geometry that its file tells, since {step} has changed the detector"
        raise DataError(f"{source} {why}; write it out in operator.geometry.")
    params = dict(item.scan.geometry)
    name = params.pop("name")
    member = find(GEOMETRY, name)
    if member is None:
        raise DataError(f"{item.source} names the geometry {name!r}, which there is not.")
    per_view = {role: ArraySpec(scan.mark, role, "item") for role in item.aux if role in member.info.parameters}
    return _filled(scan, member.info, {**params, **per_view}), dict(item.scan.volume)


def with_scan(item: Item, operator: Value) -> Item:
    """The item with the scan that the job describes, for steps that have to know how the rays run."""
    value = next((value for value in walk(operator) if is_geometry(value)), None)
    if value is None:
        return item
    geometry, volume = described(value, item)
    known = {name: entry for name, entry in geometry.params.items() if name not in PER_VIEW}
    return item.changed(scan=Scan({"name": geometry.name, **known}, volume))


def is_geometry(value: Value) -> bool:
    """Whether a description is that of a scan geometry."""
    if isinstance(value, ScanSpec):
        return True
    info = find_class(value.path) if isinstance(value, ComponentSpec) else None
    return info is not None and info.derives(GEOMETRY)


def _filled(scan: ScanSpec, info: ClassInfo, known: Mapping[str, Value]) -> ComponentSpec:
    name = info.attribute("names", own=True)[0]
    return Components(inside=True).fill(info, name, f"geometry {name!r}", scan.params, known)


def _values(value: Any) -> dict[str, Any]:
    """The parameters of a geometry or a volume, which are its fields."""
    return {field.name: _listed(getattr(value, field.name)) for field in fields(value)}


def _listed(value: Any) -> Any:
    return [_listed(entry) for entry in value] if isinstance(value, tuple) else value
