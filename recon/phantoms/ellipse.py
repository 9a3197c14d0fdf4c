"""An ellipse of constant value."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, isfinite, sin

import torch
from torch import Tensor

from recon.operators.ct import ParallelBeam, Volume


@dataclass(frozen=True)
class Ellipse:
    """The function ``value`` on (ξ/a)² + (η/b)² ≤ 1 and zero elsewhere, with

    ξ = (x − x₀) cos φ + (y − y₀) sin φ,   η = −(x − x₀) sin φ + (y − y₀) cos φ.

    Parameters
    ----------
    value
        Value inside, 1/mm for attenuation.
    a, b
        Semi-axes in mm.
    x, y
        Centre (x₀, y₀) in mm, x along the columns and y along the rows of an image.
    angle
        φ in radians, from the x axis towards the y axis.
    """

    value: float
    a: float
    b: float
    x: float = 0.0
    y: float = 0.0
    angle: float = 0.0

    def __post_init__(self) -> None:
        if not all(map(isfinite, (self.value, self.a, self.b, self.x, self.y, self.angle))):
            raise ValueError(f"Ellipse expects finite numbers, got {self}.")
        if self.a <= 0 or self.b <= 0:
            raise ValueError(f"Ellipse expects positive semi-axes, got a={self.a:g}, b={self.b:g}.")

    def radius(self, x: Tensor, y: Tensor) -> Tensor:
        """Elliptical radius √((ξ/a)² + (η/b)²) of points, 1 on the boundary."""
        c, s = cos(self.angle), sin(self.angle)
        dx, dy = x - self.x, y - self.y
        return torch.hypot((dx * c + dy * s) / self.a, (dy * c - dx * s) / self.b)

    def rasterise(self, volume: Volume, samples: int) -> Tensor:
        """Mean over every pixel, from ``samples``² points in those that the boundary may cross; float64."""
        y, x = volume.centres(0)[:, None], volume.centres(1)[None, :]
        dy, dx = volume.spacing
        centre = self.radius(x, y)
        margin = 0.5 * (dx**2 + dy**2) ** 0.5 / min(self.a, self.b)
        image = torch.where(centre <= 1, 1.0, 0.0).to(torch.float64)
        rows, columns = torch.nonzero((centre - 1).abs() <= margin, as_tuple=True)
        part = (torch.arange(samples, dtype=torch.float64) + 0.5) / samples - 0.5
        inside = self.radius(
            x[0, columns, None, None] + part[None, None, :] * dx, y[rows, 0, None, None] + part[None, :, None] * dy
        )
        image[rows, columns] = (inside <= 1).to(torch.float64).mean((1, 2))
        return self.value * image

    def line_integrals(self, geometry: ParallelBeam) -> Tensor:
        """∫ dl along every ray: 2 a b v √(r² − t²)/r² with r² = a² cos²(θ − φ) + b² sin²(θ − φ); float64.

        t is the distance of the ray from the centre.
        """
        theta = torch.tensor(geometry.angles, dtype=torch.float64)[:, None]
        t = geometry.positions()[None] - (self.x * torch.cos(theta) + self.y * torch.sin(theta))
        r2 = (self.a * torch.cos(theta - self.angle)).square() + (self.b * torch.sin(theta - self.angle)).square()
        return 2 * self.a * self.b * self.value * (r2 - t.square()).clamp(min=0).sqrt() / r2
