"""The same spokes in every plane of k-space."""

from __future__ import annotations

from typing import ClassVar

from recon.operators.mri.trajectory import Trajectory
from recon.operators.mri.trajectory_points import stack_of_stars_points


class StackOfStarsTrajectory(Trajectory):
    """The trajectory of :meth:`Trajectory.stack_of_stars`.

    Parameters
    ----------
    spokes
        Number of diameters in a plane.
    samples
        Samples along each.
    partitions
        Number of planes.
    golden
        Whether spokes follow the golden angle rather than even angles.
    """

    names: ClassVar[tuple[str, ...]] = ("stack_of_stars",)

    def __init__(self, spokes: int, samples: int, partitions: int, golden: bool = False) -> None:
        super().__init__(stack_of_stars_points(spokes, samples, partitions, golden))
