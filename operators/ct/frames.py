"""The rays of a scan in millimetres, view by view: what every geometry comes down to."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Frames:
    """Rays p + t d of every view, affine in the detector indices or, on a curved detector, turning with them.

    On a flat detector, with bin k (and row l in three dimensions),

        p = P + k Pₖ + l Pₗ,    d = D + k Dₖ + l Dₗ,

    and on a curved one, in two dimensions, d = D + sin(kδ) Dₖ + cos(kδ) C. Vectors are float64 in mm with
    components in the order of a volume's axes, (y, x) or (z, y, x); directions need not have length 1.

    Parameters
    ----------
    points
        ``(views, 1 + m, d)``: P, Pₖ and, for m = 2 detector axes, Pₗ.
    directions
        ``(views, 1 + m, d)``: D, Dₖ and, for m = 2 detector axes, Dₗ.
    cosine
        C, ``(views, d)``, for curved detectors.
    turn
        δ in radians, for curved detectors; 0 for flat ones.
    """

    points: Tensor
    directions: Tensor
    cosine: Tensor | None = None
    turn: float = 0.0

    def rays(self, detector: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Points on all rays and their directions, of length 1: each ``(views, *detector, d)``."""
        return self.at(*(torch.arange(count, dtype=torch.float64) for count in detector))

    def at(self, *indices: Tensor) -> tuple[Tensor, Tensor]:
        """Points and unit directions of rays at whole or fractional detector indices k, or l and k.

        Each ``(views, *counts, d)`` for one float64 vector of indices an axis, in the order of the data's axes.
        """
        k = indices[-1][:, None]
        point = self.points[:, 0, None] + k * self.points[:, 1, None]
        if self.cosine is None:
            direction = self.directions[:, 0, None] + k * self.directions[:, 1, None]
        else:
            turned = (
                torch.sin(k * self.turn) * self.directions[:, 1, None] + torch.cos(k * self.turn) * self.cosine[:, None]
            )
            direction = self.directions[:, 0, None] + turned
        if len(indices) == 2:
            row = indices[0][:, None, None]
            point = point[:, None] + row * self.points[:, 2, None, None]
            direction = direction[:, None] + row * self.directions[:, 2, None, None]
        return point, direction / direction.norm(dim=-1, keepdim=True)

    def take(self, views: slice) -> Frames:
        """The rays of some of the views."""
        cosine = None if self.cosine is None else self.cosine[views]
        return Frames(self.points[views], self.directions[views], cosine, self.turn)

    @property
    def sources(self) -> Tensor | None:
        """Where the rays of each view start, ``(views, d)``; None for parallel rays."""
        parallel = not bool(self.directions[:, 1:].any()) and self.cosine is None
        return None if parallel else self.points[:, 0]
