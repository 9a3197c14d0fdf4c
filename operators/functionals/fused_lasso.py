"""Total variation along lines plus the ℓ1 norm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.functionals.l1 import soft_threshold
from recon.operators.functionals.total_variation_1d import TotalVariation1D
from recon.operators.tensors import is_number, item_norm, item_sum, per_item


class FusedLassoFunctional(Functional):
    """f(x) = Σ_lines Σ_k |x_{k+1} − x_k| + s Σ_k |x_k|, each line along one axis; real tensors.

    The prox is the soft threshold of the prox of the first part, exact. f is positively homogeneous, so that f* is the
    indicator of ∂f(0), of which y is a point if and only if prox_f(y) = 0; y − prox_f(y) is the projection on it.

    Parameters
    ----------
    domain_shape
        Shape of one item.
    axis
        The axis of the lines, counted within ``domain_shape``.
    sparsity
        s > 0.

    Source: Friedman, Hastie, Höfling and Tibshirani, Ann. Appl. Stat. 1 (2007) 302, proposition 1.
    """

    capabilities = frozenset({"prox", "conjugate"})

    def __init__(self, domain_shape: Sequence[int], axis: int = -1, sparsity: float = 1.0) -> None:
        super().__init__(domain_shape)
        if not (is_number(sparsity) and 0 < sparsity < float("inf")):
            raise ValueError(f"FusedLassoFunctional expects sparsity > 0, got {sparsity!r}.")
        self.fused = TotalVariation1D(domain_shape, axis)
        self.sparsity = float(sparsity)
        self.domain_field = "real"

    def apply(self, x: Tensor) -> Tensor:
        return self.fused(x) + self.sparsity * item_sum(x.abs(), self.ndim)

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        return soft_threshold(self.fused.prox(x, tau), per_item(tau, x, self.ndim) * self.sparsity)

    def conjugate(self, y: Tensor) -> Tensor:
        rest = self.prox(y, 1.0).abs().flatten(y.ndim - self.ndim).amax(-1)
        largest = y.abs().flatten(y.ndim - self.ndim).amax(-1)
        slack = 32 * torch.finfo(y.dtype).eps * (self.sparsity + largest)
        return torch.where(rest <= slack, 0.0, torch.inf).to(y.dtype)  # NaN is outside

    def dual_point(self, y: Tensor) -> Tensor:
        return y - self.prox(y, 1.0)

    def dual_shrink(self, y: Tensor) -> Tensor:
        """1 inside dom f*, else the factor that brings y into the part |y| ≤ s of it."""
        largest = y.abs().flatten(y.ndim - self.ndim).amax(-1)
        share = (self.sparsity / largest.clamp(min=torch.finfo(y.dtype).tiny)).clamp(max=1)
        return torch.where(torch.isfinite(self.conjugate(y)), 1.0, share)

    def lower_bound(self, r: Tensor, radius: Tensor) -> Tensor:
        """f(x) ≥ Re⟨x, q⟩ for the q nearest to −r in dom f*, so that f(x) + Re⟨x, r⟩ ≥ −‖x‖‖r + q‖."""
        rest = item_norm(r + self.dual_point(-r), self.ndim)
        size = 32 * torch.finfo(r.dtype).eps * item_norm(r, self.ndim)
        ball = torch.where(torch.isinf(radius), -torch.inf, -radius * rest)
        return torch.where(rest <= size, torch.maximum(ball, torch.zeros_like(ball)), ball)

    def dual_scale(self) -> float:
        return max(1.0, self.sparsity)

    def level_radius(self, level: Tensor) -> Tensor:
        return level / self.sparsity

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((3, 4), sparsity=0.3)
        yield cls((5, 2), 0, 2.0)
