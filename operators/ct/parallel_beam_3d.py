"""Parallel rays in space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from recon.operators.ct.frames import Frames
from recon.operators.ct.geometry import CircularGeometry, checked_angles, per_axis
from recon.operators.ct.parallel_beam import ParallelBeam
from recon.operators.tensors import checked_count


@dataclass(frozen=True, init=False)
class ParallelBeam3D(CircularGeometry):
    """Parallel rays on a flat detector that turns about the z axis, its rows across the axis.

    View a, row l and bin k measure the integral along the line

        x cos θₐ + y sin θₐ = sₖ,   z = vₗ,
        sₖ = (k − (bins − 1)/2) · pitch_u + offset_u,    vₗ = (l − (rows − 1)/2) · pitch_v + offset_v    [mm],

    so that every row is a :class:`~recon.operators.ct.parallel_beam.ParallelBeam` scan of the plane at its height.

    Parameters
    ----------
    angles
        θ in radians, in any order.
    rows, bins
        Size of the detector along the axis and across it.
    pitch
        Distance of neighbouring rows and bins in mm, one number or (rows, bins).
    offset
        Shift of the detector's centre in mm, (along z, along s).
    """

    names: ClassVar[tuple[str, ...]] = ("parallel_beam_3d", "parallel_3d")

    angles: tuple[float, ...]
    rows: int
    bins: int
    pitch: tuple[float, float]
    offset: tuple[float, float]

    def __init__(
        self,
        angles: Tensor | Sequence[float],
        rows: int,
        bins: int,
        pitch: float | Sequence[float] = 1.0,
        offset: Sequence[float] = (0.0, 0.0),
    ) -> None:
        object.__setattr__(self, "angles", checked_angles(angles, "ParallelBeam3D"))
        object.__setattr__(self, "rows", checked_count(rows, "ParallelBeam3D", "rows"))
        object.__setattr__(self, "bins", checked_count(bins, "ParallelBeam3D", "bins"))
        object.__setattr__(self, "pitch", per_axis(pitch, 2, "ParallelBeam3D", "pitch", True))
        object.__setattr__(self, "offset", per_axis(offset, 2, "ParallelBeam3D", "offset", False))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(angles, rows, bins)."""
        return len(self.angles), self.rows, self.bins

    @property
    def row(self) -> ParallelBeam:
        """The scan of one row in its plane."""
        return ParallelBeam(self.angles, self.bins, self.pitch[1], self.offset[1])

    def heights(self) -> Tensor:
        """vₗ in mm, float64 ``(rows,)``."""
        index = torch.arange(self.rows, dtype=torch.float64)
        return (index - (self.rows - 1) / 2) * self.pitch[0] + self.offset[0]

    def frames(self) -> Frames:
        flat = self.row.frames()
        points, directions = (torch.nn.functional.pad(part, (1, 0, 0, 1)) for part in (flat.points, flat.directions))
        points[:, 0, 0] = self.heights()[0]
        points[:, 2, 0] = self.pitch[0]
        return Frames(points, directions)

    def __repr__(self) -> str:
        return (
            f"ParallelBeam3D({len(self.angles)} angles, rows={self.rows}, bins={self.bins}, pitch={self.pitch}, "
            f"offset={self.offset})"
        )
