"""Scan geometries and volumes completed with what the data say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil, cos, pi, sin
from typing import Any

from recon.config.components import Components
from recon.config.errors import ConfigError
from recon.config.extras import GEOMETRY, VOLUME
from recon.config.nodes import Map
from recon.config.values import ArraySpec, ComponentSpec, Value
from recon.files import DataError, Item
from recon.operators.operator import Shape
from recon.preprocess.views import PER_VIEW
from recon.run.angles import radians, turning
from recon.run.arrays import tensor_of
from recon.run.scans import described, is_geometry
from recon.signatures import ClassInfo, find_class

Params = dict[str, Value]


def complete(
    spec: ComponentSpec, item: Item | None, data_shape: Shape | None, image_shape: Shape | None = None
) -> ComponentSpec:
    """The description with everything filled in that the job leaves out and the item tells.

    A geometry gets the item's own description where the job says ``from-file``, its angles in radians, only the views
    that preprocessing has kept, bins and rows from data ``(..., angles, bins)`` or ``(..., angles, rows, bins)``, and
    the rotation axis from the step ``rotation_axis``: as offset of the detector for parallel rays, as ``axis_offset``
    for diverging ones. An operator's volume gets the pixels of :func:`default_volume`. Where the image is known
    beforehand, the volume has its shape, and a scan of which there are no data as many bins and rows as the image has
    pixels across and along the axis.

    Raises
    ------
    DataError
        If geometry and data do not fit, or the angles cannot be in the unit that the job gives.
    """
    info = find_class(spec.path)
    if info is None:
        return spec
    if info.derives(GEOMETRY):
        return replace(spec, params=_scan(spec, info, item, data_shape, image_shape))
    params = dict(spec.params)
    place = next((name for name, value in params.items() if is_geometry(value)), None)
    if place is None:
        return spec
    geometry, grid = described(params[place], item)
    params[place] = geometry = complete(geometry, item, data_shape, image_shape)
    known = {} if image_shape is None else {"shape": list(image_shape)}
    for name, parameter in info.parameters.items():
        if parameter.annotation is not None and "Volume" in parameter.text:
            params[name] = _volume(params.get(name), {**default_volume(geometry.params), **grid, **known}, spec)
    return replace(spec, params=params)


def _volume(volume: Value, defaults: Params, owner: ComponentSpec) -> ComponentSpec:
    """The volume with what it leaves out."""
    if volume is None:
        info = find_class(VOLUME)
        assert info is not None
        volume = Components(inside=True).fill(info, "", "volume", Map(owner.mark, {}, {}))
    assert isinstance(volume, ComponentSpec)
    params = {**defaults, **volume.params}
    if missing := [name for name in ("shape", "spacing") if name not in params]:
        raise ConfigError(
            volume.mark,
            f"{owner.label} needs the {' and the '.join(missing)} of its volume, which vectors do not tell: "
            "volume: {shape: [256, 256], spacing: 0.5}.",
        )
    return replace(volume, params=params)


def default_volume(scan: Mapping[str, Value]) -> Params:
    """The grid that follows from a complete geometry; nothing for one given by vectors.

    Pixels as wide as what a bin sees of the rotation axis, pitch · R/D for diverging rays, as many each way as there
    are bins; in space as many planes as rows, by the pitch of the rows, about the height at which the detector's
    middle sees the axis, and for a helix as many more as source and detector pass.
    """
    if "pitch" not in scan:
        return {}
    rows_apart, bins_apart = (number / _magnification(scan) for number in _pair(scan["pitch"]))
    bins = scan["bins"]
    if scan.get("rows") is None:
        return {"shape": [bins, bins], "spacing": bins_apart}
    source = _pair(scan.get("source_offset", 0.0))[0]
    height = source + (_pair(scan["offset"])[0] - source) / _magnification(scan)
    advance = scan.get("helical_pitch", 0.0) / (2 * pi)
    low, high = advance * min(scan["angles"]), advance * max(scan["angles"])
    planes = scan["rows"] + ceil(abs(high - low) / rows_apart - 1e-9)
    middle = height + (low + high) / 2
    return {
        "shape": [planes, bins, bins],
        "spacing": [rows_apart, bins_apart, bins_apart],
        "offset": [middle, 0.0, 0.0],
    }


def _magnification(scan: Mapping[str, Value]) -> float:
    return float(scan["source_to_detector"]) / float(scan["source_to_axis"]) if "source_to_axis" in scan else 1.0


def _pair(value: Any) -> tuple[float, float]:
    """(along the axis, across it) of a parameter that is one number or two."""
    along, across = value if isinstance(value, Sequence) else (value, value)
    return float(along), float(across)


def _scan(
    spec: ComponentSpec, info: ClassInfo, item: Item | None, data_shape: Shape | None, image_shape: Shape | None
) -> Params:
    params = dict(spec.params)
    flat = "rows" not in info.parameters or ("v" in info.parameters and params.get("v") is None)
    ndim = 2 if flat else 3
    for name in PER_VIEW:
        value = params.get(name)
        if isinstance(value, ArraySpec):
            value = _angles(spec, value, item) if name == "angles" else tensor_of(value, item).tolist()
        if isinstance(value, list):
            params[name] = _chosen(spec, name, value, item, data_shape, ndim)
    if data_shape is not None and len(data_shape) >= ndim:
        params.setdefault("bins", data_shape[-1])
        if not flat:
            params.setdefault("rows", data_shape[-2])
    elif data_shape is None and image_shape is not None:
        params.setdefault("bins", image_shape[-1])
        if not flat:
            params.setdefault("rows", image_shape[0])
    axis = None if item is None else item.meta.get("axis_offset_px")
    if axis is not None and item is not None:
        params |= _axis(spec, params, float(axis), item)
    return params


def _angles(spec: ComponentSpec, angles: ArraySpec, item: Item | None) -> list[float]:
    converted = angles.source == "item" and item is not None and item.meta.get("angles_unit") == "rad"
    unit = "rad" if converted else spec.options.get("angle_unit", "rad")
    values: list[float] = radians(tensor_of(angles, item), unit, _source(item), **turning(spec)).tolist()
    return values


def _chosen(
    spec: ComponentSpec, name: str, values: list[Any], item: Item | None, data_shape: Shape | None, ndim: int
) -> list[Any]:
    """The entries of the views that are left of the data."""
    if data_shape is None or len(data_shape) < ndim or len(values) != data_shape[-ndim]:
        views = {} if item is None else item.meta.get("views", {})
        if len(data_shape or ()) >= ndim and views.get("of") == len(values):
            return [values[view] for view in views["kept"]]
        if data_shape is not None:
            raise DataError(_misfit(spec, name, len(values), _source(item), tuple(data_shape), ndim))
    return values


def _misfit(spec: ComponentSpec, name: str, count: int, source: str, shape: Shape, ndim: int) -> str:
    said = f"{source} has data of shape {shape}, which"
    if ndim == 2 and len(shape) == 3 and shape[0] == count:
        return (
            f"{said} {spec.label} takes slice by slice; choose slices in input, or write a geometry in space such as "
            "parallel_beam_3d."
        )
    wanted = "row" if ndim == 2 else "picture (rows, bins)"
    return f"{said} is not one {wanted} for each of {count} {name if len(name) > 1 else f'vectors {name}'}."


def _axis(spec: ComponentSpec, params: Params, axis: float, item: Item) -> Params:
    """How the rotation axis, ``axis`` bins from the detector's middle towards higher bins, enters the geometry."""
    if "pitch" not in params:
        raise DataError(
            f"rotation_axis has moved the axis of {item.source}, but the vectors of {spec.label} say where it is; "
            "leave the step out."
        )
    across = axis * _pair(params["pitch"])[1]
    if "source_to_axis" not in params:
        if spec.given("offset"):
            return {}
        return {"offset": [params["offset"][0], -across] if "rows" in params else -across}
    if spec.given("axis_offset"):
        return {}
    if item.meta.get("axis_found_by") == "auto":
        raise DataError(
            f"rotation_axis found the axis of {item.source} as that of parallel rays, and those of {spec.label} "
            "diverge; give it source_to_detector and pitch, or the offset as a number."
        )
    to_axis, to_detector = float(params["source_to_axis"]), float(params["source_to_detector"])
    seen, source = across + _pair(params["offset"])[1], _pair(params["source_offset"])[1]
    if params.get("detector") == "curved":
        turn = seen / to_detector
        slope = (sin(turn) - source / to_detector) / cos(turn)
    else:
        slope = (seen - source) / to_detector
    return {"axis_offset": source + to_axis * slope}


def _source(item: Item | None) -> str:
    return "the job" if item is None else item.source
