"""Mirroring along an axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from recon.files.item import Item
from recon.preprocess.checks import refuse_moving_the_axis, require_axis, require_roles, scan_after, without_place
from recon.preprocess.step import Step


@dataclass(frozen=True)
class Flip(Step):
    """Reverse the order of the elements along one axis.

    Parameters
    ----------
    axis
        Counted from 0, or from the end when negative.
    roles
        The arrays to reverse. Flats and darks must be named too where the detector is mirrored.

    Raises
    ------
    DataError
        If a role is missing or has no such axis.
    """

    names: ClassVar[tuple[str, ...]] = ("flip",)

    axis: int
    roles: Sequence[str] = ("data",)

    def __post_init__(self) -> None:
        require_roles(self.roles, "Flip")

    def __call__(self, item: Item) -> Item:
        refuse_moving_the_axis(item, self.axis, self.roles, "flip")
        arrays = {role: item.array(role) for role in self.roles}
        flipped = {
            role: array.flip(require_axis(array, self.axis, "flip", f"{role} of {item.source}"))
            for role, array in arrays.items()
        }
        detector = self.axis % item.data.ndim != 0
        return without_place(
            item.with_arrays(flipped).changed(**scan_after(item, self.roles if detector else (), "flip")),
            self.roles,
            "flip",
        )

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        item = Item("scan", "scan.h5", torch.arange(20.0).reshape(4, 5), {"flats": torch.arange(10.0).reshape(2, 5)})
        yield cls(-1, ("data", "flats")), item
