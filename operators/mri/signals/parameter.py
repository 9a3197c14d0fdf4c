"""A map that a signal model has for an unknown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameter:
    """One of the unknowns of a signal model.

    Attributes
    ----------
    name
        What its map is called, such as ``"t2"``.
    unit
        Of the map, such as ``"s"``; empty where it has none.
    complex
        Whether it is complex. Of others the real part of the unknown is taken, and the imaginary part has no influence.
    """

    name: str
    unit: str = ""
    complex: bool = False
