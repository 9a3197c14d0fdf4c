"""Symmetrised differences of vector fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from math import sqrt

from torch import Tensor

from recon.operators.gradient import Gradient
from recon.operators.linear import LinearOperator


class SymmetrisedGradient(LinearOperator):
    """(Ew)_aa = ∂_a w_a and (Ew)_ab = (∂_b w_a + ∂_a w_b)/√2 for a < b, so that ‖Ew‖ is Frobenius's norm.

    ``(*batch, axes, *shape)`` to ``(*batch, axes(axes + 1)/2, *shape)``: the diagonal first, then pairs in
    lexicographic order. w_a lives on the edges between neighbours along axis a, as the differences of
    :class:`Gradient` do: its last entries along a are none and are not looked at. Differences that would reach over a
    border are zero, so that E annihilates exactly the fields w = b + Sr with an antisymmetric S; of gradients, the
    constant ones.

    Parameters
    ----------
    shape
        Shape of one component.
    axes
        Axes that the components belong to; all by default.
    spacing
        Distance of pixels, one number or one per axis.
    """

    def __init__(
        self, shape: Sequence[int], axes: Sequence[int] | None = None, spacing: float | Sequence[float] = 1.0
    ) -> None:
        self.gradient = Gradient(shape, axes, "neumann", spacing)
        d = len(self.gradient.axes)
        super().__init__(self.gradient.range_shape, (d * (d + 1) // 2, *shape))
        self.pairs = tuple((a, a) for a in range(d)) + tuple(combinations(range(d), 2))

    def _lengths(self, a: int, b: int) -> tuple[int, ...] | None:
        """Extent of the component ∂_b w_a, None if it has no entries."""
        axes, lengths = self.gradient.axes, list(self.gradient.domain_shape)
        lengths[axes[a]] -= 1
        lengths[axes[b]] -= 1
        return tuple(lengths) if min(lengths) > 0 else None

    def _difference(self, w: Tensor, axis: int, lengths: tuple[int, ...]) -> Tensor:
        """Forward differences of w along an axis, on the first ``lengths`` entries."""
        n = len(lengths)
        return _window(w, lengths, axis - n, 1) - _window(w, lengths, axis - n, 0)

    def apply(self, x: Tensor) -> Tensor:
        first = x.ndim - len(self.domain_shape)
        out = x.new_zeros((*x.shape[:first], *self.range_shape))
        axes, h = self.gradient.axes, self.gradient.spacing
        for k, (a, b) in enumerate(self.pairs):
            lengths = self._lengths(a, b)
            if lengths is None:
                continue
            value = self._difference(x.select(first, a), axes[b], lengths) / h[b]
            if a != b:
                value = (value + self._difference(x.select(first, b), axes[a], lengths) / h[a]) / sqrt(2)
            _window(out.select(first, k), lengths).copy_(value)
        return out

    def apply_adjoint(self, y: Tensor) -> Tensor:
        first, n = y.ndim - len(self.range_shape), len(self.range_shape) - 1
        out = y.new_zeros((*y.shape[:first], *self.domain_shape))
        axes, h = self.gradient.axes, self.gradient.spacing
        for k, (a, b) in enumerate(self.pairs):
            lengths = self._lengths(a, b)
            if lengths is None:
                continue
            value = _window(y.select(first, k), lengths)
            for component, along in ((a, b),) if a == b else ((a, b), (b, a)):
                part = value / (h[along] * (1 if a == b else sqrt(2)))
                w = out.select(first, component)
                _window(w, lengths, axes[along] - n, 1).add_(part)
                _window(w, lengths, axes[along] - n, 0).sub_(part)
        return out

    def norm_bound(self, like: Tensor | None = None) -> float:
        """‖Ew‖ ≤ ‖∇w‖ ≤ ‖D‖‖w‖: symmetrising takes away the antisymmetric part."""
        return self.gradient.norm_bound(like)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls((4, 5))
        yield cls((3, 1, 4), spacing=(1.0, 2.0, 0.5))
        yield cls((2, 3, 4), axes=(1, 2))


def _window(w: Tensor, lengths: tuple[int, ...], axis: int = -1, start: int = 0) -> Tensor:
    """The view of the first ``lengths`` entries along the last axes, moved by ``start`` along one of them."""
    n = len(lengths)
    for position, length in enumerate(lengths):
        along = position - n
        w = w.narrow(along, start if along == axis else 0, length)
    return w
