"""Sums of ellipses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from recon.operators.ct import ParallelBeam, Volume
from recon.phantoms.ellipse import Ellipse


@dataclass(frozen=True, init=False)
class EllipsePhantom:
    """A sum of ellipses, of which both the image and the line integrals are known.

    The integrals come from the formula, not from a projector, so data made from them does not commit
    the inverse crime and a projector can be judged by them.
    """

    ellipses: tuple[Ellipse, ...]

    def __init__(self, ellipses: Sequence[Ellipse]) -> None:
        object.__setattr__(self, "ellipses", tuple(ellipses))
        if not self.ellipses:
            raise ValueError("EllipsePhantom expects at least one ellipse, got none.")

    def rasterise(self, volume: Volume, samples: int = 16, dtype: torch.dtype = torch.float32) -> Tensor:
        """The image ``(rows, columns)``: means over the pixels.

        Pixels that a boundary may cross are averaged over ``samples``² points, all others are exact.
        """
        if volume.ndim != 2 or samples < 1:
            raise ValueError(f"rasterise expects two axes and a positive count, got {volume.shape}, {samples}.")
        return torch.stack([ellipse.rasterise(volume, samples) for ellipse in self.ellipses]).sum(0).to(dtype)

    def line_integrals(self, geometry: ParallelBeam, samples: int = 1, dtype: torch.dtype = torch.float32) -> Tensor:
        """Exact integrals ``(angles, bins)``, means over ``samples`` points of each bin (1: its centre)."""
        if samples < 1:
            raise ValueError(f"line_integrals expects a positive count of samples, got {samples}.")
        fine = ParallelBeam(geometry.angles, geometry.bins * samples, geometry.pitch / samples, geometry.offset)
        total = torch.stack([ellipse.line_integrals(fine) for ellipse in self.ellipses]).sum(0)
        return total.reshape(*geometry.shape, samples).mean(-1).to(dtype)
