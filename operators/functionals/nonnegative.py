"""Penalties on magnitudes, restricted to nonnegative images."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional


class Nonnegative(Functional):
    """f(x) = p(x) where x ≥ 0, else ∞, for a p of magnitudes, p(x) = p(|x|), that decreases with none of them.

    * prox_τf(v) = prox_τp(max(v, 0)): where v < 0, both p and the distance grow with x;
    * f*(y) = p*(max(y, 0)), since xᵢ = 0 is the best answer to yᵢ < 0.

    Parameters
    ----------
    penalty
        p, a functional with ``monotone``: ℓ1, ℓ0, SCAD, MCP, k-sparse, groups of them.

    Errors: ValueError for others, which have no such prox.
    """

    def __init__(self, penalty: Functional) -> None:
        super().__init__(penalty.domain_shape)
        if not penalty.monotone:
            raise ValueError(f"Nonnegative expects a functional that is monotone in magnitudes, got {penalty.name}.")
        self.penalty = penalty
        self.domain_field = "real"
        self.convex, self.separable = penalty.convex, penalty.separable
        self.capabilities = penalty.capabilities & {"prox", "conjugate"}

    @property
    def name(self) -> str:
        return f"nonnegative {self.penalty.name}"

    def apply(self, x: Tensor) -> Tensor:
        inside = (x >= 0).flatten(x.ndim - self.ndim).all(-1)  # NaN is outside
        return torch.where(inside, self.penalty(x), torch.inf)

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        return self.penalty.prox(x.clamp(min=0), tau)

    def conjugate(self, y: Tensor) -> Tensor:
        return self.penalty.conjugate(y.clamp(min=0))

    def dual_point(self, y: Tensor) -> Tensor:
        return y.clamp(max=0) + self.penalty.dual_point(y.clamp(min=0))

    def dual_shrink(self, y: Tensor) -> Tensor:
        return self.penalty.dual_shrink(y.clamp(min=0))

    def strong_convexity(self) -> float | Tensor:
        return self.penalty.strong_convexity()

    def dual_scale(self) -> float | Tensor:
        return self.penalty.dual_scale()

    def level_radius(self, level: Tensor) -> Tensor:
        return self.penalty.level_radius(level)

    @property
    def holds_items(self) -> bool:
        return self.penalty.holds_items

    def select(self, items: Tensor) -> Nonnegative:
        chosen = self.penalty.select(items)
        return self if chosen is self.penalty else Nonnegative(chosen)

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        from recon.operators.functionals.group_l1 import GroupL1
        from recon.operators.functionals.k_sparse import KSparse
        from recon.operators.functionals.l1 import L1
        from recon.operators.functionals.mcp import MCP

        yield cls(0.7 * L1((3, 4), torch.linspace(0, 2, 4)))
        yield cls(GroupL1((2, 3), 0.5))
        yield cls(MCP((4,), 0.8))
        yield cls(KSparse((5,), 2))
