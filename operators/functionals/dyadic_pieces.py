"""Number of cells of a recursive dyadic partition on which an image is constant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.functionals.functional import Functional
from recon.operators.functionals.magnitudes import squares, step_per_item

Sizes = tuple[int, ...]


class DyadicPieces(Functional):
    """f(x) = the least number of cells of a recursive dyadic partition such that x is constant on each; not convex.

    A partition begins with one cell, a box whose sides are the least powers of two that hold the image, and halves
    cells along every axis any number of times (in two dimensions a quadtree; where the box is longer along some axes,
    its first cuts are along these). What a cell has outside the image counts for nothing, nor does a cell that lies
    outside.

    The prox is the exact optimum over all partitions and all values on their cells: from fine to coarse, a cell stays
    whole where its variance about its mean, Σ|x − mean|²/2τ, plus one is no more than the sum of the best costs of its
    parts; from coarse to fine, whole cells get their means. Real or complex; linear in the number of pixels. With
    ``nonnegative`` f is ∞ unless x ≥ 0: cells whose mean is negative get 0, which adds its square to their variance.

    Parameters
    ----------
    domain_shape
        Any sizes.
    nonnegative
        Whether x ≥ 0 as well; real tensors only then.

    Sources: Donoho, Ann. Stat. 25 (1997) 1870; Willett and Nowak, IEEE Trans. Med. Imaging 22 (2003) 332.
    """

    capabilities = frozenset({"prox"})
    convex = False

    def __init__(self, domain_shape: Sequence[int], nonnegative: bool = False) -> None:
        super().__init__(domain_shape)
        self.nonnegative = bool(nonnegative)
        if self.nonnegative:
            self.domain_field = "real"
        self.levels: list[Sizes] = [tuple(1 << (n - 1).bit_length() for n in self.domain_shape)]
        while max(self.levels[-1]) > 1:
            self.levels.append(tuple(max(n // 2, 1) for n in self.levels[-1]))

    def _padded(self, x: Tensor) -> Tensor:
        out = x.new_zeros((*x.shape[: x.ndim - self.ndim], *self.levels[0]))
        self._image(out).copy_(x)
        return out

    def _image(self, cells: Tensor) -> Tensor:
        """The pixels among the cells of the finest level."""
        for axis, n in enumerate(self.domain_shape, -self.ndim):
            cells = cells.narrow(axis, 0, n)
        return cells

    def _parts(self, cells: Tensor, level: int) -> Tensor:
        """The parts of every cell of the next level, along a new last dimension; the one nearest the origin first."""
        fine, coarse = self.levels[level], self.levels[level + 1]
        first = cells.ndim - self.ndim
        split = cells.reshape(
            *cells.shape[:first], *(n for c, f in zip(coarse, fine, strict=True) for n in (c, f // c))
        )
        pairs = range(self.ndim)
        order = [*range(first), *(first + 2 * i for i in pairs), *(first + 2 * i + 1 for i in pairs)]
        return split.permute(order).flatten(first + self.ndim)

    def _spread(self, cells: Tensor, level: int) -> Tensor:
        """Every cell's entry at each of its parts."""
        for axis, (fine, coarse) in enumerate(zip(self.levels[level], self.levels[level + 1], strict=True), -self.ndim):
            if fine != coarse:
                cells = cells.repeat_interleave(2, dim=axis)
        return cells

    def _pixels(self, like: Tensor) -> list[Tensor]:
        """How many pixels each cell of each level holds."""
        real = like.real if like.is_complex() else like
        counts = [self._padded(torch.ones(self.domain_shape, dtype=real.dtype, device=like.device))]
        for level in range(len(self.levels) - 1):
            counts.append(self._parts(counts[-1], level).sum(-1))
        return counts

    def apply(self, x: Tensor) -> Tensor:
        pixels = self._pixels(x)
        value = self._padded(x)
        whole = value.isnan().logical_not()
        pieces = torch.where(whole, (pixels[0] > 0).to(pixels[0].dtype), torch.nan)
        for level in range(len(self.levels) - 1):
            values, empty = self._parts(value, level), self._parts(pixels[level] == 0, level)
            value = values[..., 0]
            same = self._parts(whole, level) & (values == value[..., None])
            whole = (same | empty).all(-1)
            total = self._parts(pieces, level).sum(-1)
            pieces = torch.where(whole, total.clamp(max=1), total)
        pieces = pieces.reshape(x.shape[: x.ndim - self.ndim])
        if not self.nonnegative:
            return pieces
        return torch.where((x < 0).flatten(x.ndim - self.ndim).any(-1), torch.inf, pieces)

    def on_nonnegative(self) -> Functional:
        return DyadicPieces(self.domain_shape, nonnegative=True)

    def _value(self, means: Tensor) -> Tensor:
        """What cells of these means are set to."""
        return means.clamp(min=0) if self.nonnegative else means

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        step, pixels = step_per_item(tau, x, self.ndim, self.name), self._pixels(x)
        means = [self._padded(x)]
        spread = torch.zeros_like(squares(means[0]))
        best = squares(means[0] - self._value(means[0])) / (2 * step) + (pixels[0] > 0)
        kept: list[Tensor] = []
        for level, count in enumerate(pixels[1:]):
            parts, shares = self._parts(means[-1], level), self._parts(pixels[level], level)
            mean = (shares * parts).sum(-1) / count.clamp(min=1)
            between = (shares * squares(parts - mean[..., None])).sum(-1)
            spread = self._parts(spread, level).sum(-1) + between
            divided = self._parts(best, level).sum(-1)
            merged = (spread + count * squares(mean - self._value(mean))) / (2 * step) + (count > 0)
            keep = merged <= divided
            best = torch.where(keep, merged, divided)
            means.append(mean)
            kept.append(keep)
        values, closed = means[-1], torch.zeros_like(means[-1], dtype=torch.bool)
        for level in reversed(range(len(kept))):
            values = self._spread(values, level)
            closed = self._spread(closed | kept[level], level)
            values = torch.where(closed, values, means[level])
        return self._value(self._image(values))

    @classmethod
    def examples(cls) -> Iterator[Functional]:
        yield cls((4, 4))
        yield cls((6,))
        yield cls((3, 5))
        yield cls((5, 4), nonnegative=True)
