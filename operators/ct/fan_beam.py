"""Rays of a fan in a plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, sin
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.operators.ct.divergent import checked_distances, turning_axes
from recon.operators.ct.frames import Frames
from recon.operators.ct.geometry import CircularGeometry, checked_angles
from recon.operators.tensors import checked_count, checked_number


@dataclass(frozen=True, init=False)
class FanBeam(CircularGeometry):
    """A point source and a line or arc of bins that turn about the origin.

    With e = (−sin β, cos β) and u = (cos β, sin β) in (x, y), view β measures along the rays from the source
    to bin k at

        source  −R e + (s₀ − τ) u,
        flat    (D − R) e + (sₖ − τ) u,
        curved  −R e − τ u + D (cos γₖ e + sin γₖ u),    γₖ = sₖ/D,

    with sₖ = (k − (bins − 1)/2) · pitch + offset, R = ``source_to_axis``, D = ``source_to_detector``,
    s₀ = ``source_offset`` and τ = ``axis_offset``. At β = 0 the source lies at y = −R, the rays run along
    growing y and the bins along growing x, as in :class:`~recon.operators.ct.parallel_beam.ParallelBeam`,
    which is the limit of distant sources.

    Parameters
    ----------
    angles
        β in radians, in any order.
    bins
        Number of detector bins.
    source_to_axis
        R, distance of source and rotation axis in mm.
    source_to_detector
        D, distance of source and detector in mm.
    pitch
        Distance of neighbouring bins in mm on the detector, along the arc of a curved one.
    detector
        ``"flat"``, or ``"curved"`` for bins at equal angles on an arc about the source.
    offset
        Shift of the detector in its plane (along its arc) in mm, towards growing bins.
    source_offset
        Shift of the source parallel to the detector in mm, towards growing bins; a curved detector's arc stays.
    axis_offset
        Centre of rotation: distance in mm of the rotation axis from the line through source and detector centre,
        in the plane of the axis, towards growing bins. It moves source and detector by −τ relative to the origin.
    """

    names: ClassVar[tuple[str, ...]] = ("fan_beam", "fan")

    angles: tuple[float, ...]
    bins: int
    source_to_axis: float
    source_to_detector: float
    pitch: float
    detector: Literal["flat", "curved"]
    offset: float
    source_offset: float
    axis_offset: float

    def __init__(
        self,
        angles: Tensor | Sequence[float],
        bins: int,
        source_to_axis: float,
        source_to_detector: float,
        pitch: float = 1.0,
        detector: Literal["flat", "curved"] = "flat",
        offset: float = 0.0,
        source_offset: float = 0.0,
        axis_offset: float = 0.0,
    ) -> None:
        if detector not in ("flat", "curved"):
            raise ValueError(f"FanBeam expects detector 'flat' or 'curved', got {detector!r}.")
        to_axis, to_detector = checked_distances(source_to_axis, source_to_detector, "FanBeam")
        object.__setattr__(self, "angles", checked_angles(angles, "FanBeam"))
        object.__setattr__(self, "bins", checked_count(bins, "FanBeam", "bins"))
        object.__setattr__(self, "source_to_axis", to_axis)
        object.__setattr__(self, "source_to_detector", to_detector)
        object.__setattr__(self, "pitch", checked_number(pitch, "FanBeam", "pitch", positive=True))
        object.__setattr__(self, "detector", detector)
        object.__setattr__(self, "offset", checked_number(offset, "FanBeam", "offset"))
        object.__setattr__(self, "source_offset", checked_number(source_offset, "FanBeam", "source_offset"))
        object.__setattr__(self, "axis_offset", checked_number(axis_offset, "FanBeam", "axis_offset"))
        if detector == "curved" and float(self.positions().abs().max()) >= 1.5 * to_detector:
            raise ValueError(
                f"FanBeam expects a curved detector to span less than 3 radians, got {bins} bins of {pitch:g} mm at "
                f"{to_detector:g} mm from the source."
            )

    @property
    def shape(self) -> tuple[int, int]:
        """(angles, bins)."""
        return len(self.angles), self.bins

    @property
    def magnification(self) -> float:
        """D/R, by which the detector enlarges what lies on the axis."""
        return self.source_to_detector / self.source_to_axis

    def positions(self) -> Tensor:
        """sₖ on the detector in mm, float64 ``(bins,)``."""
        index = torch.arange(self.bins, dtype=torch.float64)
        return (index - (self.bins - 1) / 2) * self.pitch + self.offset

    def frames(self) -> Frames:
        e, u = turning_axes(self.angles)
        zero = torch.zeros_like(e)
        source = -self.source_to_axis * e + (self.source_offset - self.axis_offset) * u
        first = float(self.positions()[0])
        points = torch.stack((source, zero), 1)
        if self.detector == "flat":
            corner = self.source_to_detector * e + (first - self.source_offset) * u
            return Frames(points, torch.stack((corner, self.pitch * u), 1))
        distance, start = self.source_to_detector, first / self.source_to_detector
        ahead = distance * (cos(start) * e + sin(start) * u)
        aside = distance * (cos(start) * u - sin(start) * e)
        return Frames(points, torch.stack((-self.source_offset * u, aside), 1), ahead, self.pitch / distance)

    def __repr__(self) -> str:
        return (
            f"FanBeam({len(self.angles)} angles, bins={self.bins}, source_to_axis={self.source_to_axis:g}, "
            f"source_to_detector={self.source_to_detector:g}, pitch={self.pitch:g}, detector={self.detector!r}, "
            f"offset={self.offset:g}, source_offset={self.source_offset:g}, axis_offset={self.axis_offset:g})"
        )
