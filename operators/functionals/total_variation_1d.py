"""Total variation along lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.functionals.l1 import least_weight, mean_weight
from recon.operators.functionals.line_denoising import denoise_lines
from recon.operators.tensors import item_norm, item_sum, learnable, per_item


class TotalVariation1D(Functional):
    """f(x) = Σ_lines Σ_k w_k|x_{k+1} − x_k|, each line along one axis; real tensors.

    The prox is exact, by dynamic programming in linear time (:func:`denoise_lines`), and differentiable in x, τ and w.
    f* is the indicator of the y = Dᵀu with |u| ≤ w: those of which no line has a sum and all partial sums are at most
    w; :meth:`dual_point` is the projection on them.

    Parameters
    ----------
    domain_shape
        Shape of one item.
    axis
        The axis of the lines, counted within ``domain_shape``.
    weights
        w ≥ 0: a number, or a tensor broadcast against ``domain_shape``, of whose entries along the axis the last is
        left out if there are as many as pixels.
    """

    capabilities = frozenset({"prox", "conjugate"})

    def __init__(self, domain_shape: Sequence[int], axis: int = -1, weights: Tensor | float = 1.0) -> None:
        super().__init__(domain_shape)
        if not -self.ndim <= axis < self.ndim:
            raise ValueError(f"TotalVariation1D expects an axis of items of shape {self.domain_shape}, got {axis}.")
        self.domain_field = "real"
        self.axis = axis % self.ndim - self.ndim
        numbers = learnable(weights, "TotalVariation1D", "weights")
        self.weights = numbers if isinstance(weights, Tensor) else numbers.to(torch.get_default_dtype())
        if bool((self.weights < 0).any()):
            raise ValueError("TotalVariation1D expects nonnegative weights.")

    def _bounds(self, like: Tensor) -> Tensor:
        """w with the axis last, one entry for each pair of neighbours (or one for all)."""
        n = self.domain_shape[self.axis]
        w = self.constant("weights", like)
        if w.ndim < self.ndim:
            w = w.reshape(*(1,) * (self.ndim - w.ndim), *w.shape)
        w = w.movedim(self.axis, -1)
        return w[..., : n - 1] if w.shape[-1] == n and n > 1 else w

    def _lines(self, x: Tensor) -> Tensor:
        return x.movedim(self.axis, -1)

    def apply(self, x: Tensor) -> Tensor:
        return item_sum(self._bounds(x) * self._lines(x).diff(dim=-1).abs(), self.ndim)

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        step = per_item(tau, x, self.ndim)
        if isinstance(step, Tensor) and any(n > 1 for n in step.shape[max(step.ndim - self.ndim, 0) :]):
            raise ValueError(
                f"TotalVariation1D has a closed-form prox for one step per item only, got {tuple(step.shape)}."
            )
        scale = self._lines(step) if isinstance(step, Tensor) and step.ndim >= self.ndim else step
        lines = self._lines(x)
        bound = (scale * self._bounds(x)).expand(*lines.shape[:-1], max(lines.shape[-1] - 1, 0))
        return denoise_lines(lines, bound).movedim(-1, self.axis)

    def _partial_sums(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """−u with y = Dᵀu up to the lines' sums, and these."""
        sums = self._lines(y).cumsum(-1)
        return sums[..., :-1], sums[..., -1]

    def conjugate(self, y: Tensor) -> Tensor:
        inner, total = self._partial_sums(y)
        w = self._bounds(y)
        largest = y.abs().flatten(y.ndim - self.ndim).amax(-1)
        slack = 32 * torch.finfo(y.dtype).eps * self.domain_shape[self.axis] * (w.max() + largest)
        outside = [total.abs().unsqueeze(-1), inner.abs() - w]
        excess = torch.cat([part.flatten(y.ndim - self.ndim) for part in outside], dim=-1).amax(-1)
        return torch.where(excess <= slack, 0.0, torch.inf).to(y.dtype)  # NaN is outside

    def dual_point(self, y: Tensor) -> Tensor:
        return y - self.prox(y, 1.0)

    def subgradient(self, x: Tensor, v: Tensor) -> Tensor:
        return self.dual_point(v)

    def dual_shrink(self, y: Tensor) -> Tensor:
        inner, _ = self._partial_sums(y)
        tiny = torch.finfo(y.dtype).tiny
        share = (self._bounds(y) / inner.abs().clamp(min=tiny)).clamp(max=1)
        least = share.flatten(y.ndim - self.ndim).amin(-1) if share.numel() else torch.ones_like(self.inner(y, y))
        inside = torch.isfinite(self.conjugate(y))
        scaled = torch.isfinite(self.conjugate(per_item(least, y, self.ndim) * y))
        return torch.where(inside, 1.0, torch.where(scaled, least, 0.0))

    def dual_scale(self) -> float | Tensor:
        return mean_weight(self.weights, self.ndim)

    def lower_bound(self, r: Tensor, radius: Tensor) -> Tensor:
        """f(x) ≥ Re⟨x, q⟩ for the q nearest to −r in dom f*, so that f(x) + Re⟨x, r⟩ ≥ −‖x‖‖r + q‖."""
        rest = item_norm(r + self.dual_point(-r), self.ndim)
        size = 32 * torch.finfo(r.dtype).eps * item_norm(r, self.ndim)
        ball = torch.where(torch.isinf(radius), -torch.inf, -radius * rest)
        return torch.where(rest <= size, torch.maximum(ball, torch.zeros_like(ball)), ball)

    def floor(self) -> float:
        """The least weight."""
        return float(least_weight(self.weights, max(self.ndim, self.weights.ndim)))

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((3, 4))
        yield cls((5, 2), 0, torch.tensor([0.5, 0.0, 2.0, 1.0]).reshape(4, 1))
