"""Projection angles in radians."""

from __future__ import annotations

from math import pi

import torch
from torch import Tensor

from recon.config.values import ArraySpec, ComponentSpec, Value, components
from recon.files import DataError, Item
from recon.run.arrays import tensor_of

_FINE = 30
"""Views from which a diverging scan of three to six degrees in all is taken for one in radians."""


def radians(angles: Tensor, unit: str, source: str, *, helical: bool = False, diverging: bool = False) -> Tensor:
    """Angles in radians; a :class:`DataError` where the unit cannot be right.

    Parameters
    ----------
    helical
        Whether the scan may go on for many turns.
    diverging
        Whether its rays diverge, so that it covers anything between half a turn and a whole one.
    """
    values = angles.double()
    count = values.numel()
    if not bool(values.isfinite().all()):
        raise DataError(f"the angles of {source} are not all finite; repair them, or write them out.")
    span = float(values.max() - values.min()) if count else 0.0
    largest = float(values.abs().max()) if count else 0.0
    if unit == "rad":
        wide = not helical or float(values.sort().values.diff().median() if count > 1 else largest) >= 0.5
        if largest > 4 * pi and wide:
            raise DataError(
                f"the angles of {source} reach {largest:.4g}, which cannot be radians; say angle_unit: deg."
            )
        return values
    reached = (span, span * count / max(count - 1, 1))
    turn = any(abs(reach / whole - 1) < 0.02 for whole in (pi, 2 * pi) for reach in reached)
    part = diverging and count >= _FINE and pi < span < 2 * pi
    if count > 4 and (turn or part):
        raise DataError(f"the angles of {source} span {span:.4g}, which looks like radians; say angle_unit: rad.")
    return torch.deg2rad(values)


def in_radians(item: Item, operator: Value) -> Item:
    """The item with its own angles in radians where the operator's description gives their unit.

    Done before anything else, so that preprocessing steps need no unit of their own.
    """
    for spec in components(operator):
        angles = spec.params.get("angles")
        if isinstance(angles, ArraySpec) and angles.source == "item" and "angle_unit" in spec.options:
            values = radians(tensor_of(angles, item), spec.options["angle_unit"], item.source, **turning(spec))
            return item.changed(aux={"angles": values}, meta={"angles_unit": "rad"})
    return item


def turning(spec: ComponentSpec) -> dict[str, bool]:
    """What is to be expected of a geometry's angles: many turns of a helix, a part of a turn of diverging rays."""
    return {"helical": bool(spec.params.get("helical_pitch")), "diverging": "source_to_axis" in spec.params}
