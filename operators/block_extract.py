"""Blocks of an image, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from math import prod, sqrt

import torch
from torch import Tensor

from recon.operators.algebra import Composition
from recon.operators.diagonal import Diagonal
from recon.operators.identity import Identity
from recon.operators.linear import SVD, LinearOperator
from recon.operators.tensors import per_item


class BlockExtract(LinearOperator):
    """Ex, the blocks of an image on a regular grid: ``(*batch, *shape)`` to ``(*batch, blocks, *block)``.

    Along an axis of n samples, blocks of b samples start at o, o + s, o + 2s, … up to o + n − 1; indices are taken
    modulo n, so that blocks that cross the far edge go on at the near one. Every sample lies in at least one block, and
    EᴴE is diagonal, with the number of blocks that hold each sample; where that is 1 (stride b, which divides n), E is
    unitary: a permutation.

    Parameters
    ----------
    shape
        Shape of one image.
    block
        b for each of the last axes; the others, which come first, are taken whole.
    stride
        s ≤ b for each of them; by default b, side by side.
    offset
        o for each of them; 0 by default.
    """

    def __init__(
        self,
        shape: Sequence[int],
        block: Sequence[int],
        stride: Sequence[int] | None = None,
        offset: Sequence[int] | None = None,
    ) -> None:
        sizes, blocks = tuple(int(n) for n in shape), tuple(int(b) for b in block)
        strides = blocks if stride is None else tuple(int(s) for s in stride)
        offsets = (0,) * len(blocks) if offset is None else tuple(int(o) for o in offset)
        if not len(strides) == len(offsets) == len(blocks) <= len(sizes) or not blocks:
            raise ValueError(
                "BlockExtract expects a block, a stride and an offset for each of the last axes of an image of shape "
                f"{sizes}, got {blocks}, {strides} and {offsets}."
            )
        lengths = sizes[len(sizes) - len(blocks) :]
        if not all(1 <= s <= b <= n for s, b, n in zip(strides, blocks, lengths, strict=True)):
            raise ValueError(
                f"BlockExtract expects 1 <= stride <= block <= size along every axis, got strides {strides} and blocks "
                f"{blocks} for sizes {lengths}."
            )
        self.block, self.stride, self.offset = blocks, strides, offsets
        self.counts = tuple(-(-n // s) for n, s in zip(lengths, strides, strict=True))
        super().__init__(sizes, (prod(self.counts), *sizes[: len(sizes) - len(blocks)], *blocks))
        self.covers = reduce(torch.mul, (self._covers(a).reshape(-1, *(1,) * (-a - 1)) for a in self._along()))

    @property
    def unitary(self) -> bool:
        """Whether the blocks partition the image."""
        return prod(self.range_shape) == prod(self.domain_shape)

    def _along(self) -> range:
        """The axes that are cut, counted from the end."""
        return range(-len(self.block), 0)

    def _starts(self, axis: int) -> Tensor:
        return self.offset[axis] + self.stride[axis] * torch.arange(self.counts[axis])

    def _covers(self, axis: int) -> Tensor:
        n = self.domain_shape[axis]
        hits = (self._starts(axis)[:, None] + torch.arange(self.block[axis])) % n
        return torch.bincount(hits.flatten(), minlength=n)

    def apply(self, x: Tensor) -> Tensor:
        first, d = x.ndim - len(self.domain_shape), len(self.block)
        for axis in self._along():
            index = (self._starts(axis)[:, None] + torch.arange(self.block[axis])) % self.domain_shape[axis]
            x = x.index_select(axis, index.flatten().to(x.device))
        pairs = [n for pair in zip(self.counts, self.block, strict=True) for n in pair]
        x = x.reshape(*x.shape[: x.ndim - d], *pairs)
        whole = len(self.domain_shape) - d
        counts = [first + whole + 2 * i for i in range(d)]
        order = [*range(first), *counts, *range(first, first + whole), *(c + 1 for c in counts)]
        return x.permute(order).reshape(*x.shape[:first], *self.range_shape)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        first, d = y.ndim - len(self.range_shape), len(self.block)
        y = y.reshape(*y.shape[:first], *self.counts, *self.range_shape[1:])
        whole = len(self.domain_shape) - d
        pairs = [k for i in range(d) for k in (first + i, first + d + whole + i)]
        y = y.permute(*range(first), *range(first + d, first + d + whole), *pairs)
        for i, axis in enumerate(self._along()):
            at = first + whole + i
            n = self.domain_shape[axis]
            sums = y.new_zeros((*y.shape[:at], n, *y.shape[at + 2 :]))
            for position in range(self.block[axis]):  # each sample once at most: no order of addition to depend on
                index = (self._starts(axis) + position) % n
                sums.index_add_(at, index.to(y.device), y.select(at + 1, position))
            y = sums
        return y

    def normal(self, x: Tensor) -> Tensor:
        self.check(x, self.domain_shape, self.domain_field)
        result: Tensor = self.constant("covers", x) * x
        return result

    def known_norm(self) -> float:
        return sqrt(int(self.covers.max()))

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"solve_normal", "pinv", "normal_pinv", "svd"})

    def solve_normal(self, b: Tensor, rho: float | Tensor) -> Tensor:
        self.check(b, self.domain_shape, self.domain_field)
        solution: Tensor = b / (self.constant("covers", b) + per_item(rho, b, len(self.domain_shape)))
        return solution

    def pinv(self, y: Tensor) -> Tensor:
        """The mean over the blocks that hold each sample."""
        return self.normal_pinv(self.adjoint(y))

    def normal_pinv(self, b: Tensor) -> Tensor:
        self.check(b, self.domain_shape, self.domain_field)
        return b / self.constant("covers", b)

    def svd(self) -> SVD:
        s = self.covers.to(torch.float64).sqrt().expand(self.domain_shape)
        return SVD(Composition(self, Diagonal(1 / s)), s, Identity(self.domain_shape))

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls((4, 6), (2, 3))
        yield cls((2, 5, 4), (3, 4), (2, 1), (1, -1))
        yield cls((7,), (3,))
