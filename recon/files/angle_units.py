"""Angles as files give them, in radians."""

from __future__ import annotations

from math import pi
from typing import Any

from torch import Tensor

from recon.files.item import DataError

_TO_RADIANS = {
    **dict.fromkeys(("deg", "degs", "degree", "degrees", "°"), pi / 180),
    **dict.fromkeys(("rad", "rads", "radian", "radians"), 1.0),
}


def to_radians(angles: Tensor, units: Any, source: str) -> Tensor:
    """Angles in float64 radians from the units that a file's attribute states, as text, bytes or an array of one.

    Raises
    ------
    DataError
        If the file states none, or none that is known.
    """
    if units is None or isinstance(units, str | bytes):
        text = units
    else:
        text = next(iter(units), None) if hasattr(units, "__iter__") else str(units)
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    factor = _TO_RADIANS.get(str(text).strip().casefold())
    if factor is None:
        said = "do not tell their units" if text is None else f"are in {str(text)!r}, which is neither deg nor rad"
        raise DataError(f"The angles {source} {said}; say angle_unit: deg or angle_unit: rad in input.")
    return angles.double() * factor
