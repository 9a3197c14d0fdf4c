"""Interleaved spirals."""

from __future__ import annotations

from typing import ClassVar

from recon.operators.mri.trajectory import Trajectory
from recon.operators.mri.trajectory_points import spiral_points


class SpiralTrajectory(Trajectory):
    """The trajectory of :meth:`Trajectory.spiral`.

    Parameters
    ----------
    shots
        Number of arms.
    samples
        Samples along each.
    turns
        Turns of an arm.
    power
        1 for Archimedean spirals, more for a denser centre.
    radius
        Of the outermost turn, in cycles per pixel.
    """

    names: ClassVar[tuple[str, ...]] = ("spiral",)

    def __init__(self, shots: int, samples: int, turns: float, power: float = 1.0, radius: float = 0.5) -> None:
        super().__init__(spiral_points(shots, samples, turns, power, radius))
