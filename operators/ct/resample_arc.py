"""A fan on an arc that is not about its source, as one on an arc that is."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import torch
from torch import Tensor

from recon.operators.ct.fan_beam import FanBeam

NODES = 6


class ArcResampling:
    """Views of a curved detector with a source offset, interpolated at equal angles about the source.

    The filter of equiangular fans needs rays at equal angles. Those of bins on an arc about another point are not;
    views are read between them by 6-point Lagrange interpolation in the bin's index, at as many angles over the same
    range. ``target`` is the scan that results. Linear in the views, with an exact transpose.
    """

    def __init__(self, geometry: FanBeam) -> None:
        distance, offset, bins = geometry.source_to_detector, geometry.source_offset, geometry.bins
        gamma = geometry.positions() / distance
        angle = torch.atan2(distance * gamma.sin() - offset, distance * gamma.cos())
        wanted = torch.linspace(float(angle[0]), float(angle[-1]), bins, dtype=torch.float64)
        turned = wanted + torch.asin(offset / distance * wanted.cos())  # γ of the arc's point seen at that angle
        self.matrix = _lagrange((turned - gamma[0]) * distance / geometry.pitch, bins)
        step = float(angle[-1] - angle[0]) / max(bins - 1, 1)
        self.target: FanBeam = replace(
            geometry,
            pitch=step * distance if bins > 1 else geometry.pitch,
            offset=float(angle[0] + angle[-1]) / 2 * distance,
            source_offset=0.0,
            axis_offset=geometry.axis_offset - offset,
        )

    def apply(self, y: Tensor) -> Tensor:
        return y @ self.matrix.to(y).T

    def transpose(self, y: Tensor) -> Tensor:
        return y @ self.matrix.to(y)


def _lagrange(place: Tensor, bins: int) -> Tensor:
    """The matrix ``(len(place), bins)`` that reads a row of bins at fractional places within it."""
    nodes = min(NODES, bins)
    first = (place.floor().long() - (nodes - 1) // 2).clamp(0, bins - nodes)
    t = place - first
    matrix = torch.zeros(len(place), bins, dtype=torch.float64)
    for n in range(nodes):
        others = [m for m in range(nodes) if m != n]
        weight = torch.stack([t - m for m in others] or [torch.ones_like(t)]).prod(0)
        matrix[torch.arange(len(place)), first + n] = weight / prod(n - m for m in others)
    return matrix
