"""Orthogonal wavelet transforms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from recon.operators.extension import Margins, extend, fold
from recon.operators.linear import LinearOperator
from recon.operators.locality import DIRECT, in_groups
from recon.operators.operator import Shape
from recon.operators.unitary import UnitaryOperator
from recon.operators.wavelet_filters import scaling_filter


class Wavelet(UnitaryOperator):
    """The periodic orthogonal discrete wavelet transform: Wx, of the shape of x; WᴴW = WWᴴ = I.

    With h the scaling filter of even length F and g[j] = (−1)ʲ h[F−1−j] the wavelet filter, one level along one axis
    of even size n takes x to

        low[k] = Σ_j h[j] x[(2k + j − F/2 + 1) mod n],   high[k] = Σ_j g[j] x[(2k + j − F/2 + 1) mod n],   k < n/2

    and is applied to every axis, then again to the part that is low along all of them. Coefficients are laid out as a
    pyramid: low before high along each axis, the coarsest approximation in the first corner. For sizes divisible by
    2^level they are those of PyWavelets' ``wavedecn(..., mode="periodization")``.

    Any size works. Where a level meets an odd size, its last sample along that axis is set aside: it stays an
    approximation coefficient of that level, at the far end of the level's block, and the others are transformed. The
    transform remains exactly unitary, and constant images still have no detail coefficients.

    Parameters
    ----------
    shape
        Shape of one image, any number of dimensions.
    wavelet
        ``"haar"``, ``"db1"`` ... ``"db20"`` or ``"sym2"`` ... ``"sym20"``.
    level
        Number of levels; by default the most with (F − 1)·2^level up to the shortest transformed size, at least one.
    axes
        Axes to transform, counted within ``shape``; all by default.

    Source: S. Mallat, A Wavelet Tour of Signal Processing, 3rd ed., Academic Press 2009, sections 7.3 and 7.7.
    """

    def __init__(
        self,
        shape: Sequence[int],
        wavelet: str = "db4",
        level: int | None = None,
        axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(shape)
        n = len(self.domain_shape)
        chosen = tuple(range(n)) if axes is None else tuple(int(a) for a in axes)
        if any(not -n <= a < n for a in chosen) or len({a % n for a in chosen}) != len(chosen) or not chosen:
            raise ValueError(f"Wavelet expects distinct axes of a {n}-dimensional image, got {chosen}.")
        self.axes = tuple(sorted(a % n for a in chosen))
        self.wavelet = wavelet
        self.low = scaling_filter(wavelet)
        self.high = tuple((-1) ** j * tap for j, tap in enumerate(reversed(self.low)))
        sizes = [self.domain_shape[a] for a in self.axes]
        deepest = max(sizes).bit_length() - 1
        if deepest < 1:
            raise ValueError(
                f"Wavelet expects at least two samples along its axes, got images of shape {tuple(shape)}."
            )
        if level is None:
            level = min(max(1, (min(sizes) // (len(self.low) - 1)).bit_length() - 1), deepest)
        if isinstance(level, bool) or not isinstance(level, int) or not 1 <= level <= deepest:
            raise ValueError(
                f"Wavelet expects level from 1 to {deepest} for images of shape {tuple(shape)}, got {level!r}."
            )
        self.level = level

    @classmethod
    def domain_shape_for(cls, data_shape: Sequence[int], **_: Any) -> Shape:
        """Shape of the images whose coefficients have ``data_shape``: the same."""
        return tuple(data_shape)

    @property
    def detail_level(self) -> Tensor:
        """For each coefficient the level of its detail, 1 the finest, or 0 for approximation coefficients."""
        levels = torch.zeros(self.domain_shape, dtype=torch.int64)
        for level in range(self.level):
            block = self._block(levels, level)
            for axis in self._along():
                half = block.shape[axis] // 2
                block.narrow(axis, half, half if block.shape[axis] > 1 else 0).fill_(level + 1)
        return levels

    def apply(self, x: Tensor) -> Tensor:
        return in_groups(self._forward, x, self.domain_shape, self.domain_shape, DIRECT)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return in_groups(self._backward, y, self.domain_shape, self.domain_shape, DIRECT)

    def _forward(self, x: Tensor) -> Tensor:
        out = x
        for level in range(self.level):
            block = self._block(out, level)
            transformed = block
            for axis in self._along():
                transformed = self._analyse(transformed, axis)
            if level == 0:
                out = transformed
            else:
                block.copy_(transformed)
        return out

    def _backward(self, y: Tensor) -> Tensor:
        out = y.clone(memory_format=torch.contiguous_format)
        for level in reversed(range(self.level)):
            block = self._block(out, level)
            restored = block
            for axis in reversed(self._along()):
                restored = self._synthesise(restored, axis)
            block.copy_(restored)
        return out

    def _along(self) -> list[int]:
        """The transformed axes, counted from the end."""
        return [a - len(self.domain_shape) for a in self.axes]

    def _block(self, x: Tensor, level: int) -> Tensor:
        """The part of x that ``level`` transforms: everything at first, then what was low along all axes."""
        for axis in self._along():
            x = x.narrow(axis, 0, max(1, self.domain_shape[axis] >> level))
        return x

    def _analyse(self, x: Tensor, axis: int) -> Tensor:
        n = x.shape[axis]
        half, reach = n // 2, len(self.low) // 2 - 1
        if n == 1:
            return x.clone()
        out = x.new_zeros(x.shape)
        paired = x.narrow(axis, 0, 2 * half)
        rest = paired.shape[paired.ndim + axis + 1 :]
        margins = [Margins(reach, reach, 2 * half + 2 * reach), *(Margins(0, 0, size) for size in rest)]
        phases = _phases(extend(paired, margins, "circular"), axis, contiguous=True)
        low, high = out.narrow(axis, 0, half), out.narrow(axis, half, half)
        for j, (a, b) in enumerate(zip(self.low, self.high, strict=True)):
            samples = phases[j % 2].narrow(axis, j // 2, half)
            low.add_(samples, alpha=a)
            high.add_(samples, alpha=b)
        if n % 2:
            out.narrow(axis, n - 1, 1).copy_(x.narrow(axis, n - 1, 1))
        return out

    def _synthesise(self, y: Tensor, axis: int) -> Tensor:
        n = y.shape[axis]
        half, reach = n // 2, len(self.low) // 2 - 1
        if n == 1:
            return y.clone()
        low, high = y.narrow(axis, 0, half), y.narrow(axis, half, half)
        shape = list(y.shape)
        shape[axis] = half + reach
        phases = y.new_zeros(shape), y.new_zeros(shape)
        for j, (a, b) in enumerate(zip(self.low, self.high, strict=True)):
            samples = phases[j % 2].narrow(axis, j // 2, half)
            samples.add_(low, alpha=a).add_(high, alpha=b)
        shape[axis] = 2 * (half + reach)
        extended = y.new_empty(shape)
        for target, source in zip(_phases(extended, axis), phases, strict=True):
            target.copy_(source)
        rest = y.shape[y.ndim + axis + 1 :]
        margins = [Margins(reach, reach, shape[axis]), *(Margins(0, 0, size) for size in rest)]
        restored = fold(extended, [2 * half, *rest], margins, "circular")
        return torch.cat([restored, y.narrow(axis, n - 1, 1)], dim=axis) if n % 2 else restored

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls((8, 16), "haar", 3)
        yield cls((5, 7), "db2", 2)
        yield cls((2, 9), "sym4", 3, axes=(-1,))
        yield cls((4, 1, 6))


def _phases(x: Tensor, axis: int, contiguous: bool = False) -> tuple[Tensor, Tensor]:
    """Even and odd samples along an axis."""
    index = [slice(None)] * x.ndim
    parts = []
    for start in (0, 1):
        index[axis] = slice(start, None, 2)
        part = x[tuple(index)]
        parts.append(part.contiguous() if contiguous and part.stride(-1) != 1 else part)
    return parts[0], parts[1]
