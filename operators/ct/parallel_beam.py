"""Parallel rays in a plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from recon.operators.ct.frames import Frames
from recon.operators.ct.geometry import CircularGeometry, checked_angles
from recon.operators.tensors import checked_count, checked_number


@dataclass(frozen=True, init=False)
class ParallelBeam(CircularGeometry):
    """Parallel rays on a line detector that turns about the origin: the geometry of the Radon transform.

    View a and bin k measure the integral along the line

        x cos θₐ + y sin θₐ = sₖ,    sₖ = (k − (bins − 1)/2) · pitch + offset    [mm]

    with x along the columns and y along the rows of the image, growing with the index. At θ = 0 the
    rays run along y and bin k sees columns, at θ = π/2 they run along x and bin k sees rows.

    Parameters
    ----------
    angles
        θ in radians, in any order; equal angles are allowed.
    bins
        Number of detector bins.
    pitch
        Distance of neighbouring bins in mm.
    offset
        Shift of the detector's centre in mm, towards growing s. The rotation axis (s = 0) then projects
        onto bin (bins − 1)/2 − offset/pitch; see :meth:`with_axis_at`.
    """

    names: ClassVar[tuple[str, ...]] = ("parallel_beam", "parallel")

    angles: tuple[float, ...]
    bins: int
    pitch: float
    offset: float

    def __init__(self, angles: Tensor | Sequence[float], bins: int, pitch: float = 1.0, offset: float = 0.0) -> None:
        object.__setattr__(self, "angles", checked_angles(angles, "ParallelBeam"))
        object.__setattr__(self, "bins", checked_count(bins, "ParallelBeam", "bins"))
        object.__setattr__(self, "pitch", checked_number(pitch, "ParallelBeam", "pitch", positive=True))
        object.__setattr__(self, "offset", checked_number(offset, "ParallelBeam", "offset"))

    @property
    def shape(self) -> tuple[int, int]:
        """(angles, bins)."""
        return len(self.angles), self.bins

    def frames(self) -> Frames:
        theta = torch.tensor(self.angles, dtype=torch.float64)
        along = torch.stack((theta.cos(), -theta.sin()), -1)
        across = torch.stack((theta.sin(), theta.cos()), -1)
        first = float(self.positions()[0])
        return Frames(
            torch.stack((first * across, self.pitch * across), 1), torch.stack((along, torch.zeros_like(along)), 1)
        )

    @property
    def axis_bin(self) -> float:
        """Fractional bin index onto which the rotation axis projects."""
        return (self.bins - 1) / 2 - self.offset / self.pitch

    def with_axis_at(self, axis_bin: float) -> ParallelBeam:
        """The same scan with the rotation axis at this fractional bin index, as centre finders report it."""
        return replace(self, offset=((self.bins - 1) / 2 - axis_bin) * self.pitch)

    def positions(self) -> Tensor:
        """sₖ in mm, float64 ``(bins,)``."""
        index = torch.arange(self.bins, dtype=torch.float64)
        return (index - (self.bins - 1) / 2) * self.pitch + self.offset

    def __repr__(self) -> str:
        return (
            f"ParallelBeam({len(self.angles)} angles, bins={self.bins}, pitch={self.pitch:g}, offset={self.offset:g})"
        )
