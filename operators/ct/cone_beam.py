"""Rays of a cone on a flat detector, along a circle or a helix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi
from typing import ClassVar

import torch
from torch import Tensor

from recon.operators.ct.divergent import checked_distances, turning_axes
from recon.operators.ct.frames import Frames
from recon.operators.ct.geometry import CircularGeometry, checked_angles, per_axis
from recon.operators.tensors import checked_count, checked_number


@dataclass(frozen=True, init=False)
class ConeBeam(CircularGeometry):
    """A point source and a flat detector that turn about the z axis and may advance along it.

    With e = (−sin β, cos β, 0), u = (cos β, sin β, 0) and z = (0, 0, 1) in (x, y, z), view β measures along
    the rays

        from  −R e + (s₀ − τ) u + (h(β) + v₀) z    to  (D − R) e + (sₖ − τ) u + (h(β) + vₗ) z,

        sₖ = (k − (bins − 1)/2) · pitch_u + offset_u,    vₗ = (l − (rows − 1)/2) · pitch_v + offset_v    [mm],

    with R = ``source_to_axis``, D = ``source_to_detector``, (v₀, s₀) = ``source_offset``, τ = ``axis_offset`` and
    h(β) = ``helical_pitch`` · β/2π, the height of source and detector. The plane z = h is that of
    :class:`~recon.operators.ct.fan_beam.FanBeam`. For a tilted detector or any other path write
    :meth:`~recon.operators.ct.vector_beam.VectorBeam.of` and change its vectors.

    Parameters
    ----------
    angles
        β in radians, in any order; more than a turn where the scan is helical.
    rows, bins
        Size of the detector along the axis and across it.
    source_to_axis
        R, distance of source and rotation axis in mm.
    source_to_detector
        D, distance of source and detector in mm.
    pitch
        Distance of neighbouring rows and bins in mm on the detector, one number or (rows, bins).
    offset
        Shift of the detector in its plane in mm, (along z, towards growing bins).
    source_offset
        Shift of the source parallel to the detector in mm, (along z, towards growing bins).
    axis_offset
        Centre of rotation: distance in mm of the rotation axis from the line through source and detector centre,
        in the plane of the axis, towards growing bins. It moves source and detector by −τ relative to the origin.
    helical_pitch
        Advance of source and detector along z in mm per turn; 0 for a circular scan.
    """

    names: ClassVar[tuple[str, ...]] = ("cone_beam", "cone")

    angles: tuple[float, ...]
    rows: int
    bins: int
    source_to_axis: float
    source_to_detector: float
    pitch: tuple[float, float]
    offset: tuple[float, float]
    source_offset: tuple[float, float]
    axis_offset: float
    helical_pitch: float

    def __init__(
        self,
        angles: Tensor | Sequence[float],
        rows: int,
        bins: int,
        source_to_axis: float,
        source_to_detector: float,
        pitch: float | Sequence[float] = 1.0,
        offset: Sequence[float] = (0.0, 0.0),
        source_offset: Sequence[float] = (0.0, 0.0),
        axis_offset: float = 0.0,
        helical_pitch: float = 0.0,
    ) -> None:
        to_axis, to_detector = checked_distances(source_to_axis, source_to_detector, "ConeBeam")
        advance = checked_number(helical_pitch, "ConeBeam", "helical_pitch")
        object.__setattr__(self, "angles", checked_angles(angles, "ConeBeam", turns=advance != 0))
        object.__setattr__(self, "rows", checked_count(rows, "ConeBeam", "rows"))
        object.__setattr__(self, "bins", checked_count(bins, "ConeBeam", "bins"))
        object.__setattr__(self, "source_to_axis", to_axis)
        object.__setattr__(self, "source_to_detector", to_detector)
        object.__setattr__(self, "pitch", per_axis(pitch, 2, "ConeBeam", "pitch", True))
        object.__setattr__(self, "offset", per_axis(offset, 2, "ConeBeam", "offset", False))
        object.__setattr__(self, "source_offset", per_axis(source_offset, 2, "ConeBeam", "source_offset", False))
        object.__setattr__(self, "axis_offset", checked_number(axis_offset, "ConeBeam", "axis_offset"))
        object.__setattr__(self, "helical_pitch", advance)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(angles, rows, bins)."""
        return len(self.angles), self.rows, self.bins

    @property
    def magnification(self) -> float:
        """D/R, by which the detector enlarges what lies on the axis."""
        return self.source_to_detector / self.source_to_axis

    def positions(self) -> Tensor:
        """sₖ on the detector in mm, float64 ``(bins,)``."""
        index = torch.arange(self.bins, dtype=torch.float64)
        return (index - (self.bins - 1) / 2) * self.pitch[1] + self.offset[1]

    def heights(self) -> Tensor:
        """vₗ on the detector in mm, float64 ``(rows,)``."""
        index = torch.arange(self.rows, dtype=torch.float64)
        return (index - (self.rows - 1) / 2) * self.pitch[0] + self.offset[0]

    def advances(self) -> Tensor:
        """h(β) in mm, float64 ``(angles,)``."""
        return torch.tensor(self.angles, dtype=torch.float64) * (self.helical_pitch / (2 * pi))

    def frames(self) -> Frames:
        e, u = (torch.nn.functional.pad(axis, (1, 0)) for axis in turning_axes(self.angles))
        z = torch.zeros_like(e)
        z[:, 0] = 1
        zero, (v0, s0) = torch.zeros_like(e), self.source_offset
        source = -self.source_to_axis * e + (s0 - self.axis_offset) * u + (self.advances()[:, None] + v0) * z
        first_u, first_v = float(self.positions()[0]), float(self.heights()[0])
        corner = self.source_to_detector * e + (first_u - s0) * u + (first_v - v0) * z
        return Frames(
            torch.stack((source, zero, zero), 1), torch.stack((corner, self.pitch[1] * u, self.pitch[0] * z), 1)
        )

    def __repr__(self) -> str:
        return (
            f"ConeBeam({len(self.angles)} angles, rows={self.rows}, bins={self.bins}, "
            f"source_to_axis={self.source_to_axis:g}, source_to_detector={self.source_to_detector:g}, "
            f"pitch={self.pitch}, offset={self.offset}, source_offset={self.source_offset}, "
            f"axis_offset={self.axis_offset:g}, helical_pitch={self.helical_pitch:g})"
        )
