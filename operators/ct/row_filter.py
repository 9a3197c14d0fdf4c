"""Convolution of detector rows, read at more points than there are bins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import pi, prod
from typing import Any, Literal

import torch
from scipy.fft import next_fast_len
from torch import Tensor
from torch.nn.functional import pad

Padding = Literal["zero", "edge"]

CHUNK = 1 << 21  # numbers that are transformed at a time
HALF_WAY = (3 / 256, -25 / 256, 150 / 256, 150 / 256, -25 / 256, 3 / 256)  # Lagrange's weights of six neighbours


class RowFilter:
    """Rows of ``bins`` numbers times weights, convolved, and read at ``fold`` points per bin past both their ends.

    ``(items, views, *, bins)`` to ``(items, views, *, fold · (bins + 2 · beyond))``; real and linear with an exact
    transpose. The convolution is linear, not circular. With ``fold`` 2 the points half-way between bins are read by
    6-point Lagrange interpolation: unlike the trigonometric polynomial through the bins it does not ring at their
    Nyquist frequency, where samples of sharp edges alias.

    Parameters
    ----------
    bins, beyond, fold
        As above.
    padding
        What a row is thought to go on with: ``"zero"``, or ``"edge"``, its first and last value, which fall to zero
        as cos² over half as many bins as there are.
    response
        Function that gives the response of the even kernel to circular convolutions of a length,
        ``(1 or views, length // 2 + 1)``.
    weights
        What rows are multiplied by first, each of the shape of one item or of length 1 in some of its dimensions.
    """

    def __init__(
        self, bins: int, beyond: int, fold: int, padding: Padding, response: Callable[[int], Tensor], *weights: Tensor
    ) -> None:
        self.bins, self.beyond, self.fold = bins, beyond, fold
        self.edge = -(-bins // 2) if padding == "edge" else 0
        away = (torch.arange(self.edge, dtype=torch.float64) + 0.5) / max(1, self.edge)
        self.taper = torch.cos(pi / 2 * away).square()
        self.length = int(next_fast_len(2 * (bins + beyond + self.edge), real=True))
        self.response, self.weights = response(self.length), weights
        self._kept: dict[Any, Tensor] = {}

    @property
    def points(self) -> int:
        """Numbers in a filtered row."""
        return self.fold * (self.bins + 2 * self.beyond)

    def apply(self, x: Tensor, first: int = 0) -> Tensor:
        """Filter the views from number ``first`` on."""
        start = self._left - self.beyond
        out = x.new_empty((*x.shape[:-1], self.points))
        for item, begin, end in self._blocks(x):
            rows = self._weighted(x[item, begin:end], first + begin)
            spectrum = torch.fft.rfft(self._extend(rows), n=self.length)
            spectrum *= self._response(rows, first + begin)
            filtered = torch.fft.irfft(spectrum, n=self.length)[..., start : start + self.points // self.fold]
            target = out[item, begin:end]
            target[..., :: self.fold] = filtered
            if self.fold == 2:
                target[..., 1::2] = half_way(filtered)
        return out

    def transpose(self, y: Tensor, first: int = 0) -> Tensor:
        """Transpose of :meth:`apply`."""
        start = self._left - self.beyond
        out = y.new_empty((*y.shape[:-1], self.bins))
        for item, begin, end in self._blocks(y):
            fine = y[item, begin:end]
            rows = fine[..., :: self.fold]
            if self.fold == 2:
                rows = rows + half_way(fine[..., 1::2].flip(-1)).flip(-1)
            spectrum = torch.fft.rfft(pad(rows, (start, 0)), n=self.length)
            rows = torch.fft.irfft(spectrum * self._response(fine, first + begin), n=self.length)
            out[item, begin:end] = self._weighted(self._fold_back(rows), first + begin)
        return out

    @property
    def _left(self) -> int:
        """Bins before the first of a row when it is transformed."""
        return max(self.beyond, self.edge)

    def _blocks(self, x: Tensor) -> Iterator[tuple[int, int, int]]:
        """Item, first and last + 1 view of what is transformed at a time."""
        views = max(1, CHUNK // (self.length * prod(x.shape[2:-1])))
        for item in range(len(x)):
            for begin in range(0, x.shape[1], views):
                yield item, begin, min(begin + views, x.shape[1])

    def _extend(self, rows: Tensor) -> Tensor:
        """Rows from ``_left`` bins before their first on, and past their last as far as the padding says."""
        if self.edge:
            taper = self._constant(self.taper, rows)
            rows = torch.cat((rows[..., :1] * taper.flip(0), rows, rows[..., -1:] * taper), -1)
        return pad(rows, (self._left - self.edge, 0))

    def _fold_back(self, rows: Tensor) -> Tensor:
        """Transpose of :meth:`_extend`; what follows the padding is left out."""
        left, right = self._left, self._left + self.bins
        inside = rows[..., left:right]
        if self.edge:
            inside, taper = inside.clone(), self._constant(self.taper, rows)
            inside[..., 0] += rows[..., left - self.edge : left] @ taper.flip(0)
            inside[..., -1] += rows[..., right : right + self.edge] @ taper
        return inside

    def _weighted(self, rows: Tensor, first: int) -> Tensor:
        for weight in self.weights:
            kept = self._constant(weight, rows)
            rows = rows * (kept if len(kept) == 1 else kept[first : first + len(rows)])
        return rows

    def _response(self, rows: Tensor, first: int) -> Tensor:
        kept = self._constant(self.response, rows)
        chosen = kept if len(kept) == 1 else kept[first : first + len(rows)]
        return chosen.reshape(len(chosen), *[1] * (rows.ndim - 2), -1)

    def _constant(self, value: Tensor, like: Tensor) -> Tensor:
        """A constant in the precision and on the device of ``like``; copies are kept for the next call."""
        entry = (id(value), like.dtype, like.device)
        if entry not in self._kept:
            self._kept[entry] = value.to(device=like.device, dtype=like.dtype)
        return self._kept[entry]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": {}}


def half_way(rows: Tensor) -> Tensor:
    """Rows read half-way from each number to the next, with zeros around them; flipped, its transpose."""
    wide = pad(rows, (2, 3))
    total = HALF_WAY[0] * wide[..., : rows.shape[-1]]
    for n, weight in enumerate(HALF_WAY[1:], 1):
        total.add_(wide[..., n : n + rows.shape[-1]], alpha=weight)
    return total
