"""Extending images beyond their edges, and the exact adjoint: folding the margins back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from torch import Tensor

Boundary = Literal["circular", "zero", "reflect", "replicate"]


class Margins(NamedTuple):
    """How one axis of n samples is extended: ``before`` and ``after`` it, then zeros up to ``total`` samples."""

    before: int
    after: int
    total: int


class _Segment(NamedTuple):
    """``length`` samples of the margin, from ``start``, that repeat those of the image from ``source``."""

    start: int
    length: int
    source: int
    step: Literal[-1, 0, 1]


def extend(x: Tensor, margins: Sequence[Margins], boundary: Boundary) -> Tensor:
    """Extend the last ``len(margins)`` dimensions of x.

    With x of n samples along an axis, the value at index i outside 0 ... n−1 is

    * ``"circular"``: x[i mod n] (scipy.ndimage ``wrap``, numpy ``wrap``);
    * ``"zero"``: 0 (``constant``);
    * ``"reflect"``: half-sample symmetric, (d c b a | a b c d | d c b a), x[−1 − i] on the left (scipy.ndimage
      ``reflect``, numpy ``symmetric``; torch's ``reflect``, which does not repeat the edge, is scipy's ``mirror``);
    * ``"replicate"``: the nearest edge sample (``nearest``, ``edge``).

    Margins may be longer than the image.
    """
    first = x.ndim - len(margins)
    sizes = x.shape[first:]
    if all(m == (0, 0, n) for m, n in zip(margins, sizes, strict=True)):
        return x
    shape = (*x.shape[:first], *(m.total for m in margins))
    filled = boundary != "zero" and all(m.before + n + m.after == m.total for m, n in zip(margins, sizes, strict=True))
    out = x.new_empty(shape) if filled else x.new_zeros(shape)
    core = out
    for axis, (m, n) in enumerate(zip(margins, sizes, strict=True), first):
        core = core.narrow(axis, m.before, n)
    core.copy_(x)
    for axis, (m, n) in enumerate(zip(margins, sizes, strict=True), first):
        for s in _segments(n, m, boundary):
            target = out.narrow(axis, s.start, s.length)
            if s.step == 1:
                target.copy_(out.narrow(axis, m.before + s.source, s.length))
            elif s.step == -1:
                target.copy_(out.narrow(axis, m.before + s.source - s.length + 1, s.length).flip(axis))
            else:
                target.copy_(out.narrow(axis, m.before + s.source, 1).expand_as(target))
    return out


def fold(y: Tensor, sizes: Sequence[int], margins: Sequence[Margins], boundary: Boundary) -> Tensor:
    """The adjoint of :func:`extend`: add each margin to the samples it repeats. Overwrites y."""
    first = y.ndim - len(margins)
    for axis, (m, n) in reversed(list(enumerate(zip(margins, sizes, strict=True), first))):
        for s in _segments(n, m, boundary):
            margin = y.narrow(axis, s.start, s.length)
            if s.step == 1:
                y.narrow(axis, m.before + s.source, s.length).add_(margin)
            elif s.step == -1:
                y.narrow(axis, m.before + s.source - s.length + 1, s.length).add_(margin.flip(axis))
            else:
                y.narrow(axis, m.before + s.source, 1).add_(margin.sum(axis, keepdim=True))
        y = y.narrow(axis, m.before, n)
    return y


def _segments(n: int, margins: Margins, boundary: Boundary) -> list[_Segment]:
    """The margins of one axis, cut where they cross a period of n samples."""
    if boundary == "zero":
        return []
    end = margins.before + n + margins.after
    segments: list[_Segment] = []
    for low, high in ((0, margins.before), (margins.before + n, end)):
        position = low
        while position < high:
            index = position - margins.before
            if boundary == "replicate":
                segments.append(_Segment(position, high - position, 0 if index < 0 else n - 1, 0))
                break
            tile, offset = divmod(index, n)
            length = min(high - position, n - offset)
            if boundary == "circular" or tile % 2 == 0:
                segments.append(_Segment(position, length, offset, 1))
            else:
                segments.append(_Segment(position, length, n - 1 - offset, -1))
            position += length
    return segments
