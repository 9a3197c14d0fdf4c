"""Indicator of sparse vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.functionals.magnitudes import check_groups, presence, squares
from recon.operators.tensors import item_sum, per_item


class KSparse(Functional):
    """f(x) = 0 if at most k entries (or groups) of x differ from zero, else ∞; not convex.

    The prox keeps the k entries of largest |xᵢ|²/τᵢ, of equal ones any, and sets the others to zero.

    Parameters
    ----------
    domain_shape
        Shape of one item; ``(components, *shape)`` with ``groups``.
    k
        From 1 to the number of entries or groups.
    groups
        Whether entries are counted in groups over the first item dimension.
    """

    capabilities = frozenset({"prox"})
    convex = False
    monotone = True
    constraint = True

    def __init__(self, domain_shape: Sequence[int], k: int, groups: bool = False) -> None:
        super().__init__(domain_shape)
        check_groups(self.domain_shape, groups, "KSparse")
        most = prod(self.domain_shape[1:] if groups else self.domain_shape)
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= most:
            raise ValueError(f"KSparse expects k from 1 to {most} for items of shape {self.domain_shape}, got {k!r}.")
        self.k, self.groups = k, bool(groups)

    def apply(self, x: Tensor) -> Tensor:
        present = presence(x, self.ndim, self.groups)
        return torch.where(item_sum(present, self.ndim) <= self.k, 0.0, torch.inf).to(present.dtype)  # NaN is outside

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        gain = squares(x) / per_item(tau, x, self.ndim)
        if self.groups:
            gain = gain.sum(x.ndim - self.ndim, keepdim=True)
        flat = gain.flatten(x.ndim - self.ndim)
        kept = torch.zeros_like(flat, dtype=torch.bool).scatter_(-1, flat.topk(self.k, dim=-1).indices, True)
        return torch.where(kept.reshape(gain.shape), x, 0)

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((3, 4), 5)
        yield cls((2, 3), 1, groups=True)
