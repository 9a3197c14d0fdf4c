"""A part of the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from recon.files.item import DataError, Item
from recon.preprocess.checks import refuse_moving_the_axis, require_axis, require_roles, scan_after, without_place
from recon.preprocess.step import Step


@dataclass(frozen=True)
class Crop(Step):
    """Keep the elements start, start + step, ... below stop along one axis.

    Parameters
    ----------
    axis
        Counted from 0, or from the end when negative.
    start, stop
        Negative numbers count from the end; by default the whole axis.
    step
        Keep every so many: ``{axis: 0, step: 4, roles: [data, angles]}`` keeps every fourth projection.
    roles
        The arrays to cut. The truth, flats, darks or angles that lie along the same axis must be named too; each must
        have the same length there as the data.

    Raises
    ------
    DataError
        If a role is missing, does not fit, or nothing would be left.
    """

    names: ClassVar[tuple[str, ...]] = ("crop",)

    axis: int
    start: int | None = None
    stop: int | None = None
    step: int = 1
    roles: Sequence[str] = ("data",)

    def __post_init__(self) -> None:
        require_roles(self.roles, "Crop")
        if self.step < 1:
            raise ValueError(f"Crop expects step >= 1, got {self.step}.")

    def __call__(self, item: Item) -> Item:
        refuse_moving_the_axis(item, self.axis, self.roles, "crop")
        size = item.data.shape[require_axis(item.data, self.axis, "crop", item.source)]
        kept = torch.arange(size)[self.start : self.stop : self.step]
        if not len(kept):
            raise DataError(f"crop {self.start}:{self.stop} leaves nothing of the {size} elements of {item.source}.")
        cut = {}
        for role in self.roles:
            array = item.array(role)
            axis = require_axis(array, self.axis, "crop", f"{role} of {item.source}")
            if array.shape[axis] != size:
                raise DataError(
                    f"crop expects {size} elements along axis {self.axis} of {role}, as in the data of {item.source}, "
                    f"got {array.shape[axis]}."
                )
            cut[role] = array.index_select(axis, kept)
        middle = self.step == 1 and int(kept[0] + kept[-1]) == size - 1
        detector = self.axis % item.data.ndim != 0 and not middle
        return without_place(
            item.with_arrays(cut).changed(**scan_after(item, self.roles if detector else (), "crop")),
            self.roles,
            "crop",
        )

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        item = Item("scan", "scan.h5", torch.arange(20.0).reshape(4, 5), {"angles": torch.arange(4.0)})
        yield cls(-1, 1, -1), item
        yield cls(0, step=2, roles=("data", "angles")), item
