"""Filtered backprojection of parallel rays."""

from __future__ import annotations

from math import ceil, hypot

import torch
from torch import Tensor

from recon.operators.ct.angular_weights import angular_weights
from recon.operators.ct.fbp_divergent import Footprint, object_radius
from recon.operators.ct.kernels.parallel import parallel_backproject, parallel_project
from recon.operators.ct.kernels.views import STEP, parallel_views
from recon.operators.ct.parallel_beam import ParallelBeam
from recon.operators.ct.ramp import Window, ramp_response, window
from recon.operators.ct.redundancy import detector_weights, scan_arc
from recon.operators.ct.row_filter import Padding, RowFilter
from recon.operators.ct.volume import Volume


class ParallelFBP:
    """x(r) = Σₐ wₐ qₐ(x cos θₐ + y sin θₐ), the filtered views qₐ = τ h ∗ yₐ read at every pixel and summed.

    The weights wₐ of :func:`~recon.operators.ct.angular_weights.angular_weights` suit angles in any order, over π or
    2π, evenly spaced or not; over 2π a displaced detector gets those of
    :func:`~recon.operators.ct.redundancy.detector_weights`. Views are resampled by 6-point interpolation to two
    points a pixel and read linearly between those. The filter makes up for the mean loss of linear reading,
    sinc²(fd/2) for pixels d apart.
    """

    def __init__(
        self, volume: Volume, geometry: ParallelBeam, shape: Window | tuple[float, ...], cutoff: float, padding: Padding
    ) -> None:
        self.volume, bins = volume, geometry.bins
        arc = scan_arc(geometry.angles)
        radius, owner = object_radius(volume), "FilteredBackprojection of this ParallelBeam"
        displaced = detector_weights(geometry.positions(), arc, radius, owner)
        weights = () if displaced is None else (displaced[None],)
        cells = angular_weights(geometry.angles) if displaced is None else arc.cells
        beyond = _bins_beyond(volume, geometry)
        wide = ParallelBeam(geometry.angles, bins + 2 * beyond, geometry.pitch, geometry.offset)
        self.views, self.bins = parallel_views(volume, wide), wide.bins
        along = self.views[:, STEP, None].abs().reciprocal()  # bins from one pixel of a sheared row to the next
        footprint = Footprint(volume, geometry.angles, geometry.pitch)

        def response(length: int) -> Tensor:
            frequency = torch.fft.rfftfreq(length, dtype=torch.float64)
            ramp = ramp_response(length, geometry.pitch) * window(shape, 2 * frequency / cutoff)
            loss = torch.sinc((frequency * along / 2).clamp(max=0.25)).square()
            return cells[:, None] * ramp * footprint(frequency) / loss

        self.filter = RowFilter(bins, beyond, 1, padding, response, *weights)

    def apply(self, y: Tensor) -> Tensor:
        rows, columns = self.volume.shape
        return parallel_backproject(self.filter.apply(y), self.views, rows, columns, "pixel")

    def transpose(self, x: Tensor) -> Tensor:
        return self.filter.transpose(parallel_project(x, self.views, self.bins, "pixel"))


def _bins_beyond(volume: Volume, geometry: ParallelBeam) -> int:
    """Bins to add at each end of the detector so that every pixel projects onto it in every view."""
    reach = hypot(*(abs(o) + n * h / 2 for n, h, o in zip(volume.shape, volume.spacing, volume.offset, strict=True)))
    return max(0, ceil((reach + abs(geometry.offset)) / geometry.pitch - (geometry.bins - 1) / 2)) + 3
