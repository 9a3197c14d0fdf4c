"""The order in which tiles of an image are restored, and what of the data each can be held to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from recon.operators.diagonal import Diagonal
from recon.operators.linear import LinearOperator
from recon.operators.operator import Operator
from recon.priors.learned.tiling import Tiling

TOUCH = 1e-9
"""Smallest part of the largest measurement of random images that is not rounding."""


class TileWaves:
    """Tiles in waves: each waits for those before it, the last axis running fastest, that it overlaps with.

    Tiles of one wave do not overlap, so that they may be restored at once, with the same result as one after another.

    Attributes
    ----------
    corners
        The tiles of each wave.
    first
        For each pixel the first wave that restores it, ``shape``, int16.
    """

    def __init__(self, tiling: Tiling) -> None:
        self.tiling = tiling
        counts = [range(len(starts)) for starts in tiling.starts]
        steps = product(*(_reach(s, t) for s, t in zip(tiling.starts, tiling.tile, strict=True)))
        before = [step for step in steps if step < (0,) * len(counts)]
        wave: dict[tuple[int, ...], int] = {}
        for place in product(*counts):
            near = (tuple(p + d for p, d in zip(place, step, strict=True)) for step in before)
            wave[place] = 1 + max((wave[p] for p in near if p in wave and self._meet(p, place)), default=-1)
        groups: list[list[tuple[int, ...]]] = [[] for _ in range(1 + max(wave.values()))]
        for place, number in wave.items():
            groups[number].append(self._corner(place))
        self.corners: tuple[tuple[tuple[int, ...], ...], ...] = tuple(tuple(group) for group in groups)
        self.first = torch.zeros(tiling.shape, dtype=torch.int16)
        for number in reversed(range(len(groups))):
            for corner in groups[number]:
                self.first[tiling.window(corner)] = number

    def __len__(self) -> int:
        return len(self.corners)

    @property
    def key(self) -> tuple[object, ...]:
        """What the waves are a function of."""
        return self.tiling.shape, self.tiling.tile, self.tiling.starts

    def fresh(self, wave: int, like: Tensor) -> Tensor:
        """The pixels that a wave restores first, on the device of ``like``."""
        return self.first.to(like.device) == wave

    def begun(self, wave: int, like: Tensor) -> Tensor:
        """The pixels that this wave or one before it restores."""
        return self.first.to(like.device) <= wave

    def put(self, tiles: Tensor, wave: int, canvas: Tensor) -> Tensor:
        """Images ``(count, *shape)`` with the tiles of a wave, ``(count, tiles, *tile)``, in their places."""
        out = canvas.clone()
        for number, corner in enumerate(self.corners[wave]):
            out[(slice(None), *self.tiling.window(corner))] = tiles[:, number]
        return out

    def ready(self, A: LinearOperator, like: Tensor) -> Tensor:
        """For each measurement the wave after which nothing it depends on is missing, ``range_shape``, int16."""
        z, least = _probe(A, like)
        out = torch.zeros(A.range_shape, dtype=torch.int16, device=like.device)
        for wave in range(1, len(self)):
            touched = A(z * self.fresh(wave, z)).abs() > least
            out = torch.where(touched, torch.full_like(out, wave), out)
        return out

    def local(self, A: LinearOperator, like: Tensor) -> float:
        """The share of the measurements that depend on the pixels of one tile only."""
        if len(self.tiling) == 1:
            return 1.0
        z, least = _probe(A, like)
        inside = torch.zeros(A.range_shape, dtype=torch.bool, device=like.device)
        for corner in self.tiling.corners:
            outside = z.clone()
            outside[self.tiling.window(corner)] = 0
            inside |= A(outside).abs() <= least
        return float(inside.double().mean())

    def _corner(self, place: Sequence[int]) -> tuple[int, ...]:
        return tuple(starts[p] for starts, p in zip(self.tiling.starts, place, strict=True))

    def _meet(self, one: Sequence[int], other: Sequence[int]) -> bool:
        pairs = zip(self._corner(one), self._corner(other), self.tiling.tile, strict=True)
        return all(abs(a - b) < t for a, b, t in pairs)


def _reach(starts: Sequence[int], t: int) -> range:
    """Differences of places along an axis at which tiles may overlap."""
    far = max(sum(start < other < start + t for other in starts) for start in starts)
    return range(-far, far + 1)


def _probe(A: LinearOperator, like: Tensor) -> tuple[Tensor, float]:
    """An image without zeros, in double precision, and how small a measurement of its parts means none."""
    numbers = torch.rand((2, *A.domain_shape), generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 0.5
    z = torch.complex(numbers[0], numbers[1]) if like.is_complex() else numbers[0]
    z = (z * torch.where(numbers[1] > 1, 1.0, -1.0)).to(like.device)
    return z, TOUCH * float(A(z).abs().max())


_KEPT: WeakKeyDictionary[Operator, dict[object, tuple[Tensor, float]]] = WeakKeyDictionary()


def seen(waves: TileWaves, A: LinearOperator, like: Tensor, owner: Operator, name: object) -> tuple[Tensor, float]:
    """:meth:`TileWaves.ready` and :meth:`TileWaves.local` of A, kept as long as the operator ``owner`` lives.

    ``name`` tells apart what is made of one owner.
    """
    kept = _KEPT.setdefault(owner, {})
    key = (name, waves.key, like.device, like.is_complex())
    if key not in kept:
        kept[key] = waves.ready(A, like), waves.local(A, like)
    return kept[key]


class Part(LinearOperator):
    """x ↦ r ⊙ A(m ⊙ x): some measurements of some pixels.

    Parameters
    ----------
    operator
        A.
    rows, pixels
        r and m, booleans of A's shapes.
    """

    def __init__(self, operator: LinearOperator, rows: Tensor, pixels: Tensor) -> None:
        super().__init__(operator.domain_shape, operator.range_shape)
        self.operator, self.rows, self.pixels = operator, rows, pixels
        self.domain_field, self.range_field = operator.domain_field, operator.range_field

    def apply(self, x: Tensor) -> Tensor:
        return self.rows.to(x.device) * self.operator(self.pixels.to(x.device) * x)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self.pixels.to(y.device) * self.operator.adjoint(self.rows.to(y.device) * y)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        weights = torch.tensor([[1.0, 0.5, 2.0], [3.0, 0.0, 1.0]])
        rows, pixels = torch.tensor([[True, False, True], [True, True, False]]), torch.tensor([True, True, False])
        yield cls(Diagonal(weights), rows, pixels.expand(2, 3))
