"""Indicator of a simplex."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod, sqrt

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.tensors import is_number, item_sum, per_item

ROUNDING = 64
"""Sums count as the total up to so many units of rounding."""


class SimplexIndicator(Functional):
    """f(x) = 0 where x ≥ 0 and Σ x = s along the given axes, else ∞: fractions of materials, probabilities, histograms.

    The prox is the projection max(x − θ, 0), with θ found by sorting; f*(y) is s times the largest y along the axes,
    summed over the others. Real tensors only.

    Parameters
    ----------
    domain_shape
        Shape of one item.
    total
        s > 0.
    axes
        Dimensions of an item that are summed, such as 0 for materials that lead; all of them if omitted.

    Source: Held, Wolfe and Crowder, Math. Program. 6 (1974) 62.
    """

    capabilities = frozenset({"prox", "conjugate"})
    constraint = True

    def __init__(
        self, domain_shape: Sequence[int], total: float = 1.0, axes: int | Sequence[int] | None = None
    ) -> None:
        super().__init__(domain_shape)
        self.domain_field = "real"
        if not (is_number(total) and 0 < total < float("inf")):
            raise ValueError(f"SimplexIndicator expects total > 0, got {total!r}.")
        self.total = float(total)
        chosen = range(self.ndim) if axes is None else (axes,) if isinstance(axes, int) else tuple(axes)
        if not chosen or not all(-self.ndim <= a < self.ndim for a in chosen):
            raise ValueError(f"SimplexIndicator expects axes of items of shape {self.domain_shape}, got {axes!r}.")
        self.axes = tuple(sorted({a % self.ndim - self.ndim for a in chosen}))
        if len(self.axes) < len(tuple(chosen)):
            raise ValueError(f"SimplexIndicator expects different axes, got {axes!r}.")
        self.size = prod(self.domain_shape[a] for a in self.axes)
        if not self.size:
            raise ValueError(f"SimplexIndicator has nothing to sum along {axes!r} of {self.domain_shape}.")

    def apply(self, x: Tensor) -> Tensor:
        slack = ROUNDING * torch.finfo(x.dtype).eps * self.total
        right = (x.sum(self.axes, keepdim=True) - self.total).abs() <= slack
        inside = (right & (x >= 0)).flatten(x.ndim - self.ndim).all(-1)  # NaN is outside
        return torch.where(inside, 0.0, torch.inf).to(x.dtype)

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        step = per_item(tau, x, self.ndim)
        if isinstance(step, Tensor) and step.ndim >= self.ndim and any(step.shape[a] != 1 for a in self.axes):
            raise ValueError(
                f"SimplexIndicator has a closed-form prox for one step along axes {self.axes} only, got a tensor of "
                f"shape {tuple(step.shape)}."
            )
        last = tuple(range(-len(self.axes), 0))
        rows = x.movedim(self.axes, last)
        p = _project(rows.flatten(-len(self.axes)), self.total)
        return p.reshape(rows.shape).movedim(last, self.axes)

    def conjugate(self, y: Tensor) -> Tensor:
        return self.total * item_sum(y.amax(self.axes, keepdim=True), self.ndim)

    def level_radius(self, level: Tensor) -> Tensor:
        return torch.full_like(level, self.total * sqrt(prod(self.domain_shape) / self.size))

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((5,))
        yield cls((3, 2, 2), 2.5, axes=0)
        yield cls((2, 3, 2), axes=(-1, 0))


def _project(v: Tensor, total: float) -> Tensor:
    """The point of {p ≥ 0, Σp = total} nearest to v, along the last dimension."""
    v = v - v.amax(-1, keepdim=True)  # shifts v along the normal, and keeps sums of the size of the total
    descending = v.sort(-1, descending=True).values
    excess = descending.cumsum(-1) - total
    count = torch.arange(1, v.shape[-1] + 1, device=v.device)
    active = (descending * count > excess).sum(-1, keepdim=True).clamp(min=1)
    theta = excess.gather(-1, active - 1) / active
    p = (v - theta).clamp(min=0)
    return p * (total / p.sum(-1, keepdim=True))
