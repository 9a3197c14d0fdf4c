"""Some of the views of a scan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite, pi
from typing import ClassVar

import torch
from torch import Tensor

from recon.files.item import DataError, Item
from recon.files.slices import Slices
from recon.preprocess.checks import require_axis
from recon.preprocess.step import Step

PER_VIEW = ("angles", "sources", "detectors", "directions", "u", "v")
"""Roles with one entry for each view."""
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Views(Step):
    """Keep some views of a scan: their data, and what stands beside them for each view.

    ``{every: 12}`` keeps views 0, 12, 24 and so on, ``{indices: "0:720:12"}`` those but for any from 720 on, and
    ``{range: [0, 120]}`` those with 0° ≤ θ < 120°; ``{range: [0, 120], every: 2}`` every second of them. The item's
    angles, or the vectors of its views, are cut too; angles that the job writes out are those of the whole scan and
    are cut with them.

    Parameters
    ----------
    every
        Keep the first of the views, and every so many after it.
    indices
        Which views to keep, in this order: a list of numbers, or ``"a:b:step"``, counted from 0, b excluded.
    range
        From and to in degrees, the end excluded. The item's angles must be in radians: from a reader or a geometry that
        knows their unit, or by the step ``angles``.
    axis
        The axis of the data along which the views lie.

    Raises
    ------
    DataError
        If no view is left, an index is beyond them, or ``range`` finds no angles in radians.
    """

    names: ClassVar[tuple[str, ...]] = ("views",)

    every: int = 1
    indices: Sequence[int] | str | None = None
    range: Sequence[float] | None = None
    axis: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.every, bool) or not isinstance(self.every, int) or self.every < 1:
            raise ValueError(f"Views expects every to be a whole number from 1 up, got {self.every!r}.")
        if self.every == 1 and self.indices is None and self.range is None:
            raise ValueError("Views expects every: n, indices or range, so that it knows which views to keep.")
        if self.indices is not None and (self.range is not None or self.every > 1):
            raise ValueError("Views expects indices alone, or every and range.")
        if self.indices is not None:
            self._slices()
        if self.range is not None:
            ends = list(self.range)
            if len(ends) != 2 or not all(map(isfinite, ends)) or not ends[0] < ends[1]:
                raise ValueError(f"Views expects range to be [from, to] in degrees, got {ends}.")

    def __call__(self, item: Item) -> Item:
        axis = require_axis(item.data, self.axis, "views", item.source)
        count = item.data.shape[axis]
        kept = self._kept(item, count)
        if not len(kept):
            raise DataError(f"views leaves nothing of the {count} views of {item.source}.")
        cut = {role: item.aux[role][kept] for role in PER_VIEW if role in item.aux and len(item.aux[role]) == count}
        before = item.meta.get("views", {"of": count, "kept": list(range(count))})
        views = {"of": before["of"], "kept": [before["kept"][view] for view in kept.tolist()]}
        return item.changed(data=item.data.index_select(axis, kept), aux=cut, meta={"views": views})

    def _kept(self, item: Item, count: int) -> Tensor:
        if self.indices is not None:
            try:
                return torch.tensor([i for i, _ in self._slices().choose((count,), item.source)])
            except DataError:
                raise DataError(
                    f"{item.source} has {count} views, counted from 0, and views asks for {self.indices!r}."
                ) from None
        views = torch.arange(count)
        if self.range is not None:
            angles = item.array("angles")
            if item.meta.get("angles_unit") != "rad":
                raise DataError(
                    f"views cannot tell the unit of the angles of {item.source}; put the step angles before it."
                )
            if tuple(angles.shape) != (count,):
                raise DataError(f"{item.source} has {count} views, but angles of shape {tuple(angles.shape)}.")
            low, high = self.range
            degrees = angles.double() * (180 / pi) + _ROUNDING
            views = views[(degrees >= low) & (degrees < high)]
        return views[:: self.every]

    def _slices(self) -> Slices:
        return Slices.parse({"axis": 0, "index": self.indices})

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        angles = torch.arange(6.0) * (pi / 6)
        item = Item(
            "scan", "scan.h5", torch.arange(30.0).reshape(6, 5), {"angles": angles}, meta={"angles_unit": "rad"}
        )
        yield cls(every=2), item
        yield cls(indices=(4, 0)), item
        yield cls(range=(30.0, 120.0)), item
        swapped = Item(
            "scan", "scan.h5", torch.arange(30.0).reshape(5, 6), {"sources": torch.arange(12.0).reshape(6, 2)}
        )
        yield cls(indices="1:5:2", axis=1), swapped
