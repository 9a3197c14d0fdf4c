"""Translation-invariant wavelet transforms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from recon.operators.identity import Identity
from recon.operators.linear import SVD, LinearOperator
from recon.operators.operator import Shape
from recon.operators.tensors import per_item
from recon.operators.wavelet import Wavelet


class UndecimatedWavelet(LinearOperator):
    """The undecimated (stationary, à trous) wavelet transform with periodic boundary, a tight frame: WᴴW = I.

    With h, g the filters of :class:`recon.operators.Wavelet`, level l = 0, 1, … takes the approximation a along one
    axis of n samples to

        low[k] = Σ_j h[j] a[(k + 2ˡ(j − F/2 + 1)) mod n]/√2,   high[k] likewise with g,

    along every axis; the part that is low along all of them goes on. ``(*batch, *shape)`` goes to
    ``(*batch, bands, *shape)`` with bands = 1 + level·(2ᵈ − 1) for d axes: the approximation, then the details from the
    coarsest level to the finest. Shifting the image shifts every band. Any size works.

    Where 2^level divides the sizes, the coefficients of level l times 2^{ld/2} are those of the orthogonal transforms
    of all shifted images, so that Σ 2^{−ld/2}|Wx| is the mean over all shifts s of ‖W_orthogonal x(· − s)‖₁
    (:attr:`shift_weights`).

    Parameters
    ----------
    shape, wavelet, level, axes
        As of :class:`recon.operators.Wavelet`.

    Sources: Coifman and Donoho, in Wavelets and Statistics, Springer 1995, 125; S. Mallat, A Wavelet Tour of Signal
    Processing, 3rd ed., Academic Press 2009, section 5.2.
    """

    def __init__(
        self,
        shape: Sequence[int],
        wavelet: str = "db4",
        level: int | None = None,
        axes: Sequence[int] | None = None,
    ) -> None:
        W = Wavelet(shape, wavelet, level, axes)
        self.wavelet, self.level, self.axes = wavelet, W.level, W.axes
        self.kinds = tuple(product((0, 1), repeat=len(self.axes)))  # low or high along each axis, all low first
        super().__init__(shape, (1 + self.level * (len(self.kinds) - 1), *W.domain_shape))
        self.taps = tuple(tap / sqrt(2) for tap in W.low), tuple(tap / sqrt(2) for tap in W.high)

    @classmethod
    def domain_shape_for(cls, data_shape: Sequence[int], **_: Any) -> Shape:
        """Shape of the images whose coefficients have ``data_shape``."""
        return tuple(data_shape[1:])

    @property
    def band_level(self) -> Tensor:
        """For each band the level of its details, 1 the finest, or 0 for the approximation."""
        details = torch.arange(self.level, 0, -1).repeat_interleave(len(self.kinds) - 1)
        return torch.cat([torch.zeros(1, dtype=torch.int64), details])

    @property
    def shift_weights(self) -> Tensor:
        """2^{−ld/2} for each band, the approximation counting as of the last level; of shape (bands, 1, …)."""
        levels = torch.where(self.band_level == 0, self.level, self.band_level)
        weights = 2.0 ** (-levels.to(torch.float64) * len(self.axes) / 2)
        return weights.reshape(-1, *(1,) * len(self.domain_shape))

    def apply(self, x: Tensor) -> Tensor:
        first, count = x.ndim - len(self.domain_shape), len(self.kinds) - 1
        out = x.new_empty((*x.shape[:first], *self.range_shape))
        for level in range(self.level):
            parts = [x]
            for axis in self._along():
                parts = [filtered for part in parts for filtered in self._analyse(part, axis, level)]
            x = parts[0]
            start = 1 + count * (self.level - 1 - level)
            for band, part in enumerate(parts[1:], start):
                out.select(first, band).copy_(part)
        out.select(first, 0).copy_(x)
        return out

    def apply_adjoint(self, y: Tensor) -> Tensor:
        first, count = y.ndim - len(self.range_shape), len(self.kinds) - 1
        x = y.select(first, 0)
        for level in reversed(range(self.level)):
            start = 1 + count * (self.level - 1 - level)
            parts = [x, *(y.select(first, start + band) for band in range(count))]
            for axis in reversed(self._along()):
                pairs = zip(parts[::2], parts[1::2], strict=True)
                parts = [self._synthesise(low, high, axis, level) for low, high in pairs]
            x = parts[0]
        return x

    def _along(self) -> list[int]:
        """The transformed axes, counted from the end."""
        return [a - len(self.domain_shape) for a in self.axes]

    def _shifts(self, n: int, level: int, sign: int) -> list[int]:
        reach = len(self.taps[0]) // 2 - 1
        return [sign * 2**level * (j - reach) % n for j in range(len(self.taps[0]))]

    def _analyse(self, x: Tensor, axis: int, level: int) -> tuple[Tensor, Tensor]:
        n = x.shape[axis]
        shifts = self._shifts(n, level, 1)
        wrapped = _wrap(x, axis, max(shifts))
        low, high = x.new_zeros(x.shape), x.new_zeros(x.shape)
        for shift, a, b in zip(shifts, *self.taps, strict=True):
            samples = wrapped.narrow(axis, shift, n)
            low.add_(samples, alpha=a)
            high.add_(samples, alpha=b)
        return low, high

    def _synthesise(self, low: Tensor, high: Tensor, axis: int, level: int) -> Tensor:
        n = low.shape[axis]
        shifts = self._shifts(n, level, -1)
        lows, highs = (_wrap(part, axis, max(shifts)) for part in (low, high))
        out = low.new_zeros(low.shape)
        for shift, a, b in zip(shifts, *self.taps, strict=True):
            out.add_(lows.narrow(axis, shift, n), alpha=a).add_(highs.narrow(axis, shift, n), alpha=b)
        return out

    def normal(self, x: Tensor) -> Tensor:
        self.check(x, self.domain_shape, self.domain_field)
        return x.clone()

    def known_norm(self) -> float:
        return 1.0

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"solve_normal", "pinv", "normal_pinv", "svd"})

    def solve_normal(self, b: Tensor, rho: float | Tensor) -> Tensor:
        self.check(b, self.domain_shape, self.domain_field)
        solution: Tensor = b / (1 + per_item(rho, b, len(self.domain_shape)))
        return solution

    def pinv(self, y: Tensor) -> Tensor:
        return self.adjoint(y)

    def normal_pinv(self, b: Tensor) -> Tensor:
        return self.normal(b)

    def svd(self) -> SVD:
        return SVD(self, torch.ones(self.domain_shape), Identity(self.domain_shape))

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls((8, 4), "haar", 2)
        yield cls((5, 7), "db2", 2)
        yield cls((2, 9), "sym4", 3, axes=(-1,))
        yield cls((6,))


def _wrap(x: Tensor, axis: int, more: int) -> Tensor:
    """x continued periodically by ``more`` < n samples."""
    return torch.cat([x, x.narrow(axis, 0, more)], dim=axis) if more else x
