"""Shapes at a place, of a size and turned: in the plane and in space."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import cos, isfinite, sin
from typing import ClassVar

import torch
from torch import Tensor


@dataclass(frozen=True)
class InPlane:
    """Fields and own axes ξ/a, η/b of a shape in the plane."""

    value: float
    a: float
    b: float
    x: float = 0.0
    y: float = 0.0
    angle: float = 0.0

    ndim: ClassVar[int] = 2
    lengths: ClassVar[str]

    def __post_init__(self) -> None:
        check_numbers(self, {"a": self.a, "b": self.b}, self.lengths)

    def affine(self) -> tuple[Tensor, Tensor]:
        c, s = cos(self.angle), sin(self.angle)
        to_own = torch.tensor([[s / self.a, c / self.a], [c / self.b, -s / self.b]], dtype=torch.float64)
        return to_own, torch.tensor([self.y, self.x], dtype=torch.float64)


@dataclass(frozen=True)
class InSpace:
    """Fields and own axes ξ/a, η/b, ζ/c of a shape in space.

    The shape is turned by R = R_z(φ) R_x(θ) R_z(ψ), first by ψ about z, x towards y, then by θ about x, y towards z,
    then by φ about z; at θ = 0 it is turned by φ + ψ in the plane.
    """

    value: float
    a: float
    b: float
    c: float
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    phi: float = 0.0
    theta: float = 0.0
    psi: float = 0.0

    ndim: ClassVar[int] = 3
    lengths: ClassVar[str]

    def __post_init__(self) -> None:
        check_numbers(self, {"a": self.a, "b": self.b, "c": self.c}, self.lengths)

    def affine(self) -> tuple[Tensor, Tensor]:
        turned = _about_z(self.phi) @ _about_x(self.theta) @ _about_z(self.psi)
        scale = torch.tensor([self.a, self.b, self.c], dtype=torch.float64)
        return (turned.T / scale[:, None]).flip(1), torch.tensor([self.z, self.y, self.x], dtype=torch.float64)


def check_numbers(shape: InPlane | InSpace, lengths: dict[str, float], name: str) -> None:
    """Refuse NaN, infinities and lengths that are not positive."""
    owner = type(shape).__name__
    if not all(isfinite(getattr(shape, field.name)) for field in fields(shape)):
        raise ValueError(f"{owner} expects finite numbers, got {shape}.")
    if min(lengths.values()) <= 0:
        got = ", ".join(f"{key}={length:g}" for key, length in lengths.items())
        raise ValueError(f"{owner} expects positive {name}, got {got}.")


def _about_z(angle: float) -> Tensor:
    c, s = cos(angle), sin(angle)
    return torch.tensor([[c, -s, 0], [s, c, 0], [0, 0, 1]], dtype=torch.float64)


def _about_x(angle: float) -> Tensor:
    c, s = cos(angle), sin(angle)
    return torch.tensor([[1, 0, 0], [0, c, -s], [0, s, c]], dtype=torch.float64)
