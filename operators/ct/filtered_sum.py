"""Filtered views read at every pixel and summed."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import torch
from torch import Tensor

from recon.operators.ct.kernels.pixels import pixels_backproject, pixels_project
from recon.operators.ct.row_filter import RowFilter

CHUNK = 1 << 22  # filtered numbers that are held at a time, at least those of 32 views
VIEWS = 32


class FilteredSum:
    """x(r) = Σₐ wₐ(r)^power qₐ(u(r), v(r)) for filtered views q, a few dozen views at a time.

    So that no more than the views, the image and one of its kind are held beside a block of filtered views.

    Parameters
    ----------
    filter
        From views to q.
    table, power
        Where pixels read q, and their weights: see :mod:`recon.operators.ct.kernels.pixels`.
    shape
        Shape of the image.
    """

    def __init__(self, filter: RowFilter, table: Tensor, power: float, shape: tuple[int, ...]) -> None:
        self.filter, self.table, self.power, self.shape = filter, table, power, shape
        self._kept: dict[torch.device, Tensor] = {}

    def apply(self, y: Tensor) -> Tensor:
        """Images ``(items, *shape)`` of views ``(items, views, *rows, bins)``."""
        table, image = self._table(y), None
        for begin, end in self._blocks(y.shape[2:-1]):
            views = self.filter.apply(y[:, begin:end], begin)
            part = pixels_backproject(views, table[begin:end], self.power, self.shape)
            image = part if image is None else image.add_(part)
        assert image is not None
        return image

    def transpose(self, x: Tensor, rows: tuple[int, ...] = ()) -> Tensor:
        """Transpose of :meth:`apply`, for detectors of so many ``rows``."""
        table = self._table(x)
        out = x.new_empty((len(x), len(table), *rows, self.filter.bins))
        for begin, end in self._blocks(rows):
            views = pixels_project(x, table[begin:end], self.power, (*rows, self.filter.points))
            out[:, begin:end] = self.filter.transpose(views, begin)
        return out

    def _blocks(self, rows: tuple[int, ...]) -> Iterator[tuple[int, int]]:
        """First and last + 1 of the views that are taken at a time, whatever the number of items."""
        views = max(1, CHUNK // (VIEWS * prod(rows) * self.filter.points)) * VIEWS
        for begin in range(0, len(self.table), views):
            yield begin, min(begin + views, len(self.table))

    def _table(self, like: Tensor) -> Tensor:
        """The table where ``like`` is, in double precision; copies are kept for the next call."""
        if like.device not in self._kept:
            self._kept[like.device] = self.table.to(like.device)
        return self._kept[like.device]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kept": {}}
