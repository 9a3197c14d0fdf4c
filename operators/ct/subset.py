"""Parts of a scan, for ordered-subset methods."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Literal, NamedTuple

from torch import Tensor

if TYPE_CHECKING:
    from recon.operators.ct.ray_transform import RayTransform

Order = Literal["golden", "bit-reversed", "sequential"]


class Subset(NamedTuple):
    """Every n-th view of a scan: the operator, and the views' indices."""

    operator: RayTransform
    views: range

    def of(self, data: Tensor) -> Tensor:
        """The subset's part of data ``(*batch, views, …)`` of the whole scan, without a copy."""
        axis = data.ndim - len(self.operator.range_shape)
        return data.movedim(axis, 0)[self.views.start :: self.views.step].movedim(0, axis)


def subset_order(count: int, order: Order) -> tuple[int, ...]:
    """In which order ``count`` interleaved subsets are visited, so that neighbours in time are far apart in angle.

    ``"golden"`` goes on by the step next to count/φ, φ = (1 + √5)/2, that has no divisor in common with ``count``.
    ``"bit-reversed"`` counts in binary with the digits read backwards; ``"sequential"`` takes them as they come.

    Sources: Köhler, IEEE Nucl. Sci. Symp. (2004) 3961, for golden; Herman and Meyer, IEEE Trans. Med. Imaging 12 (1993)
    600, for digits reversed.
    """
    if order == "sequential":
        return tuple(range(count))
    if order == "bit-reversed":
        digits = max(1, (count - 1).bit_length())
        reversed_ = (int(f"{k:0{digits}b}"[::-1], 2) for k in range(1 << digits))
        return tuple(k for k in reversed_ if k < count)
    if order != "golden":
        raise ValueError(f"subsets come in the order 'golden', 'bit-reversed' or 'sequential', got {order!r}.")
    aim = count * (5**0.5 - 1) / 2
    step = min((s for s in range(1, count + 1) if gcd(s, count) == 1), key=lambda s: abs(s - aim))
    return tuple(k * step % count for k in range(count))
