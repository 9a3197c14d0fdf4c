"""Filtered backprojection of parallel rays in space, plane by plane."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recon.operators.ct.fbp_parallel import ParallelFBP
from recon.operators.ct.parallel_beam_3d import ParallelBeam3D
from recon.operators.ct.ramp import Window
from recon.operators.ct.row_filter import Padding
from recon.operators.ct.volume import Volume

PLANES = 8  # planes that are reconstructed at a time


class StackedFBP:
    """Every plane z from the views read there between the detector's rows, by :class:`ParallelFBP`.

    Views are interpolated linearly between rows, zero beyond the outermost; where planes are farther apart (Δ) than
    rows (τ) they are averaged over a height √(Δ² − τ²), so that planes get the mean of what lies about them.
    """

    def __init__(
        self,
        volume: Volume,
        geometry: ParallelBeam3D,
        shape: Window | tuple[float, ...],
        cutoff: float,
        padding: Padding,
    ) -> None:
        plane = Volume(volume.shape[1:], volume.spacing[1:], volume.offset[1:])
        self.plane, self.detector = ParallelFBP(plane, geometry.row, shape, cutoff, padding), geometry.shape[1:]
        self.matrix = _reading(volume.centres(0), geometry.heights(), volume.spacing[0], geometry.pitch[0])
        self.shape = volume.shape

    def apply(self, y: Tensor) -> Tensor:
        out = y.new_zeros((len(y), *self.shape))
        for begin, end, low, high, part in self._blocks(y):
            views = torch.einsum("pr,nvrb->npvb", part, y[:, :, low:high])
            out[:, begin:end] = self.plane.apply(views.flatten(0, 1)).unflatten(0, views.shape[:2])
        return out

    def transpose(self, x: Tensor) -> Tensor:
        out = x.new_zeros((len(x), len(self.plane.views), *self.detector))
        for begin, end, low, high, part in self._blocks(x):
            views = self.plane.transpose(x[:, begin:end].flatten(0, 1)).unflatten(0, (len(x), end - begin))
            out[:, :, low:high] += torch.einsum("pr,npvb->nvrb", part, views)
        return out

    def _blocks(self, like: Tensor) -> Iterator[tuple[int, int, int, int, Tensor]]:
        """A few planes and the rows that they read: first and last + 1 of both, and the weights."""
        matrix = self.matrix.to(like)
        for begin in range(0, len(matrix), PLANES):
            end = min(begin + PLANES, len(matrix))
            read = self.matrix[begin:end].any(0).nonzero()
            if len(read):
                low, high = int(read[0]), int(read[-1]) + 1
                yield begin, end, low, high, matrix[begin:end, low:high]


def _reading(planes: Tensor, rows: Tensor, spacing: float, pitch: float) -> Tensor:
    """Weights ``(planes, rows)``: the mean of each row's hat, of half-width ``pitch``, over a plane's height."""
    distance, wide = (planes[:, None] - rows) / pitch, max(0.0, (spacing / pitch) ** 2 - 1) ** 0.5
    if wide < 1e-6:
        hat: Tensor = (1 - distance.abs()).clamp(min=0)
        return hat
    mean: Tensor = (_hat_integral(distance + wide / 2) - _hat_integral(distance - wide / 2)) / wide
    return mean


def _hat_integral(t: Tensor) -> Tensor:
    """∫ of max(0, 1 − |s|) from −1 to t."""
    t = t.clamp(-1, 1)
    integral: Tensor = torch.where(t < 0, (1 + t).square() / 2, 1 - (1 - t).square() / 2)
    return integral
