"""The position of the rotation axis on the detector."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite, pi
from typing import Any, ClassVar, Literal, NamedTuple

import torch

from recon.files.item import DataError, Item
from recon.preprocess.checks import require_axis, require_real
from recon.preprocess.find_axis import AxisEstimate, find_axis
from recon.preprocess.find_fan_axis import find_fan_axis
from recon.preprocess.step import Step

_UNCLEAR = 0.5


class _Diverging(NamedTuple):
    """Pitch over the distance from source to detector, the detector's form, and its offset in bins."""

    turn: float
    detector: Literal["flat", "curved"]
    offset: float


@dataclass(frozen=True)
class RotationAxis(Step):
    """Locate the rotation axis on the detector; the data stays as it is, the geometry takes the offset.

    With the bins counted 0, 1, ..., K − 1 along the last axis of the data,

        axis_offset_px = (position of the axis in bins) − (K − 1)/2,

    positive where the axis lies towards higher bins; it is written to ``meta``. Seen from the axis the detector is
    shifted the other way, so :class:`~recon.operators.ParallelBeam` takes offset = −axis_offset_px · pitch in mm, which
    a job fills in by itself, or ``geometry.with_axis_at(axis_offset_px + (K − 1)/2)``; for diverging rays a job fills
    in the ``axis_offset`` that puts the axis there.

    Parameters
    ----------
    offset
        A number, or ``"auto"``: found from the data, one axis for all slices; on clean data to better than 0.01 bins,
        with 1 % noise to about 0.05. Of parallel rays over a half or full turn, by
        :func:`recon.preprocess.find_axis.find_axis`; of a fan beam over a full turn, by
        :func:`recon.preprocess.find_fan_axis.find_fan_axis`, with the distances given here or, where none are, those
        of the scan that the item brings. Of the rows of a cone beam the middle one is used, or two.
    unit
        Of a given offset of the axis: ``"px"`` (bins) or ``"mm"``.
    pitch
        Distance of neighbouring bins in mm, as in the geometry; with ``unit: mm`` or ``source_to_detector`` only.
    angle_axis
        The axis of the data along which the projections run.
    source_to_detector
        Distance in mm where rays diverge, for ``"auto"``.
    detector
        Where they do: ``"flat"`` or ``"curved"``.

    Raises
    ------
    DataError
        If the axis lies outside the detector, or, for ``"auto"``, if there are no angles in radians covering half a
        turn (of diverging rays a full one), or no position is clearly better than the others.
    """

    names: ClassVar[tuple[str, ...]] = ("rotation_axis",)

    offset: float | Literal["auto"] = "auto"
    unit: Literal["px", "mm"] = "px"
    pitch: float | None = None
    angle_axis: int = 0
    source_to_detector: float | None = None
    detector: Literal["flat", "curved"] = "flat"

    def __post_init__(self) -> None:
        number = isinstance(self.offset, (int, float)) and not isinstance(self.offset, bool)
        if self.offset != "auto" and not (number and isfinite(self.offset)):
            raise ValueError(f"RotationAxis expects offset 'auto' or a number, got {self.offset!r}.")
        if self.unit not in ("px", "mm"):
            raise ValueError(f"RotationAxis expects unit 'px' or 'mm', got {self.unit!r}.")
        if self.pitch is not None and not (isfinite(self.pitch) and self.pitch > 0):
            raise ValueError(f"RotationAxis expects a positive pitch, got {self.pitch!r}.")
        if self.detector not in ("flat", "curved"):
            raise ValueError(f"RotationAxis expects detector 'flat' or 'curved', got {self.detector!r}.")
        if self.source_to_detector is not None:
            if not (isfinite(self.source_to_detector) and self.source_to_detector > 0):
                raise ValueError(
                    f"RotationAxis expects a positive source_to_detector, got {self.source_to_detector!r}."
                )
            if self.offset != "auto" or self.pitch is None:
                raise ValueError("RotationAxis expects source_to_detector with offset 'auto' and the pitch in mm.")
        elif (self.unit == "mm") != (self.pitch is not None):
            raise ValueError("RotationAxis expects unit 'mm' and the pitch of the bins in mm together.")
        if self.offset == "auto" and self.unit == "mm":
            raise ValueError("RotationAxis finds the offset in bins; give unit and pitch with a number only.")

    def __call__(self, item: Item) -> Item:
        require_real(item, "rotation_axis")
        meta: dict[str, float | str] = {"axis_found_by": "given"}
        if isinstance(self.offset, str):
            rays = self._rays(item)
            offset, misfit = self._estimate(item, rays)
            meta = {"axis_found_by": "auto" if rays is None else "auto, diverging rays", "axis_misfit": misfit}
        else:
            offset = self.offset / self.pitch if self.unit == "mm" and self.pitch else float(self.offset)
        if abs(offset) > item.data.shape[-1] / 2:
            raise DataError(
                f"rotation_axis puts the axis of {item.source} at {offset:.6g} bins from the centre of a detector of "
                f"{item.data.shape[-1]} bins, which is beyond its edge."
            )
        return item.changed(meta={**meta, "axis_offset_px": offset})

    def _rays(self, item: Item) -> _Diverging | None:
        """How rays diverge, as the step or the item says; None for parallel ones."""
        if self.source_to_detector is not None and self.pitch is not None:
            return _Diverging(self.pitch / self.source_to_detector, self.detector, 0.0)
        scan = {} if item.scan is None else item.scan.geometry
        if "source_to_detector" not in scan:
            return None
        if scan.get("helical_pitch"):
            raise DataError(f"rotation_axis cannot find the axis of the helical scan {item.source}; give the offset.")
        pitch, shift = (_last(scan.get(name, default)) for name, default in (("pitch", 1.0), ("offset", 0.0)))
        detector = scan.get("detector", "flat")
        return _Diverging(pitch / _last(scan["source_to_detector"]), detector, shift / pitch)

    def _estimate(self, item: Item, rays: _Diverging | None) -> AxisEstimate:
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
        sinograms = item.data.movedim(axis, -2)
        try:
            if rays is None:
                estimate = find_axis(sinograms, angles)
            else:
                sinograms = sinograms.reshape(-1, *sinograms.shape[-2:])
                middle = sinograms[(len(sinograms) - 1) // 2 : len(sinograms) // 2 + 1]
                estimate = find_fan_axis(middle, angles, rays.turn, rays.detector, rays.offset)
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
        angles = torch.arange(48) * (pi / 24)
        gamma = 0.01 * (torch.arange(32) - 17.5)  # the same disc, 500 bins from the source, which is 300 from the axis
        distance = 300 * gamma.sin() - 3 * torch.cos(angles[:, None] - gamma) - 4 * torch.sin(angles[:, None] - gamma)
        fan = Item("fan", "fan.h5", 2 * (36 - distance**2).clamp_min(0).sqrt(), {"angles": angles})
        yield cls(pitch=1.0, source_to_detector=100.0, detector="curved"), fan


def _last(value: Any) -> float:
    """The number along the bins of a parameter that is one or (along the axis, along the bins)."""
    return float(value[-1] if isinstance(value, Sequence) else value)
