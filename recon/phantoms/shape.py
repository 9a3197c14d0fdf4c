"""What every shape of a phantom is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from recon.operators.ct import Geometry, Volume


class Shape(ABC):
    """A function v · f(M(r − c)) of the place r in mm, whose line integrals are known.

    f is a profile about the origin, such as that of the unit ball, c the centre and M the map to the shape's own axes.
    Vectors have their components in the order of a volume's axes, (y, x) or (z, y, x).

    Attributes
    ----------
    ndim
        Number of axes of the images that the shape appears in.
    value
        v, 1/mm for attenuation.
    """

    ndim: ClassVar[int]
    value: float

    @abstractmethod
    def affine(self) -> tuple[Tensor, Tensor]:
        """M ``(d, d)`` and c ``(d,)``, float64."""

    @abstractmethod
    def profile(self, places: Tensor) -> Tensor:
        """f at places ``(..., d)`` in the shape's own axes."""

    @abstractmethod
    def profile_integrals(self, places: Tensor, directions: Tensor) -> Tensor:
        """∫ f(q + t e) dt for places q and directions e, ``(..., d)``, in the shape's own axes."""

    @abstractmethod
    def half_extents(self, own_axes: Tensor) -> Tensor:
        """Half the sizes ``(d,)`` of the box outside which the shape is zero; ``own_axes`` is M⁻¹."""

    @abstractmethod
    def pixel_means(self, centres: Tensor, edges: Tensor, samples: int) -> Tensor:
        """Means of f over pixels with ``centres`` ``(..., d)`` and ``edges`` ``(d, d)``, in the shape's own axes."""

    def values(self, points: Tensor) -> Tensor:
        """The function at points ``(..., d)`` in mm, float64."""
        to_own, centre = self.affine()
        return self.value * self.profile((points.to(torch.float64) - centre) @ to_own.T)

    def integrals(self, points: Tensor, directions: Tensor) -> Tensor:
        """∫ along the lines through ``points`` with unit ``directions``, both ``(..., d)`` in mm, float64."""
        to_own, centre = self.affine()
        places = (points.to(torch.float64) - centre) @ to_own.T
        return self.value * self.profile_integrals(places, directions.to(torch.float64) @ to_own.T)

    def line_integrals(self, geometry: Geometry) -> Tensor:
        """∫ along every ray of a scan, float64 of the scan's shape."""
        return self.integrals(*geometry.rays())

    def add_to(self, image: Tensor, volume: Volume, samples: int) -> None:
        """Add the means over the pixels of ``volume`` to ``image``, float64."""
        to_own, centre = self.affine()
        reach = self.half_extents(torch.linalg.inv(to_own))
        parts, offsets = [], []
        for axis in range(self.ndim):
            coordinates = volume.centres(axis) - centre[axis]
            near = torch.nonzero(coordinates.abs() <= reach[axis] + volume.spacing[axis] / 2)
            if not len(near):
                return
            part = slice(int(near[0]), int(near[-1]) + 1)
            parts.append(part)
            offsets.append(coordinates[part])
        places = torch.stack(torch.meshgrid(*offsets, indexing="ij"), -1) @ to_own.T
        edges = torch.tensor(volume.spacing, dtype=torch.float64)[:, None] * to_own.T
        image[tuple(parts)] += self.value * self.pixel_means(places, edges, samples)


def across(places: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """The squared distance of lines from the origin and the lengths of their directions, ``(...)``."""
    square = directions.square().sum(-1)
    nearest = places - ((places * directions).sum(-1) / square)[..., None] * directions
    return nearest.square().sum(-1), square.sqrt()


def midpoints(count: int, ndim: int) -> Tensor:
    """``count`` midpoints of equal parts of (−½, ½) along each axis: ``(count**ndim, ndim)``."""
    part = (torch.arange(count, dtype=torch.float64) + 0.5) / count - 0.5
    return torch.cartesian_prod(*[part] * ndim).reshape(-1, ndim)
