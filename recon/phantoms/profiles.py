"""The profiles of shapes: unit ball, unit cube and Gaussian."""

from __future__ import annotations

from abc import abstractmethod
from itertools import product
from math import ceil, pi, sqrt

import numpy as np
import torch
from torch import Tensor

from recon.phantoms.shape import Shape, across, midpoints

POINTS_AT_ONCE = 1 << 20


class Solid(Shape):
    """The profile 1 where a norm of the place is at most 1, and 0 elsewhere."""

    @abstractmethod
    def norm(self, places: Tensor) -> Tensor:
        """The norm of places ``(..., d)`` in the shape's own axes."""

    def profile(self, places: Tensor) -> Tensor:
        return (self.norm(places) <= 1).to(torch.float64)

    def pixel_means(self, centres: Tensor, edges: Tensor, samples: int) -> Tensor:
        """Shares of pixels inside, from ``samples`` points an axis in those that the boundary may cross."""
        size = self.norm(centres)
        corners = torch.tensor(list(product((-0.5, 0.5), repeat=self.ndim)), dtype=torch.float64) @ edges
        means = (size <= 1).to(torch.float64)
        crossed = torch.nonzero((size - 1).abs() <= self.norm(corners).max(), as_tuple=True)
        points = midpoints(samples, self.ndim) @ edges
        at_once = max(1, POINTS_AT_ONCE // len(points))
        shares = [self.profile(part[:, None] + points).mean(1) for part in centres[crossed].split(at_once)]
        means[crossed] = torch.cat(shares)
        return means


class Ball(Solid):
    """The unit ball, whose chords are 2√(1 − t²) for lines at distance t from its centre."""

    def norm(self, places: Tensor) -> Tensor:
        return places.square().sum(-1).sqrt()

    def profile_integrals(self, places: Tensor, directions: Tensor) -> Tensor:
        distance2, length = across(places, directions)
        return 2 * (1 - distance2).clamp(min=0).sqrt() / length

    def half_extents(self, own_axes: Tensor) -> Tensor:
        return own_axes.square().sum(1).sqrt()

    def profile_transform(self, waves: Tensor) -> Tensor:
        """J₁(2πw)/w in the plane, (sin 2πw − 2πw cos 2πw) / (2π²w³) in space."""
        u = 2 * pi * waves.square().sum(-1).sqrt()
        if self.ndim == 2:
            return torch.where(u > 0, 2 * pi * torch.special.bessel_j1(u) / u, pi)
        near = u < 0.3  # where the difference would cancel; the terms left out are below 10⁻¹⁶
        v = u**2
        series = (4 * pi / 3) * (1 - v / 10 * (1 - v / 28 * (1 - v / 54 * (1 - v / 88 * (1 - v / 130)))))
        far = torch.where(near, 1.0, u)
        return torch.where(near, series, 4 * pi * (far.sin() - far * far.cos()) / far**3)


class Cube(Solid):
    """The cube |qᵢ| ≤ 1, whose chords are what the slabs between opposite faces leave of a line."""

    def norm(self, places: Tensor) -> Tensor:
        return places.abs().amax(-1)

    def profile_integrals(self, places: Tensor, directions: Tensor) -> Tensor:
        along = directions != 0
        step = torch.where(along, directions, 1.0)
        ends = torch.stack(((-1 - places) / step, (1 - places) / step))
        beside = torch.where(places.abs() <= 1, torch.inf, -torch.inf)
        enter = torch.where(along, ends.amin(0), -beside).amax(-1)
        leave = torch.where(along, ends.amax(0), beside).amin(-1)
        return (leave - enter).clamp(min=0)

    def half_extents(self, own_axes: Tensor) -> Tensor:
        return own_axes.abs().sum(1)

    def profile_transform(self, waves: Tensor) -> Tensor:
        """Π sin(2πwᵢ)/(πwᵢ)."""
        return (2 * torch.sinc(2 * waves)).prod(-1)


class Bell(Shape):
    """The profile exp(−|q|²/2), whose integrals are √(2π) exp(−t²/2) for lines at distance t from its centre."""

    def profile(self, places: Tensor) -> Tensor:
        return (-places.square().sum(-1) / 2).exp()

    def profile_integrals(self, places: Tensor, directions: Tensor) -> Tensor:
        distance2, length = across(places, directions)
        return sqrt(2 * pi) * (-distance2 / 2).exp() / length

    def profile_transform(self, waves: Tensor) -> Tensor:
        """(2π)^{d/2} exp(−2π²w²)."""
        return (-2 * pi**2 * waves.square().sum(-1)).exp() * sqrt(2 * pi) ** self.ndim

    def half_extents(self, own_axes: Tensor) -> Tensor:
        """Where the profile has fallen below 2·10⁻¹⁶."""
        return 8.5 * own_axes.square().sum(1).sqrt()

    def pixel_means(self, centres: Tensor, edges: Tensor, samples: int) -> Tensor:
        """By Gauss-Legendre rules of up to ``samples`` points an axis, as many as leave an error of about 10⁻¹²."""
        count = min(samples, 3 + ceil(5 * float(edges.norm(dim=1).max())))
        nodes, weights = (torch.from_numpy(part / 2) for part in np.polynomial.legendre.leggauss(count))
        points = torch.cartesian_prod(*[nodes] * self.ndim).reshape(-1, self.ndim) @ edges
        shares = torch.cartesian_prod(*[weights] * self.ndim).reshape(-1, self.ndim).prod(-1)
        means = torch.zeros(centres.shape[:-1], dtype=torch.float64)
        for point, share in zip(points, shares.tolist(), strict=True):
            means += share * self.profile(centres + point)
        return means
