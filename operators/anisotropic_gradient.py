"""Differences seen through an invertible matrix at each pixel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor

from recon.operators.gradient import Gradient
from recon.operators.linear import LinearOperator
from recon.operators.tensors import fixed


class AnisotropicGradient(LinearOperator):
    """x ↦ s (I − ξξᵀ) D x: differences with the part along a direction ξ taken away, and then scaled.

    ``(*batch, *shape)`` to ``(*batch, axes, *shape)`` as :class:`Gradient`. Where |ξ| < 1 and s > 0, the kernel is that
    of D and everything in the range of D can be reached: Lᴴ(s⁻¹(I − ξξᵀ)⁻¹D(DᴴD)⁺e) = e, (I − ξξᵀ)⁻¹ =
    I + ξξᵀ/(1 − |ξ|²).

    Parameters
    ----------
    shape, axes, boundary, spacing
        As of :class:`Gradient`.
    direction
        ξ, real, ``(axes, *shape)`` with |ξ| ≤ 1 at each pixel; None for zero.
    scale
        s ≥ 0, broadcast against ``(axes, *shape)``.
    """

    def __init__(
        self,
        shape: Sequence[int],
        axes: Sequence[int] | None = None,
        boundary: Literal["neumann", "circular"] = "neumann",
        spacing: float | Sequence[float] = 1.0,
        direction: Tensor | None = None,
        scale: float | Tensor = 1.0,
    ) -> None:
        self.gradient = Gradient(shape, axes, boundary, spacing)
        super().__init__(shape, self.gradient.range_shape)
        given = torch.zeros(()) if direction is None else direction
        self.direction = fixed(given, "AnisotropicGradient", "direction").expand(self.range_shape).clone()
        self.scale = fixed(scale, "AnisotropicGradient", "scale").to(self.direction.dtype).expand(self.range_shape)
        size = self.direction.square().sum(0, keepdim=True)
        if self.direction.is_complex() or bool((size > 1 + 1e-6).any()):
            raise ValueError("AnisotropicGradient expects a real direction of length at most 1 at each pixel.")
        if bool((self.scale < 0).any()):
            raise ValueError("AnisotropicGradient expects a nonnegative scale.")
        least = float((1 - size).min())
        self.invertible = least > 1e-6 and float(self.scale.min()) > 0
        self.inverse = self.direction / (1 - size).clamp(min=1e-6)

    def _without(self, z: Tensor, direction: Tensor, other: Tensor) -> Tensor:
        along = (other * z).sum(z.ndim - len(self.range_shape), keepdim=True)
        return z - direction * along

    def apply(self, x: Tensor) -> Tensor:
        xi = self.constant("direction", x)
        return self.constant("scale", x) * self._without(self.gradient(x), xi, xi)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        xi = self.constant("direction", y)
        return self.gradient.adjoint(self._without(self.constant("scale", y) * y, xi, xi))

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"preimage"}) if self.invertible else frozenset()

    def preimage(self, e: Tensor) -> Tensor:
        if not self.invertible:
            return super().preimage(e)
        z = self.gradient(self.gradient.normal_pinv(e))
        return self._without(z, self.constant("direction", z), -self.constant("inverse", z)) / self.constant("scale", z)

    def norm_bound(self, like: Tensor | None = None) -> float:
        """‖D‖ max s, since I − ξξᵀ is at most I."""
        return self.gradient.norm_bound(like) * float(self.scale.max())

    def least(self) -> float:
        """An m with ‖Lx‖ ≥ m‖Dx‖ for every x: the least of s(1 − |ξ|²), zero where some |ξ| = 1."""
        return (
            float((self.scale * (1 - self.direction.square().sum(0, keepdim=True))).min()) if self.invertible else 0.0
        )

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        generator = torch.Generator().manual_seed(0)
        field = torch.rand(2, 4, 5, generator=generator, dtype=torch.float64) - 0.5
        yield cls((4, 5), direction=field)
        yield cls((3, 4), axes=(1,), scale=torch.tensor([0.5, 1.0, 2.0]).reshape(3, 1), boundary="circular")
        yield cls((4, 5), direction=torch.tensor([0.6, 0.8], dtype=torch.float64).reshape(2, 1, 1), spacing=(1.0, 0.5))
