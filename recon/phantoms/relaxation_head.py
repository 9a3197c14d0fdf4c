"""A head of four tissues."""

from __future__ import annotations

from recon.phantoms.ellipse import Ellipse
from recon.phantoms.parametric_phantom import ParametricPhantom
from recon.phantoms.tissue import Tissue

# M0, T1 and T2 in s
_FAT = (0.9, 0.37, 0.13)
_FLUID = (1.0, 4.0, 2.0)
_GREY = (0.8, 1.33, 0.11)
_WHITE = (0.7, 0.83, 0.08)

# a, b, x, y as fractions of the radius, φ in radians
_REGIONS = (
    (_FAT, 0.72, 0.95, 0.0, 0.0, 0.0),
    (_FLUID, 0.66, 0.88, 0.0, 0.0, 0.0),
    (_GREY, 0.63, 0.85, 0.0, 0.0, 0.0),
    (_WHITE, 0.53, 0.75, 0.0, 0.0, 0.0),
    (_FLUID, 0.08, 0.26, 0.14, -0.1, 0.25),
    (_FLUID, 0.08, 0.26, -0.14, -0.1, -0.25),
    (_GREY, 0.1, 0.17, 0.37, 0.05, -0.2),
    (_GREY, 0.1, 0.17, -0.37, 0.05, 0.2),
    ((0.75, 1.1, 0.16), 0.05, 0.05, 0.2, 0.5, 0.0),
    ((0.75, 1.1, 0.16), 0.03, 0.03, -0.25, 0.47, 0.0),
)


def relaxation_head(radius: float) -> ParametricPhantom:
    """A head in the plane, within a disc of ``radius`` mm: fat, fluid, grey and white matter and two lesions.

    Relaxation times of grey and white matter are those measured at 3 T by J. P. Wansapura et al., J. Magn. Reson.
    Imaging 9 (1999) 531 (T₁ 1.33 and 0.83 s, T₂ 0.11 and 0.08 s); those of fluid, fat and lesions are of usual size.
    Row 0 of its images is the front of the head.
    """
    return ParametricPhantom(
        [
            Tissue(Ellipse(1.0, radius * a, radius * b, radius * x, radius * y, phi), *parameters)
            for parameters, a, b, x, y, phi in _REGIONS
        ]
    )
