"""Total variation that spares edges along a given direction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor

from recon.operators.anisotropic_gradient import AnisotropicGradient
from recon.operators.functionals import GroupL1
from recon.operators.gaussian_blur import GaussianBlur
from recon.operators.gradient import Gradient
from recon.operators.operator import Shape
from recon.operators.tensors import fixed, is_number, learnable
from recon.priors.handcrafted.differences import Differences, check_weights, difference_term
from recon.priors.prior import Prior, Term, VariationalPrior


class DirectionalTV(VariationalPrior):
    """R(x) = λ Σᵢ wᵢ |(I − ξᵢξᵢᵀ)(Dx)ᵢ|, with a field of directions ξ, |ξ| < 1, across expected edges.

    Slopes along ξ count less, by 1 − |ξ|²; where ξ = 0 this is total variation. The field is given, or made of a
    reference image v (another contrast, a prior scan):

        ξ = η Dv / (|Dv|² + ε²)^½,

    or, with ``smoothing`` ρ > 0, of its structure tensor G_ρ ∗ (Dv Dvᵀ) with largest eigenvalue μ and eigenvector e:
    ξ = η (μ/(μ + ε²))^½ e.

    Parameters
    ----------
    lam
        λ > 0.
    reference
        v, real, of the shape of images.
    direction
        ξ itself, ``(axes, *shape)``, instead of a reference.
    eta
        0 ≤ η < 1: how much of a slope along ξ is spared at most.
    edge
        ε > 0, the slope of v above which there is an edge; a tenth of v's largest slope by default.
    smoothing
        ρ ≥ 0, standard deviation in pixels.
    weights, axes, boundary, spacing, axis_weights
        As of :class:`TotalVariation`.

    Sources: Ehrhardt and Betcke, SIAM J. Imaging Sci. 9 (2016) 1084; Bayram and Kamasak, IEEE Signal Process. Lett. 19
    (2012) 781, for given directions.
    """

    names = ("directional_tv", "dtv")

    def __init__(
        self,
        lam: float = 1.0,
        reference: Tensor | None = None,
        direction: Tensor | None = None,
        *,
        eta: float = 0.95,
        edge: float | None = None,
        smoothing: float = 0.0,
        weights: Tensor | None = None,
        axes: Sequence[int] | None = None,
        boundary: Literal["neumann", "circular"] = "neumann",
        spacing: float | Sequence[float] = 1.0,
        axis_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__(lam)
        if (reference is None) == (direction is None):
            raise ValueError(f"{self.name} expects a reference image or a direction field, one of them.")
        if not (is_number(eta) and 0 <= eta < 1):
            raise ValueError(f"{self.name} expects 0 <= eta < 1, got {eta!r}.")
        if edge is not None and not (is_number(edge) and 0 < edge < float("inf")):
            raise ValueError(f"{self.name} expects edge > 0, got {edge!r}.")
        if not (is_number(smoothing) and 0 <= smoothing < float("inf")):
            raise ValueError(f"{self.name} expects smoothing >= 0, got {smoothing!r}.")
        self.differences = Differences(self.name, axes, boundary, spacing, axis_weights)
        self.reference = None if reference is None else fixed(reference, self.name, "reference")
        self.direction = None if direction is None else fixed(direction, self.name, "direction")
        for key in ("reference", "direction"):
            given = getattr(self, key)
            if given is not None and given.is_complex():
                raise ValueError(f"{self.name} expects a real {key}, got complex numbers; pass its magnitude.")
        self.eta, self.edge, self.smoothing = float(eta), edge, float(smoothing)
        self.weights = None if weights is None else learnable(weights, self.name, "weights")

    def field(self, shape: Shape) -> Tensor:
        """ξ for images of ``shape``, ``(axes, *shape)``, in double precision."""
        D = self.differences.gradient(shape)
        if self.direction is not None:
            if tuple(self.direction.shape) != D.range_shape:
                raise ValueError(
                    f"{self.name} expects a direction of shape {D.range_shape}, got {tuple(self.direction.shape)}."
                )
            return self.direction.double()
        assert self.reference is not None
        if tuple(self.reference.shape) != tuple(shape):
            raise ValueError(
                f"{self.name} expects a reference of the images' shape {shape}, got {tuple(self.reference.shape)}."
            )
        slope = D(self.reference.double())
        edge = self.edge or 0.1 * float(slope.square().sum(0).max().sqrt()) or 1.0
        if not self.smoothing:
            return self.eta * slope / (slope.square().sum(0) + edge**2).sqrt()
        return self._coherent(slope, D, edge)

    def _coherent(self, slope: Tensor, D: Gradient, edge: float) -> Tensor:
        n = len(D.domain_shape)
        products = slope.unsqueeze(0) * slope.unsqueeze(1)
        blur = GaussianBlur(self.smoothing, D.domain_shape, "replicate")
        tensor = blur(products).movedim((0, 1), (n, n + 1))
        values, vectors = torch.linalg.eigh(tensor)
        largest = values[..., -1].clamp(min=0)
        directions: Tensor = self.eta * (largest / (largest + edge**2)).sqrt().unsqueeze(-1) * vectors[..., -1]
        return directions.movedim(-1, 0)

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        D = self.differences.gradient(shape)
        weights = torch.ones(()) if self.weights is None else self.weights
        check_weights(weights, shape, self.name)
        L = AnisotropicGradient(shape, D.axes, D.boundary, D.spacing, self.field(shape))
        floor = float(weights.detach().min())
        return (difference_term(GroupL1(D.range_shape, weights), D, floor, operator=L, least=L.least()),)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        rows, columns = torch.meshgrid(torch.linspace(0, 1, 5), torch.linspace(0, 1, 6), indexing="ij")
        reference = (rows + columns > 1).double()
        yield cls(0.5, reference)
        yield cls(0.5, reference, smoothing=1.0, edge=0.1, boundary="circular")
        yield cls(direction=0.7 * torch.stack([rows, 1 - rows]), weights=torch.linspace(0.5, 2.0, 6))
