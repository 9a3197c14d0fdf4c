"""Lines and windows on the flat detector of a helical scan."""

from __future__ import annotations

from math import asin, hypot, pi

import torch
from torch import Tensor

from recon.operators.ct.cone_beam import ConeBeam


class HelixWindows:
    """κ-lines and the Tam-Danielson window, for a detector that may face the axis askew.

    A detector point (u, w), measured in mm from the foot of the source, has the direction (ũ, ẽ, w) with ẽ along the
    ray to the axis and ũ across it. With the radius R and the advance h = pitch/2π of the helix, the plane through
    the source at λ, λ + ψ and λ + 2ψ meets the detector in

        w = (h/R) (ψ ẽ + ψ cot ψ · ũ)

    and the window lies between the projections of the turns above and below (Noo, Pack and Heuscher,
    Phys. Med. Biol. 48, 2003, eq. 45, 58 and 59; there for ẽ = D),

        w = (h/R) (ũ² + ẽ²)/ẽ · (±π/2 − atan(ũ/ẽ)).
    """

    def __init__(self, geometry: ConeBeam) -> None:
        axis, detector = geometry.source_to_axis, geometry.source_to_detector
        aside = geometry.source_offset[1] - geometry.axis_offset
        self.radius = hypot(axis, aside)
        self.slope = geometry.helical_pitch / (2 * pi * self.radius)
        self._turn = aside / self.radius, axis / self.radius
        self.distance = detector

    def across(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """ũ and ẽ in mm."""
        sine, cosine = self._turn
        return cosine * u + sine * self.distance, cosine * self.distance - sine * u

    def line(self, u: Tensor, psi: Tensor) -> Tensor:
        """w in mm of the κ-line ψ at u, |ψ| < π."""
        aside, ahead = self.across(u)
        return self.slope * (psi * ahead + aside * torch.cos(psi) / torch.sinc(psi / pi))

    def window(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Lower and upper end of the Tam-Danielson window at u, in mm."""
        aside, ahead = self.across(u)
        scale, angle = self.slope * (aside.square() + ahead.square()) / ahead, torch.atan2(aside, ahead)
        ends = scale * (-pi / 2 - angle), scale * (pi / 2 - angle)
        return torch.minimum(*ends), torch.maximum(*ends)

    def needed(self, radius: float) -> tuple[float, float]:
        """Lowest and highest w in mm that a cylinder of that radius about the axis needs."""
        alpha = asin(min(0.999, radius / self.radius))
        fan = torch.linspace(-alpha, alpha, 65, dtype=torch.float64)
        sine, cosine = self._turn
        low, high = self.window(self.distance * (fan.tan() * cosine - sine) / (cosine + sine * fan.tan()))
        return float(low.min()), float(high.max())
