"""Direct convolution by adding shifted copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators.extension import Boundary, Margins, extend, fold


class TapFilter:
    """y[i] = Σ_j h[j] x̃[i + k − 1 − j] along the last ``taps.ndim`` dimensions, x̃ extended by ``margins``.

    One multiply-add of a shifted copy for every nonzero tap: exact to rounding in any precision, deterministic, and
    its transpose is the same loop backwards. A helper of operators; it checks nothing.
    """

    def __init__(self, taps: Tensor, sizes: Sequence[int], margins: Sequence[Margins], boundary: Boundary) -> None:
        self.sizes, self.margins, self.boundary = tuple(sizes), tuple(margins), boundary
        self.out_sizes = tuple(m.total - k + 1 for m, k in zip(margins, taps.shape, strict=True))
        corner = torch.tensor(taps.shape) - 1
        self.taps = [_Tap(tuple((corner - index).tolist()), taps[tuple(index)].item()) for index in torch.nonzero(taps)]

    def _window(self, x: Tensor, offsets: tuple[int, ...]) -> Tensor:
        first = x.ndim - len(offsets)
        for axis, (offset, size) in enumerate(zip(offsets, self.out_sizes, strict=True), first):
            x = x.narrow(axis, offset, size)
        return x

    def apply(self, x: Tensor) -> Tensor:
        """Evaluate y."""
        extended = extend(x, self.margins, self.boundary)
        out = x.new_zeros((*x.shape[: x.ndim - len(self.sizes)], *self.out_sizes))
        for offsets, weight in self.taps:
            out.add_(self._window(extended, offsets), alpha=weight)
        return out

    def apply_adjoint(self, y: Tensor) -> Tensor:
        """Evaluate the transpose, conjugated."""
        extended = y.new_zeros((*y.shape[: y.ndim - len(self.sizes)], *(m.total for m in self.margins)))
        for offsets, weight in self.taps:
            self._window(extended, offsets).add_(y, alpha=weight.conjugate())
        return fold(extended, self.sizes, self.margins, self.boundary)


class _Tap(NamedTuple):
    offsets: tuple[int, ...]
    weight: complex


def separate(psf: Tensor) -> list[Tensor] | None:
    """Vectors whose outer product is ``psf`` to rounding, one an axis; None if there are none."""
    peak = int(psf.abs().argmax())
    index = torch.unravel_index(torch.tensor(peak), psf.shape)
    top = psf[index]
    if top == 0:
        return None
    factors, product = [], torch.ones((), dtype=psf.dtype)
    for axis in range(psf.ndim):
        line = psf[tuple(slice(None) if a == axis else i for a, i in enumerate(index))]
        factor = line / (top if axis else 1)
        factors.append(factor)
        product = product[..., None] * factor
    error = float((product - psf).abs().max())
    return factors if error <= 8 * torch.finfo(psf.dtype).eps * float(top.abs()) else None
