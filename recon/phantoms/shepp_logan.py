"""Well-known phantoms made of ellipses."""

from __future__ import annotations

from math import radians

from recon.phantoms.ellipse import Ellipse
from recon.phantoms.ellipse_phantom import EllipsePhantom

# value, a, b, x, y, φ in degrees; lengths as fractions of the radius, y upwards
_HEAD = (
    (1.0, 0.69, 0.92, 0.0, 0.0, 0.0),
    (-0.8, 0.6624, 0.874, 0.0, -0.0184, 0.0),
    (-0.2, 0.11, 0.31, 0.22, 0.0, -18.0),
    (-0.2, 0.16, 0.41, -0.22, 0.0, 18.0),
    (0.1, 0.21, 0.25, 0.0, 0.35, 0.0),
    (0.1, 0.046, 0.046, 0.0, 0.1, 0.0),
    (0.1, 0.046, 0.046, 0.0, -0.1, 0.0),
    (0.1, 0.046, 0.023, -0.08, -0.605, 0.0),
    (0.1, 0.023, 0.023, 0.0, -0.606, 0.0),
    (0.1, 0.023, 0.046, 0.06, -0.605, 0.0),
)


def shepp_logan(radius: float, value: float = 1.0) -> EllipsePhantom:
    """The Shepp-Logan head in the contrast of P. Toft (The Radon Transform, thesis, DTU 1996, appendix B).

    It fills a disc of ``radius`` mm about the rotation axis; ``value`` is that of the skull, the largest
    one, and the brain has a fifth of it. Row 0 of its image is the top of the head.
    """
    return EllipsePhantom(
        [
            Ellipse(value * v, radius * a, radius * b, radius * x, -radius * y, -radians(degrees))
            for v, a, b, x, y, degrees in _HEAD
        ]
    )


def disc(radius: float, value: float = 1.0, x: float = 0.0, y: float = 0.0) -> EllipsePhantom:
    """A uniform disc of ``radius`` mm and ``value`` about (x, y) in mm."""
    return EllipsePhantom([Ellipse(value, radius, radius, x, y)])
