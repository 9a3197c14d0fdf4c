"""Indicator of a known support."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.tensors import item_norm


class SupportIndicator(Functional):
    """f(x) = 0 where x vanishes outside a mask (and, if asked, x ≥ 0 inside it), else ∞.

    The prox sets to zero what lies outside (and clips what is negative); f*(y) = 0 where y vanishes inside the mask
    (or is ≤ 0 there), else ∞.

    Parameters
    ----------
    domain_shape
        Shape of one item.
    mask
        True, or not 0, where x may differ from zero; broadcasts against an item, or has the items' dimension in front.
    nonnegative
        Whether x ≥ 0 as well; real tensors only then.
    """

    per_item_attributes: ClassVar[Mapping[str, Literal["item", "scalar"]]] = {"mask": "item"}
    capabilities = frozenset({"prox", "conjugate"})
    separable = True
    constraint = True

    def __init__(self, domain_shape: Sequence[int], mask: Tensor, nonnegative: bool = False) -> None:
        super().__init__(domain_shape)
        inside = torch.as_tensor(mask) != 0
        sizes = zip(inside.shape[::-1], self.domain_shape[::-1], strict=False)
        if any(n not in (1, m) for n, m in sizes):
            raise ValueError(
                f"SupportIndicator expects a mask that broadcasts against {self.domain_shape}, got shape "
                f"{tuple(inside.shape)}."
            )
        self.mask = inside.reshape(*(1,) * (self.ndim - inside.ndim), *inside.shape).clone()
        self.nonnegative = nonnegative
        if nonnegative:
            self.domain_field = "real"

    def _inside(self, like: Tensor) -> Tensor:
        return self.constant("mask", like) != 0

    def apply(self, x: Tensor) -> Tensor:
        fine = torch.where(self._inside(x), x >= 0 if self.nonnegative else x == x, x == 0)
        return torch.where(self._all(fine), 0.0, torch.inf).to(x.real.dtype if x.is_complex() else x.dtype)

    def _all(self, fine: Tensor) -> Tensor:
        return fine.flatten(fine.ndim - self.ndim).all(-1) if self.ndim else fine

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        return torch.where(self._inside(x), x.clamp(min=0) if self.nonnegative else x, 0)

    def prox_conjugate(self, y: Tensor, sigma: float | Tensor) -> Tensor:
        return self.dual_point(y)

    def dual_point(self, y: Tensor) -> Tensor:
        return torch.where(self._inside(y), y.clamp(max=0) if self.nonnegative else 0, y)

    def dual_shrink(self, y: Tensor) -> Tensor:
        return torch.where(self._feasible(y), 1.0, 0.0).to(y.real.dtype if y.is_complex() else y.dtype)

    def _feasible(self, y: Tensor) -> Tensor:
        return self._all((y <= 0 if self.nonnegative else y == 0) | ~self._inside(y))

    def subgradient(self, x: Tensor, v: Tensor) -> Tensor:
        return torch.where(x > 0, 0, self.dual_point(v)) if self.nonnegative else self.dual_point(v)

    def conjugate(self, y: Tensor) -> Tensor:
        return torch.where(self._feasible(y), 0.0, torch.inf).to(y.real.dtype if y.is_complex() else y.dtype)

    def lower_bound(self, r: Tensor, radius: Tensor) -> Tensor:
        # Only what of r lies inside, and points out of the half-line, can lower the value.
        inside = torch.where(self._inside(r), r.clamp(max=0) if self.nonnegative else r, 0)
        size = item_norm(inside, self.ndim)
        return torch.where(size == 0, 0.0, torch.where(torch.isinf(radius), -torch.inf, -radius * size))

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((3, 4), torch.tensor([True, False, True, True]))
        yield cls((2, 2), torch.tensor([[1.0, 0.0], [0.0, 1.0]]), nonnegative=True)
        yield cls((3,), torch.tensor([[True, False, True], [False, False, True]]), nonnegative=True)
