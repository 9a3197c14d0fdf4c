"""Total variation along lines, with its exact prox."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.functionals import TotalVariation1D
from recon.operators.operator import Shape
from recon.operators.tensors import learnable
from recon.priors.handcrafted.differences import check_weights
from recon.priors.handcrafted.embedding import tv_embedding
from recon.priors.kernels import Constants
from recon.priors.prior import Prior, Term, VariationalPrior


class LineTV(VariationalPrior):
    """R(x) = λ Σ_a Σ_i wᵢ |x_{i+e_a} − xᵢ|, one term for each of some axes, for real images.

    Along one axis its prox is exact, in linear time, and differentiable, which suits signals, spectra and time series
    (proximal gradient methods then take it whole); along several it is anisotropic total variation, of which solvers
    see each axis with its exact prox instead of differences.

    Parameters
    ----------
    lam
        λ > 0.
    axes
        One axis, or several.
    weights
        w ≥ 0, broadcast against one image; None for 1 everywhere.

    Sources: Johnson, J. Comput. Graph. Stat. 22 (2013) 246; Condat, IEEE Signal Process. Lett. 20 (2013) 1054.
    """

    names = ("line_tv", "tv_1d")

    def __init__(self, lam: float = 1.0, axes: int | Sequence[int] = -1, weights: Tensor | None = None) -> None:
        super().__init__(lam)
        self.axes = (axes,) if isinstance(axes, int) else tuple(axes)
        if not self.axes:
            raise ValueError("LineTV expects at least one axis.")
        self.weights = None if weights is None else learnable(weights, self.name, "weights")

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        n = len(shape)
        if any(not -n <= a < n for a in self.axes) or len({a % n for a in self.axes}) < len(self.axes):
            raise ValueError(f"LineTV expects distinct axes of images of shape {shape}, got {self.axes}.")
        weights = torch.ones(()) if self.weights is None else self.weights
        check_weights(weights, shape, self.name)
        return tuple(self._term(shape, a % n, weights) for a in self.axes)

    def _term(self, shape: Shape, axis: int, weights: Tensor) -> Term:
        least = float(weights.detach().min())
        side = (shape[axis],)
        embedding = tv_embedding(side, (1.0,), False) / least if least > 0 else None
        kernel = Constants(shape, (axis,))
        return Term(TotalVariation1D(shape, axis, weights), kernel=kernel, embedding=embedding)

    @classmethod
    def examples(cls) -> Iterator[Prior]:
        yield cls(0.5)
        yield cls(0.5, (0, 1))
        yield cls(axes=0, weights=torch.linspace(0.5, 2.0, 6))
