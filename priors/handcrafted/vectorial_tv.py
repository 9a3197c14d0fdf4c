"""Total variation of images with several channels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.operators.anisotropic_gradient import AnisotropicGradient
from recon.operators.functionals import GroupL1, GroupNuclear
from recon.operators.operator import Shape
from recon.operators.tensors import learnable
from recon.priors.handcrafted.differences import Differences, check_weights, difference_term
from recon.priors.prior import Prior, Term, VariationalPrior


class VectorialTV(VariationalPrior):
    """R(x) = λ Σᵢ wᵢ ‖J_i‖ with J_i the Jacobian (axes, channels) of x at pixel i, for images (channels, *shape).

    Colours, contrasts or energies whose edges lie in the same places: a pixel pays once for an edge in all of them. The
    norm is Frobenius's, or nuclear, which also wants their edges to be parallel.

    Parameters
    ----------
    lam
        λ > 0.
    norm
        ``"frobenius"`` or ``"nuclear"``.
    channel_weights
        Factors > 0 of the channels, which bring contrasts of different units to one scale; None for 1.
    weights
        w ≥ 0 per pixel, broadcast against ``shape``; None for 1 everywhere.
    boundary, spacing, axis_weights
        As of :class:`TotalVariation`, for the axes of ``shape``.

    Sources: Bresson and Chan, Inverse Probl. Imaging 2 (2008) 455; Holt, IEEE Trans. Image Process. 23 (2014) 3975, for
    the nuclear norm.
    """

    names: ClassVar[tuple[str, ...]] = ("vectorial_tv", "colour_tv", "color_tv", "joint_tv")

    def __init__(
        self,
        lam: float = 1.0,
        norm: Literal["frobenius", "nuclear"] = "frobenius",
        *,
        channel_weights: Sequence[float] | None = None,
        weights: Tensor | None = None,
        boundary: Literal["neumann", "circular"] = "neumann",
        spacing: float | Sequence[float] = 1.0,
        axis_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__(lam)
        if norm not in ("frobenius", "nuclear"):
            raise ValueError(f"{self.name} expects norm 'frobenius' or 'nuclear', got {norm!r}.")
        self.norm = norm
        self.differences = Differences(self.name, None, boundary, spacing, axis_weights)
        self.channel_weights = None if channel_weights is None else tuple(float(s) for s in channel_weights)
        if self.channel_weights is not None and not all(0 < s < float("inf") for s in self.channel_weights):
            raise ValueError(f"{self.name} expects positive channel_weights, got {self.channel_weights}.")
        self.weights = None if weights is None else learnable(weights, self.name, "weights")

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        if len(shape) < 2:
            raise ValueError(f"{self.name} takes images (channels, *shape), got shape {shape}.")
        axes = tuple(range(1, len(shape)))
        D = self.differences.gradient(shape, axes)
        weights = torch.ones(()) if self.weights is None else self.weights
        check_weights(weights, shape[1:], self.name)
        matrix = (
            GroupL1(D.range_shape, weights, 2) if self.norm == "frobenius" else GroupNuclear(D.range_shape, weights)
        )
        floor = float(weights.detach().min())
        scales = self.channel_weights
        if scales is None:
            return (difference_term(matrix, D, floor),)
        if len(scales) != shape[0]:
            raise ValueError(f"{self.name} has {len(scales)} channel_weights for images of {shape[0]} channels.")
        scale = torch.tensor(scales, dtype=torch.float64).reshape(-1, *(1,) * len(axes))
        L = AnisotropicGradient(shape, axes, D.boundary, D.spacing, scale=scale)
        return (difference_term(matrix, D, floor, operator=L, least=L.least()),)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.5)
        yield cls(0.5, "nuclear", boundary="circular")
        yield cls(weights=torch.linspace(0.5, 2.0, 6), channel_weights=(1.0, 0.5, 2.0, 1.0, 3.0))
