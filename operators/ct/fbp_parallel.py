"""Filtered backprojection of parallel rays."""

from __future__ import annotations

from functools import cached_property
from math import ceil, hypot

import torch
from torch import Tensor

from recon.operators.ct.angular_weights import angular_weights
from recon.operators.ct.fbp_divergent import FOLD, Footprint, object_radius
from recon.operators.ct.filtered_sum import FilteredSum
from recon.operators.ct.kernels.parallel import parallel_backproject, parallel_project
from recon.operators.ct.kernels.pixels import pixel_table
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
    sinc²(fd/2) for pixels d apart. On a GPU they are resampled to two points a bin instead, see :attr:`sum`.
    """

    def __init__(
        self, volume: Volume, geometry: ParallelBeam, shape: Window | tuple[float, ...], cutoff: float, padding: Padding
    ) -> None:
        self.volume, self.geometry, bins = volume, geometry, geometry.bins
        arc = scan_arc(geometry.angles)
        radius, owner = object_radius(volume), "FilteredBackprojection of this ParallelBeam"
        displaced = detector_weights(geometry.positions(), arc, radius, owner)
        weights = () if displaced is None else (displaced[None],)
        cells = angular_weights(geometry.angles) if displaced is None else arc.cells
        beyond = _bins_beyond(volume, geometry)
        wide = ParallelBeam(geometry.angles, bins + 2 * beyond, geometry.pitch, geometry.offset)
        self.views, self.bins = parallel_views(volume, wide), wide.bins
        footprint = Footprint(volume, geometry.angles, geometry.pitch)

        def response(length: int) -> Tensor:
            frequency = torch.fft.rfftfreq(length, dtype=torch.float64)
            ramp = ramp_response(length, geometry.pitch) * window(shape, 2 * frequency / cutoff)
            return cells[:, None] * ramp * footprint(frequency) / self._loss(frequency)

        self.filter, self.padding = RowFilter(bins, beyond, 1, padding, response, *weights), padding

    @cached_property
    def sum(self) -> FilteredSum:
        """The same for GPUs, from views at two points a bin."""
        rows, volume = self.filter, self.volume
        frequency = torch.fft.rfftfreq(rows.length, dtype=torch.float64)
        response = rows.response * self._loss(frequency) / torch.sinc(frequency / FOLD).square()
        filter = RowFilter(rows.bins, rows.beyond, FOLD, self.padding, lambda _: response, *rows.weights)
        return FilteredSum(filter, pixel_table(volume, self.geometry, rows.beyond, FOLD), 0.0, volume.shape)

    def _loss(self, frequency: Tensor) -> Tensor:
        """The mean loss of reading linearly between two points a pixel, ``(views, frequencies)``."""
        along = self.views[:, STEP, None].abs().reciprocal()  # bins from one pixel of a sheared row to the next
        return torch.sinc((frequency * along / 2).clamp(max=0.25)).square()

    def apply(self, y: Tensor) -> Tensor:
        if y.is_cuda:
            return self.sum.apply(y)
        rows, columns = self.volume.shape
        return parallel_backproject(self.filter.apply(y), self.views, rows, columns, "pixel")

    def transpose(self, x: Tensor) -> Tensor:
        if x.is_cuda:
            return self.sum.transpose(x)
        return self.filter.transpose(parallel_project(x, self.views, self.bins, "pixel"))


def _bins_beyond(volume: Volume, geometry: ParallelBeam) -> int:
    """Bins to add at each end of the detector so that every pixel projects onto it in every view."""
    reach = hypot(*(abs(o) + n * h / 2 for n, h, o in zip(volume.shape, volume.spacing, volume.offset, strict=True)))
    return max(0, ceil((reach + abs(geometry.offset)) / geometry.pitch - (geometry.bins - 1) / 2)) + 3
