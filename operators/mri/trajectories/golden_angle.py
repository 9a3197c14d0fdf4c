"""Spokes at multiples of the golden angle."""

from __future__ import annotations

from typing import ClassVar

from recon.operators.mri.trajectory import Trajectory
from recon.operators.mri.trajectory_points import golden_angle_points


class GoldenAngleTrajectory(Trajectory):
    """The trajectory of :meth:`Trajectory.golden_angle`.

    Parameters
    ----------
    spokes
        Number of diameters.
    samples
        Samples along each, at (j − samples//2)/samples.
    first
        Number of the first spoke.
    tiny
        1 for the golden angle, more for the tiny golden angles.
    """

    names: ClassVar[tuple[str, ...]] = ("golden_angle",)

    def __init__(self, spokes: int, samples: int, first: int = 0, tiny: int = 1) -> None:
        super().__init__(golden_angle_points(spokes, samples, first, tiny))
