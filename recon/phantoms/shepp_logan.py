"""Well-known phantoms made of ellipses and ellipsoids."""

from __future__ import annotations

from math import radians

from recon.phantoms.ellipse import Ellipse
from recon.phantoms.ellipse_phantom import EllipsePhantom
from recon.phantoms.ellipsoid import Ellipsoid
from recon.phantoms.phantom import Phantom

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

# c, z, ψ in degrees, of the ellipsoids whose other numbers are those of _HEAD
_DEPTH = (
    (0.81, 0.0, 0.0),
    (0.78, 0.0, 0.0),
    (0.22, 0.0, 10.0),
    (0.28, 0.0, 10.0),
    (0.41, -0.15, 0.0),
    (0.05, 0.25, 0.0),
    (0.05, 0.25, 0.0),
    (0.05, 0.0, 0.0),
    (0.02, 0.0, 0.0),
    (0.02, 0.0, 0.0),
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


def shepp_logan_3d(radius: float, value: float = 1.0) -> Phantom:
    """The Shepp-Logan head in space, of ten ellipsoids in Toft's contrast.

    The sizes are those of M. Schabel (3D Shepp-Logan phantom, MATLAB Central File Exchange 9416, 2006, "modified
    Shepp-Logan"), after A. C. Kak and M. Slaney (Principles of Computerized Tomographic Imaging, IEEE Press 1988,
    section 3.2): those of :func:`shepp_logan` with a third semi-axis, a height z and a second angle ψ, by which the
    ventricles are turned by −8 and 28 degrees where those of the plane are by −18 and 18.

    It fits a ball of ``radius`` mm about the origin; ``value`` is that of the skull, and the brain has a fifth of it.
    Row 0 of its slices is the front of the head, and z grows with the plane.
    """
    return Phantom(
        [
            Ellipsoid(
                value * v,
                radius * a,
                radius * b,
                radius * c,
                radius * x,
                -radius * y,
                radius * z,
                phi=-radians(phi),
                psi=-radians(psi),
            )
            for (v, a, b, x, y, phi), (c, z, psi) in zip(_HEAD, _DEPTH, strict=True)
        ]
    )


def disc(radius: float, value: float = 1.0, x: float = 0.0, y: float = 0.0) -> EllipsePhantom:
    """A uniform disc of ``radius`` mm and ``value`` about (x, y) in mm."""
    return EllipsePhantom([Ellipse(value, radius, radius, x, y)])


def ball(radius: float, value: float = 1.0, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Phantom:
    """A uniform ball of ``radius`` mm and ``value`` about (x, y, z) in mm."""
    return Phantom([Ellipsoid(value, radius, radius, radius, x, y, z)])
