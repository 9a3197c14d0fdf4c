"""The position of the rotation axis on the detector."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite, pi
from typing import ClassVar, Literal

import torch

from recon.files.item import DataError, Item
from recon.preprocess.checks import require_axis, require_real
from recon.preprocess.find_axis import find_axis
from recon.preprocess.step import Step

_UNCLEAR = 0.5


@dataclass(frozen=True)
class RotationAxis(Step):
    """Locate the rotation axis on the detector; the data stays as it is, the geometry takes the offset.

    With the bins counted 0, 1, ..., K − 1 along the last axis of the data,

        axis_offset_px = (position of the axis in bins) − (K − 1)/2,

    positive where the axis lies towards higher bins; it is written to ``meta``. Seen from the axis the detector is
    shifted the other way, so :class:`~recon.operators.ParallelBeam` takes offset = −axis_offset_px · pitch in mm, which
    a job fills in by itself, or ``geometry.with_axis_at(axis_offset_px + (K − 1)/2)``.

    Parameters
    ----------
    offset
        A number, or ``"auto"``: found from parallel-beam data over a half or full turn, one axis for all slices, by
        :func:`recon.preprocess.find_axis.find_axis`; on clean data to better than 0.01 bins, with 1 % noise to about
        0.05.
    unit
        Of a given offset of the axis: ``"px"`` (bins) or ``"mm"``.
    pitch
        Distance of neighbouring bins in mm, as in the geometry; with ``unit: mm`` only.
    angle_axis
        The axis of the data along which the projections run.

    Raises
    ------
    DataError
        If the axis lies outside the detector, or, for ``"auto"``, if there are no angles in radians covering half a
        turn, or no position is clearly better than the others.
    """

    names: ClassVar[tuple[str, ...]] = ("rotation_axis",)

    offset: float | Literal["auto"] = "auto"
    unit: Literal["px", "mm"] = "px"
    pitch: float | None = None
    angle_axis: int = 0

    def __post_init__(self) -> None:
        number = isinstance(self.offset, (int, float)) and not isinstance(self.offset, bool)
        if self.offset != "auto" and not (number and isfinite(self.offset)):
            raise ValueError(f"RotationAxis expects offset 'auto' or a number, got {self.offset!r}.")
        if self.unit not in ("px", "mm"):
            raise ValueError(f"RotationAxis expects unit 'px' or 'mm', got {self.unit!r}.")
        if self.pitch is not None and not (isfinite(self.pitch) and self.pitch > 0):
            raise ValueError(f"RotationAxis expects a positive pitch, got {self.pitch!r}.")
        if (self.unit == "mm") != (self.pitch is not None):
            raise ValueError("RotationAxis expects unit 'mm' and the pitch of the bins in mm together.")
        if self.offset == "auto" and self.unit == "mm":
            raise ValueError("RotationAxis finds the offset in bins; give unit and pitch with a number only.")

    def __call__(self, item: Item) -> Item:
        require_real(item, "rotation_axis")
        meta: dict[str, float | str] = {"axis_found_by": "given"}
        if isinstance(self.offset, str):
            offset, misfit = self._estimate(item)
            meta = {"axis_found_by": "auto", "axis_misfit": misfit}
        else:
            offset = self.offset / self.pitch if self.unit == "mm" and self.pitch else float(self.offset)
        if abs(offset) > item.data.shape[-1] / 2:
            raise DataError(
                f"rotation_axis puts the axis of {item.source} at {offset:.6g} bins from the centre of a detector of "
                f"{item.data.shape[-1]} bins, which is beyond its edge."
            )
        return item.changed(meta={**meta, "axis_offset_px": offset})

    def _estimate(self, item: Item) -> tuple[float, float]:
        axis = require_axis(item.data, self.angle_axis, "rotation_axis", item.source)
        if item.data.ndim < 2 or axis == item.data.ndim - 1:
            raise DataError(
                f"rotation_axis expects projections along axis {self.angle_axis} and bins along the last axis, "
                f"{item.source} has shape {tuple(item.data.shape)}."
            )
        angles = item.array("angles")
        if tuple(angles.shape) != (item.data.shape[axis],):
            raise DataError(
                f"{item.source} has {item.data.shape[axis]} projections along axis {self.angle_axis}, but angles of "
                f"shape {tuple(angles.shape)}."
            )
        if float(angles.abs().max()) > 6 * pi:
            raise DataError(f"The angles of {item.source} look like degrees; put the step angles before rotation_axis.")
        try:
            estimate = find_axis(item.data.movedim(axis, -2), angles)
        except ValueError as error:
            raise DataError(f"In {item.source}, {error}.") from None
        if estimate.misfit > _UNCLEAR:
            raise DataError(
                f"rotation_axis finds no clear axis in {item.source} (best misfit {estimate.misfit:.2f} of the typical "
                "one); give the offset as a number."
            )
        return estimate

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        angles = torch.arange(24) * (pi / 24)
        s = torch.arange(32) - 15.5 - 2.0  # a disc of radius 6 at (3, 4), the axis two bins off centre
        distance = s - (3 * torch.cos(angles) + 4 * torch.sin(angles))[:, None]
        item = Item("scan", "scan.h5", 2 * (36 - distance**2).clamp_min(0).sqrt(), {"angles": angles})
        yield cls(), item
        yield cls(0.5, "mm", pitch=0.25), item
