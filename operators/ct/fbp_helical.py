"""Filtered backprojection of cones whose source runs on a helix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import pi
from typing import Any

import torch
from torch import Tensor

from recon.operators.ct.cone_beam import ConeBeam
from recon.operators.ct.fbp_divergent import object_radius
from recon.operators.ct.helix_filter import HelixFilter
from recon.operators.ct.helix_windows import HelixWindows
from recon.operators.ct.kernels.pixels import pixel_table, pixels_backproject, pixels_project
from recon.operators.ct.ramp import Window
from recon.operators.ct.row_filter import Padding
from recon.operators.ct.volume import Volume
from recon.operators.linear import CapabilityError

VIEWS = 32  # views that are filtered and added at a time
STEP = pi / 9  # the widest gap between views, in radians


class HelicalFBP:
    """x(r) = (1/2π) Σ Δλ/U · g(λ, u, w), Katsevich's exact inversion of a helical scan on a flat detector.

    Steps 1 to 6 of Noo, Pack and Heuscher (Phys. Med. Biol. 48, 2003, section 4.2): views are differentiated along
    the helix at constant direction, weighted, convolved with the Hilbert kernel along κ-lines, cut to
    the Tam-Danielson window and summed at every voxel over the inverse distance U of the source along the detector's
    normal; see :class:`~recon.operators.ct.helix_filter.HelixFilter`. Derivatives along the helix are those
    half-way between neighbouring views. Every voxel is reconstructed from the half turn or so that its
    π-line bounds, so that the image is complete up to some (π + 2α)/4π pitches from the ends of the helix, with α the
    half angle of the object's fan, and falls to zero from there.

    Errors: CapabilityError for rows that do not fill the Tam-Danielson window across the volume's inscribed circle, and
    for views more than 20° apart, equal or fewer than two.
    """

    def __init__(
        self, volume: Volume, geometry: ConeBeam, shape: Window | tuple[float, ...], cutoff: float, padding: Padding
    ) -> None:
        angles = torch.tensor(geometry.angles, dtype=torch.float64)
        ascending, self.order = angles.sort()
        steps = ascending.diff()
        if len(steps) == 0 or float(steps.min()) <= 0 or float(steps.max()) > STEP:
            raise CapabilityError(
                "FilteredBackprojection of a helical scan needs different views at most 20° apart, this one has gaps "
                f"of {float(steps.min()) if len(steps) else 0:.4g} to {float(steps.max()) if len(steps) else 0:.4g} "
                "radians; solve with an iterative method."
            )
        windows = HelixWindows(geometry)
        _require_rows(geometry, windows, object_radius(volume))
        self.filter = HelixFilter(geometry, windows, steps, shape, cutoff, padding)
        middle = replace(geometry, angles=tuple(((ascending[1:] + ascending[:-1]) / 2).tolist()))
        self.table = pixel_table(volume, self.filter.fine(middle))
        self.shape, self.detector = volume.shape, geometry.shape[1:]
        self._kept: dict[torch.device, Tensor] = {}

    def apply(self, y: Tensor) -> Tensor:
        table, image = self._table(y), None
        for begin, end in self._blocks():
            views = self.filter.apply(y[:, self.order[begin : end + 1].to(y.device)], begin)
            part = pixels_backproject(views, table[begin:end], 1.0, self.shape)
            image = part if image is None else image.add_(part)
        assert image is not None
        return image

    def transpose(self, x: Tensor) -> Tensor:
        table = self._table(x)
        out = x.new_zeros((len(x), len(self.order), *self.detector))
        for begin, end in self._blocks():
            views = pixels_project(x, table[begin:end], 1.0, self.filter.detector)
            out[:, self.order[begin : end + 1].to(x.device)] += self.filter.transpose(views, begin)
        return out

    def _blocks(self) -> Iterator[tuple[int, int]]:
        for begin in range(0, len(self.table), VIEWS):
            yield begin, min(begin + VIEWS, len(self.table))

    def _table(self, like: Tensor) -> Tensor:
        """The table where ``like`` is, in double precision; copies are kept for the next call."""
        if like.device not in self._kept:
            self._kept[like.device] = self.table.to(like.device)
        return self._kept[like.device]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": {}}


def _require_rows(geometry: ConeBeam, windows: HelixWindows, radius: float) -> None:
    heights, half = geometry.heights() - geometry.source_offset[0], geometry.pitch[0] / 2
    bottom, top = float(heights[0]) - half, float(heights[-1]) + half
    low, high = windows.needed(radius)
    if bottom > low or top < high:
        raise CapabilityError(
            f"FilteredBackprojection of a helical scan needs a detector from {low:.4g} to {high:.4g} mm about the "
            f"source's height to fill the Tam-Danielson window, this one reaches from {bottom:.4g} to {top:.4g} mm at "
            f"{geometry.helical_pitch:g} mm per turn; solve with an iterative method."
        )
