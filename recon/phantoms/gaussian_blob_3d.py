"""A smooth spot in space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from recon.phantoms.placed import InSpace
from recon.phantoms.profiles import Bell


@dataclass(frozen=True)
class GaussianBlob3D(InSpace, Bell):
    """The function ``value`` · exp(−(ξ/a)²/2 − (η/b)²/2 − (ζ/c)²/2), with

    (ξ, η, ζ)ᵀ = Rᵀ (x − x₀, y − y₀, z − z₀)ᵀ,   R = R_z(φ) R_x(θ) R_z(ψ)

    where R_z turns x towards y and R_x turns y towards z.

    Parameters
    ----------
    value
        Value at the centre, 1/mm for attenuation.
    a, b, c
        Standard deviations in mm.
    x, y, z
        Centre (x₀, y₀, z₀) in mm, z along the planes, y along the rows and x along the columns of a volume.
    phi, theta, psi
        Euler angles φ, θ and ψ in radians.
    """

    lengths: ClassVar[str] = "standard deviations"
