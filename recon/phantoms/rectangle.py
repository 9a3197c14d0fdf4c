"""A rectangle of constant value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recon.phantoms.placed import InPlane
from recon.phantoms.profiles import Cube


@dataclass(frozen=True)
class Rectangle(InPlane, Cube):
    """The function ``value`` on |ξ| ≤ a, |η| ≤ b and zero elsewhere, with

    ξ = (x − x₀) cos φ + (y − y₀) sin φ,   η = −(x − x₀) sin φ + (y − y₀) cos φ.

    Parameters
    ----------
    value
        Value inside, 1/mm for attenuation.
    a, b
        Half the sides in mm.
    x, y
        Centre (x₀, y₀) in mm, x along the columns and y along the rows of an image.
    angle
        φ in radians, from the x axis towards the y axis.
    """

    lengths: ClassVar[str] = "half sides"
