"""A smooth spot in the plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recon.phantoms.placed import InPlane
from recon.phantoms.profiles import Bell


@dataclass(frozen=True)
class GaussianBlob(InPlane, Bell):
    """The function ``value`` · exp(−(ξ/a)²/2 − (η/b)²/2), with

    ξ = (x − x₀) cos φ + (y − y₀) sin φ,   η = −(x − x₀) sin φ + (y − y₀) cos φ.

    Parameters
    ----------
    value
        Value at the centre, 1/mm for attenuation.
    a, b
        Standard deviations in mm.
    x, y
        Centre (x₀, y₀) in mm, x along the columns and y along the rows of an image.
    angle
        φ in radians, from the x axis towards the y axis.
    """

    lengths: ClassVar[str] = "standard deviations"
