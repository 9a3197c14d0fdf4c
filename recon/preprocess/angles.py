"""Projection angles in radians."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite, pi
from typing import ClassVar, Literal

import torch

from recon.files.item import DataError, Item
from recon.preprocess.checks import require_axis
from recon.preprocess.step import Step


@dataclass(frozen=True)
class Angles(Step):
    """Convert ``aux["angles"]`` to radians, or lay out evenly spaced angles where the file has none.

    With ``start`` and ``stop`` there is one angle θ_j = start + j·(stop − start)/n for each of the n projections, stop
    itself excluded; they replace what the file says.

    Parameters
    ----------
    unit
        Of the file's angles and of ``start`` and ``stop``: ``"deg"`` or ``"rad"``.
    start, stop
        Ends of an even scan; either both or neither.
    axis
        The axis of the data along which the projections run.

    Raises
    ------
    DataError
        If there are no angles, not one for each projection, or if they have been converted already.
    """

    names: ClassVar[tuple[str, ...]] = ("angles",)

    unit: Literal["deg", "rad"] = "deg"
    start: float | None = None
    stop: float | None = None
    axis: int = 0

    def __post_init__(self) -> None:
        if self.unit not in ("deg", "rad"):
            raise ValueError(f"Angles expects unit 'deg' or 'rad', got {self.unit!r}.")
        ends = [end for end in (self.start, self.stop) if end is not None]
        if len(ends) == 1 or not all(isfinite(end) for end in ends) or len(set(ends)) == 1:
            raise ValueError(f"Angles expects two different ends or none, got start {self.start}, stop {self.stop}.")

    def __call__(self, item: Item) -> Item:
        axis = require_axis(item.data, self.axis, "angles", item.source)
        count = item.data.shape[axis]
        to_radians = pi / 180 if self.unit == "deg" else 1.0
        if self.start is not None and self.stop is not None:
            turn = torch.arange(count, dtype=torch.float64) * ((self.stop - self.start) / count)
            angles = (self.start + turn) * to_radians
        else:
            if item.meta.get("angles_unit") == "rad":
                raise DataError(f"The angles of {item.source} are in radians already; use the step angles once.")
            angles = item.array("angles").double() * to_radians
        if tuple(angles.shape) != (count,):
            raise DataError(
                f"{item.source} has {count} projections along axis {self.axis} of its shape "
                f"{tuple(item.data.shape)}, but angles of shape {tuple(angles.shape)}."
            )
        return item.changed(aux={"angles": angles}, meta={"angles_unit": "rad"})

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        item = Item("scan", "scan.h5", torch.ones(4, 5), {"angles": torch.tensor([0.0, 45, 90, 135])})
        yield cls(), item
        yield cls("rad", 0.0, 3.0, axis=-1), item
