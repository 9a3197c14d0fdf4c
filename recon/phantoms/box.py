"""A box of constant value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recon.phantoms.placed import InSpace
from recon.phantoms.profiles import Cube


@dataclass(frozen=True)
class Box(InSpace, Cube):
    """The function ``value`` on |ξ| ≤ a, |η| ≤ b, |ζ| ≤ c and zero elsewhere, with

    (ξ, η, ζ)ᵀ = Rᵀ (x − x₀, y − y₀, z − z₀)ᵀ,   R = R_z(φ) R_x(θ) R_z(ψ)

    where R_z turns x towards y and R_x turns y towards z.

    Parameters
    ----------
    value
        Value inside, 1/mm for attenuation.
    a, b, c
        Half the sides in mm.
    x, y, z
        Centre (x₀, y₀, z₀) in mm, z along the planes, y along the rows and x along the columns of a volume.
    phi, theta, psi
        Euler angles φ, θ and ψ in radians.
    """

    lengths: ClassVar[str] = "half sides"
