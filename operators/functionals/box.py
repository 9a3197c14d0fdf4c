"""Indicator of elementwise bounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.tensors import is_number, item_norm, item_sum


class BoxIndicator(Functional):
    """f(x) = 0 if lower ≤ x ≤ upper elementwise, else ∞; the prox is clipping. Real tensors only.

    f*(y) = Σ max(lower·y, upper·y), infinite where it meets an infinite bound.
    """

    capabilities = frozenset({"prox", "conjugate"})
    separable = True
    constraint = True

    def __init__(self, domain_shape: Sequence[int], lower: float = 0.0, upper: float = float("inf")) -> None:
        super().__init__(domain_shape)
        if not (is_number(lower) and is_number(upper)):
            raise TypeError(
                f"BoxIndicator expects two numbers as bounds, got {type(lower).__name__} and {type(upper).__name__}; "
                "use infinity for none."
            )
        if not lower < upper:
            raise ValueError(f"BoxIndicator expects lower < upper, got {lower} and {upper}.")
        self.domain_field = "real"
        self.lower, self.upper = float(lower), float(upper)

    def apply(self, x: Tensor) -> Tensor:
        inside = ((x >= self.lower) & (x <= self.upper)).flatten(x.ndim - self.ndim).all(-1)  # NaN is outside
        return torch.where(inside, 0.0, torch.inf).to(x.dtype)

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        return x.clamp(self.lower, self.upper)

    def conjugate(self, y: Tensor) -> Tensor:
        up = torch.where(y <= 0, 0.0, self.upper * y)
        down = torch.where(y >= 0, 0.0, self.lower * y)
        return item_sum(up + down, self.ndim)

    def dual_point(self, y: Tensor) -> Tensor:
        if self.upper == float("inf"):
            y = y.clamp(max=0)
        return y.clamp(min=0) if self.lower == -float("inf") else y

    def subgradient(self, x: Tensor, v: Tensor) -> Tensor:
        return torch.where(x >= self.upper, v.clamp(min=0), torch.where(x <= self.lower, v.clamp(max=0), 0))

    def level_radius(self, level: Tensor) -> Tensor:
        largest = max(abs(self.lower), abs(self.upper))
        size = float(torch.tensor(self.domain_shape).prod()) ** 0.5
        return torch.full_like(level, largest * size)

    def lower_bound(self, r: Tensor, radius: Tensor) -> Tensor:
        # Over a half-line only the component of r that points out of it can lower the value.
        useful = r
        if self.lower >= 0:
            useful = useful.clamp(max=0)
        if self.upper <= 0:
            useful = useful.clamp(min=0)
        size = item_norm(useful, self.ndim)
        ball = torch.where(size == 0, 0.0, torch.where(torch.isinf(radius), -torch.inf, -radius * size))
        return torch.maximum(ball, -self.conjugate(-r))

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((3, 4))
        yield cls((3,), -0.5, 0.75)
