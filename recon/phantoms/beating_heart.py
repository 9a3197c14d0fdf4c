"""A chest in which a heart beats."""

from __future__ import annotations

from math import cos, pi

from recon.phantoms.ellipse import Ellipse
from recon.phantoms.ellipse_phantom import EllipsePhantom


def beating_heart(radius: float, frames: int, beats: int = 1, contraction: float = 0.3) -> tuple[EllipsePhantom, ...]:
    """The frames of a series, evenly spaced in time over whole beats, so that the last is followed by the first.

    Chest wall, lungs, spine and vessel stand still; of the ventricle the inner radius shrinks by ``contraction`` and
    back, r(t) = r₀ (1 − c (1 − cos 2πt)/2), the outer one by a third of that.

    Parameters
    ----------
    radius
        Half the width of the chest in mm.
    frames
        Number of frames, at least 1.
    beats
        Number of beats in the series.
    contraction
        c in [0, 1).
    """
    if frames < 1 or beats < 1 or not 0 <= contraction < 1:
        raise ValueError(
            "beating_heart expects frames >= 1, beats >= 1 and a contraction in [0, 1), "
            f"got {frames}, {beats} and {contraction}."
        )
    still = (
        (0.5, 0.96, 0.74, 0.0, 0.0, 0.0),
        (-0.22, 0.9, 0.68, 0.0, 0.0, 0.0),
        (-0.2, 0.3, 0.45, -0.52, -0.02, 0.15),
        (-0.2, 0.26, 0.42, 0.56, -0.05, -0.15),
        (0.3, 0.13, 0.12, 0.0, 0.47, 0.0),
        (0.4, 0.06, 0.06, -0.16, 0.32, 0.0),
    )
    series = []
    for frame in range(frames):
        systole = (1 - cos(2 * pi * beats * frame / frames)) / 2
        outer, inner = 1 - contraction * systole / 3, 1 - contraction * systole
        moving = (
            (0.18, 0.31 * outer, 0.27 * outer, 0.1, -0.12, 0.5),
            (0.45, 0.2 * inner, 0.17 * inner, 0.1, -0.12, 0.5),
            (-0.25, 0.04 * inner, 0.03 * inner, 0.16, -0.07, 0.0),
        )
        parts = [
            Ellipse(value, a * radius, b * radius, x * radius, y * radius, angle)
            for value, a, b, x, y, angle in (*still, *moving)
        ]
        series.append(EllipsePhantom(parts))
    return tuple(series)
