"""Another order of the axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from recon.files.item import DataError, Item
from recon.preprocess.checks import require_roles, scan_after, without_place
from recon.preprocess.step import Step


@dataclass(frozen=True)
class Transpose(Step):
    """Reorder axes: axis i of the result is axis ``axes[i]`` of the array.

    ``{axes: [1, 0, 2]}`` brings projections (angles, slices, bins) to sinograms (slices, angles, bins).

    Parameters
    ----------
    axes
        Every axis once.
    roles
        The arrays to reorder; all must have as many axes.

    Raises
    ------
    DataError
        If a role is missing or has another number of axes.
    """

    names: ClassVar[tuple[str, ...]] = ("transpose",)

    axes: Sequence[int]
    roles: Sequence[str] = ("data",)

    def __post_init__(self) -> None:
        require_roles(self.roles, "Transpose")
        if sorted(self.axes) != list(range(len(self.axes))):
            raise ValueError(f"Transpose expects every axis once, such as [1, 0, 2], got {list(self.axes)}.")

    def __call__(self, item: Item) -> Item:
        moved = {}
        for role in self.roles:
            array = item.array(role)
            if array.ndim != len(self.axes):
                raise DataError(
                    f"transpose expects {role} of {item.source} to have {len(self.axes)} axes, its shape is "
                    f"{tuple(array.shape)}."
                )
            moved[role] = array.permute(*self.axes).contiguous()
        if "data" in moved and "axis_offset_px" in item.meta and self.axes[-1] != len(self.axes) - 1:
            raise DataError(
                f"transpose moves the detector of {item.source} from its last axis; put it before rotation_axis."
            )
        return without_place(
            item.with_arrays(moved).changed(**scan_after(item, self.roles, "transpose")), self.roles, "transpose"
        )

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        yield cls((1, 0, 2)), Item("scan", "scan.h5", torch.arange(40.0).reshape(4, 2, 5))
