"""The ℓ1 norm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.tensors import fixed, item_sum, per_item


class L1(Functional):
    """f(x) = Σ wᵢ|xᵢ|; the prox shrinks magnitudes by τw (soft threshold; phase kept when complex).

    f* is the indicator of |yᵢ| ≤ wᵢ. ``weights`` ≥ 0, of a shape that broadcasts to ``domain_shape``; an
    entry of zero leaves that component unpenalised.
    """

    capabilities = frozenset({"prox", "conjugate"})

    def __init__(self, domain_shape: Sequence[int], weights: Tensor | float = 1.0) -> None:
        super().__init__(domain_shape)
        self.weights = (
            fixed(weights, "L1", "weights").float()
            if not isinstance(weights, Tensor)
            else fixed(weights, "L1", "weights")
        )
        if bool((self.weights < 0).any()):
            raise ValueError("L1 expects nonnegative weights.")

    def apply(self, x: Tensor) -> Tensor:
        return item_sum((self.constant("weights", x) * x.abs()).expand(x.shape), self.ndim)

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        return soft_threshold(x, per_item(tau, x, self.ndim) * self.constant("weights", x))

    def prox_conjugate(self, y: Tensor, sigma: float | Tensor) -> Tensor:
        return self.dual_point(y)

    def dual_point(self, y: Tensor) -> Tensor:
        return clip_magnitude(y, self.constant("weights", y), y.abs())

    def dual_shrink(self, y: Tensor) -> Tensor:
        share = self.constant("weights", y) / y.abs().clamp(min=torch.finfo(y.dtype).tiny)
        return share.expand(y.shape).flatten(y.ndim - self.ndim).amin(-1).clamp(max=1)

    def conjugate(self, y: Tensor) -> Tensor:
        w = self.constant("weights", y)
        excess = (y.abs() - w).flatten(y.ndim - self.ndim).amax(-1) if self.ndim else y.abs() - w
        slack = 8 * torch.finfo(w.dtype).eps * w.max()
        return torch.where(excess <= slack, 0.0, torch.inf).to(w.dtype)  # NaN is outside

    def dual_scale(self) -> float:
        return max(float(self.weights.mean()), 1e-30)

    def level_radius(self, level: Tensor) -> Tensor:
        smallest = float(self.weights.min())
        return level / smallest if smallest > 0 else super().level_radius(level)

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((3, 4))
        yield cls((4,), weights=torch.tensor([0.5, 0.0, 2.0, 1.0]))


def soft_threshold(x: Tensor, threshold: Tensor | float) -> Tensor:
    """x·max(1 − t/|x|, 0), the prox of t|·|; real or complex."""
    if not x.is_complex():
        return torch.sign(x) * torch.relu(x.abs() - threshold)
    magnitude = x.abs()
    return x * (torch.relu(magnitude - threshold) / torch.where(magnitude == 0, 1, magnitude))


def clip_magnitude(y: Tensor, bound: Tensor, magnitude: Tensor) -> Tensor:
    """y scaled down where its (group) magnitude exceeds ``bound``: projection on a ball."""
    return y * (bound / magnitude.clamp(min=torch.finfo(magnitude.dtype).tiny)).clamp(max=1)
