"""Scan geometries and volumes completed with what the data say."""

from __future__ import annotations

from dataclasses import replace
from math import pi

import torch
from torch import Tensor

from recon.config.components import Components
from recon.config.extras import GEOMETRY, VOLUME
from recon.config.nodes import Map
from recon.config.values import ArraySpec, ComponentSpec, Value, components
from recon.files import DataError, Item
from recon.operators.operator import Shape
from recon.run.arrays import tensor_of
from recon.signatures import find_class


def complete(spec: ComponentSpec, item: Item | None, data_shape: Shape | None) -> ComponentSpec:
    """The description with angles in radians, bins, rotation axis and volume filled in where the job leaves them out.

    Bins and number of angles come from data ``(angles, ..., bins)``; the detector's offset from the preprocessing step
    ``rotation_axis``; the volume is ``bins`` pixels each way, as wide as the bins.

    Raises
    ------
    DataError
        If angles and data do not fit, or the angles cannot be in the unit that the job gives.
    """
    info = find_class(spec.path)
    if info is None:
        return spec
    params = dict(spec.params)
    if info.derives(GEOMETRY):
        params = _scan(spec, params, item, data_shape)
    else:
        geometry = next((v for v in params.values() if isinstance(v, ComponentSpec) and _is(v, GEOMETRY)), None)
        if geometry is not None:
            bins, pitch = _bins(geometry, data_shape), float(geometry.params.get("pitch", 1.0))
            for name, parameter in info.parameters.items():
                if parameter.annotation is not None and "Volume" in parameter.text:
                    params[name] = _volume(params.get(name), bins, pitch, spec)
    return replace(spec, params=params)


def _is(spec: ComponentSpec, base: str) -> bool:
    info = find_class(spec.path)
    return info is not None and info.derives(base)


def _bins(geometry: ComponentSpec, data_shape: Shape | None) -> int:
    bins = geometry.params.get("bins")
    if bins is None:
        assert data_shape is not None
        bins = data_shape[-1]
    return int(bins)


def _volume(volume: Value, bins: int, pitch: float, owner: ComponentSpec) -> Value:
    """The volume with what it leaves out."""
    if volume is None:
        info = find_class(VOLUME)
        assert info is not None
        volume = Components(inside=True).fill(info, "", "volume", Map(owner.mark, {}, {}))
    return replace(volume, params={"shape": [bins, bins], "spacing": pitch, **volume.params})


def _scan(
    spec: ComponentSpec, params: dict[str, Value], item: Item | None, data_shape: Shape | None
) -> dict[str, Value]:
    angles = params.get("angles")
    if isinstance(angles, ArraySpec):
        converted = angles.source == "item" and item is not None and item.meta.get("angles_unit") == "rad"
        unit = "rad" if converted else spec.options.get("angle_unit", "rad")
        values = radians(tensor_of(angles, item), unit, _source(item))
        if data_shape is not None and (values.ndim != 1 or len(data_shape) < 2 or len(values) != data_shape[0]):
            raise DataError(
                f"{_source(item)} has data of shape {tuple(data_shape)}, which is not one row for each of "
                f"{values.numel()} angles."
            )
        params["angles"] = values.tolist()
    if "bins" not in params:
        params["bins"] = _bins(spec, data_shape)
    axis = None if item is None else item.meta.get("axis_offset_px")
    if axis is not None and not spec.given("offset") and "offset" in params:
        params["offset"] = -float(axis) * float(params.get("pitch", 1.0))
    return params


def in_radians(item: Item, operator: Value) -> Item:
    """The item with its own angles in radians where the operator's description gives their unit.

    Done before anything else, so that preprocessing steps need no unit of their own.
    """
    for spec in components(operator):
        angles = spec.params.get("angles")
        if isinstance(angles, ArraySpec) and angles.source == "item" and "angle_unit" in spec.options:
            values = radians(tensor_of(angles, item), spec.options["angle_unit"], item.source)
            return item.changed(aux={"angles": values}, meta={"angles_unit": "rad"})
    return item


def radians(angles: Tensor, unit: str, source: str) -> Tensor:
    """Angles in radians; a :class:`DataError` where the unit cannot be right."""
    values = angles.double()
    count = values.numel()
    span = float(values.max() - values.min()) if count else 0.0
    largest = float(values.abs().max()) if count else 0.0
    turns = [
        abs(reach / turn - 1) < 0.02 for turn in (pi, 2 * pi) for reach in (span, span * count / max(count - 1, 1))
    ]
    if unit == "rad" and largest > 4 * pi:
        raise DataError(f"the angles of {source} reach {largest:.4g}, which cannot be radians; say angle_unit: deg.")
    if unit == "deg" and count > 4 and any(turns):
        raise DataError(f"the angles of {source} span {span:.4g}, which looks like radians; say angle_unit: rad.")
    return torch.deg2rad(values) if unit == "deg" else values


def _source(item: Item | None) -> str:
    return "the job" if item is None else item.source
