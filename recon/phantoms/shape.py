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
    def profile_transform(self, waves: Tensor) -> Tensor:
        """∫ f(q) exp(−2πi w·q) dq, real for these symmetric profiles, for w ``(..., d)`` in the shape's own axes."""

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

    def transform(self, waves: Tensor) -> Tensor:
        """ĝ(w) = ∫ g(r) exp(−2πi w·r) dr of the function g, for w ``(..., d)`` in cycles per mm, complex128.

        With q = M(r − c) it is v |det M|⁻¹ exp(−2πi w·c) f̂(M⁻ᵀ w).
        """
        one = torch.ones(1, 1, dtype=torch.complex128)
        flat = self.weighted_transform(waves.reshape(-1, self.ndim), waves.new_zeros(1, self.ndim), one)
        return flat.reshape(waves.shape[:-1])

    def weighted_transform(self, waves: Tensor, shifts: Tensor, weights: Tensor) -> Tensor:
        """Σ_m a_m ĝ(w − f_m), the transforms of Σ_m a_m exp(2πi f_m·r) g: complex128 ``(weightings, p)``.

        For w ``(p, d)`` and f ``(m, d)`` in cycles per mm, and a ``(weightings, m)``.
        """
        to_own, centre = self.affine()
        from_own = torch.linalg.inv(to_own)
        waves, shifts = waves.to(torch.float64), shifts.to(torch.float64)
        profile = self.profile_transform((waves @ from_own)[:, None] - shifts @ from_own)
        factors = self.value * torch.linalg.det(from_own).abs() * weights * _waves(shifts @ centre)
        return torch.complex(factors.real @ profile.T, factors.imag @ profile.T) * _waves(-(waves @ centre))

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


def _waves(turns: Tensor) -> Tensor:
    """exp(2πi t)."""
    return torch.polar(torch.ones_like(turns), 2 * torch.pi * turns)


def across(places: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
    """The squared distance of lines from the origin and the lengths of their directions, ``(...)``."""
    square = directions.square().sum(-1)
    nearest = places - ((places * directions).sum(-1) / square)[..., None] * directions
    return nearest.square().sum(-1), square.sqrt()


def midpoints(count: int, ndim: int) -> Tensor:
    """``count`` midpoints of equal parts of (−½, ½) along each axis: ``(count**ndim, ndim)``."""
    part = (torch.arange(count, dtype=torch.float64) + 0.5) / count - 0.5
    return torch.cartesian_prod(*[part] * ndim).reshape(-1, ndim)
