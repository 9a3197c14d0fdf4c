"""An ellipse of constant value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recon.phantoms.placed import InPlane
from recon.phantoms.profiles import Ball


@dataclass(frozen=True)
class Ellipse(InPlane, Ball):
    """The function ``value`` on (ξ/a)² + (η/b)² ≤ 1 and zero elsewhere, with

    ξ = (x − x₀) cos φ + (y − y₀) sin φ,   η = −(x − x₀) sin φ + (y − y₀) cos φ.

    Parameters
    ----------
    value
        Value inside, 1/mm for attenuation.
    a, b
        Semi-axes in mm.
    x, y
        Centre (x₀, y₀) in mm, x along the columns and y along the rows of an image.
    angle
        φ in radians, from the x axis towards the y axis.
    """

    lengths: ClassVar[str] = "semi-axes"
