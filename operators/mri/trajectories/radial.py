"""Spokes at even angles, or at given ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor

from recon.operators.mri.trajectory import Trajectory
from recon.operators.mri.trajectory_points import radial_points


class RadialTrajectory(Trajectory):
    """The trajectory of :meth:`Trajectory.radial`.

    Parameters
    ----------
    spokes
        Number of diameters.
    samples
        Samples along each, at (j − samples//2)/samples.
    angles
        θ in radians of each spoke, towards (y, x) = (sin θ, cos θ); π s/spokes by default.
    """

    names: ClassVar[tuple[str, ...]] = ("radial",)

    def __init__(self, spokes: int, samples: int, angles: Tensor | Sequence[float] | None = None) -> None:
        super().__init__(radial_points(spokes, samples, angles))
