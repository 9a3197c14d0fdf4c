"""Parallel rays in space by the kernels for the plane: every row of the detector is a scan of one slice."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from recon.operators.ct.kernels.parallel import parallel_backproject, parallel_project
from recon.operators.ct.parallel_beam_3d import ParallelBeam3D
from recon.operators.ct.volume import Volume

SLICES = 16  # slices that are projected at a time, which bounds the memory


class SliceTransform:
    """The shear model of :class:`~recon.operators.ct.parallel_beam_3d.ParallelBeam3D`, and its exact transpose.

    Row l of the detector, at height zₗ = (1 − h) zₘ + h zₘ₊₁ between the planes m and m + 1 of the volume, measures the
    shear projections of (1 − h) x[m] + h x[m + 1], with zeros outside the volume. Both being linear, it does not matter
    which comes first: rows are interpolated from the planes, or from the planes' projections where these are fewer.
    Volumes are ``(items, planes, rows, columns)``, sinograms ``(items, views, rows, bins)``, ``views`` tables of
    :func:`~recon.operators.ct.kernels.views.parallel_views` for one slice.
    """

    def __init__(self, volume: Volume, geometry: ParallelBeam3D) -> None:
        self.shape, self.detector = volume.shape, geometry.shape[1:]
        places = (geometry.heights() - volume.centres(0)[0]) / volume.spacing[0]
        places = torch.where((places - places.round()).abs() < 1e-9, places.round(), places)
        rows = torch.arange(len(places)).repeat(2)
        planes = torch.cat((places.floor(), places.floor() + 1)).long()
        weights = 1 - (places.repeat(2) - planes).abs()
        read = (weights > 0) & (planes >= 0) & (planes < volume.shape[0])
        self.rows, self.planes, self.weights = rows[read], planes[read], weights[read]
        self.by_row = len(self.rows.unique()) <= len(self.planes.unique())

    def project(self, volumes: Tensor, views: Tensor) -> Tensor:
        """Sinograms of volumes."""
        bins = self.detector[1]

        def project(slices: Tensor) -> Tensor:
            return _each(lambda items: parallel_project(items, views, bins, "shear"), slices)

        out = volumes.new_zeros((len(volumes), len(views), *self.detector))
        rows = out.transpose(1, 2)
        for chosen, wanted, given, weights in self._parts(volumes):
            if self.by_row:
                slices = volumes.new_zeros((len(volumes), len(chosen), *self.shape[1:]))
                rows[:, chosen] = project(_add(slices, wanted, volumes[:, given], weights))
            else:
                _add(rows, wanted, project(volumes[:, chosen])[:, given], weights)
        return out

    def backproject(self, sinograms: Tensor, views: Tensor) -> Tensor:
        """Volumes from sinograms."""
        height, width = self.shape[1:]

        def backproject(slices: Tensor) -> Tensor:
            return _each(lambda items: parallel_backproject(items, views, height, width, "shear"), slices)

        out = sinograms.new_zeros((len(sinograms), *self.shape))
        rows = sinograms.transpose(1, 2)
        for chosen, wanted, given, weights in self._parts(sinograms):
            if self.by_row:
                _add(out, given, backproject(rows[:, chosen])[:, wanted], weights)
            else:
                slices = sinograms.new_zeros((len(sinograms), len(chosen), len(views), self.detector[1]))
                out[:, chosen] = backproject(_add(slices, given, rows[:, wanted], weights))
        return out

    def _parts(self, like: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Slices by number, a few at a time, with the rows that want something, the planes that give it and how much.

        Slices are rows of the detector or planes of the volume; whichever they are is counted within the part.
        """
        of = self.rows if self.by_row else self.planes
        for chosen in of.unique().split(SLICES):
            here = torch.isin(of, chosen)
            within = torch.searchsorted(chosen, of[here])
            weights = self.weights[here].to(like.dtype)
            if self.by_row:
                yield chosen, within, self.planes[here], weights
            else:
                yield chosen, self.rows[here], within, weights


def _add(target: Tensor, places: Tensor, source: Tensor, weights: Tensor) -> Tensor:
    """target[:, places] += weights · source, one by one; returns ``target``."""
    return target.index_add_(1, places, source if bool((weights == 1).all()) else source * weights[:, None, None])


def _each(function: Callable[[Tensor], Tensor], slices: Tensor) -> Tensor:
    """A function of (items, rows, columns) applied to ``(items, slices, rows, columns)``."""
    out: Tensor = function(slices.flatten(0, 1)).unflatten(0, slices.shape[:2])
    return out
