"""Flat- and dark-field correction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.files.item import DataError, Item
from recon.preprocess.checks import no_value_range, require_axis, require_real
from recon.preprocess.fill_bins import fill_bins
from recon.preprocess.step import Step


@dataclass(frozen=True)
class FlatField(Step):
    """Counts to transmission, t = (data − d)/(f − d), with f and d the means of the flat and dark frames.

    ``aux["flats"]`` (the open beam) and ``aux["darks"]`` (no beam) are shaped like the data, their frames along the
    axis of the projections, or are one frame without that axis. Where there are ``aux["flats_after"]`` too, taken when
    the scan was over, the beam drifts from the mean f₀ of the former to the mean f₁ of the latter: at projection j of
    n, f = f₀ + (j + ½)/n · (f₁ − f₀). All are used up by the step.

    Parameters
    ----------
    axis
        The axis of the data along which the projections run.
    darks
        Whether the detector's dark signal is subtracted; without it d = 0.
    dead
        What to do about pixels with f − d ≤ 0: ``"refuse"``, or ``"interpolate"`` the transmission there from the
        nearest live pixels along the last axis; how many is counted in ``meta["dead_pixels"]``.

    Raises
    ------
    DataError
        If flats or darks are missing or do not fit, or f − d is not positive everywhere (with ``"interpolate"``: along
        a whole row).
    """

    names: ClassVar[tuple[str, ...]] = ("flat_field",)

    axis: int = 0
    darks: bool = True
    dead: Literal["refuse", "interpolate"] = "refuse"

    def __post_init__(self) -> None:
        if self.dead not in ("refuse", "interpolate"):
            raise ValueError(f"FlatField expects dead 'refuse' or 'interpolate', got {self.dead!r}.")

    def __call__(self, item: Item) -> Item:
        require_real(item, "flat_field")
        axis = require_axis(item.data, self.axis, "flat_field", item.source)
        flat, flats = _mean_frame(item, "flats", axis)
        dark, darks = _mean_frame(item, "darks", axis) if self.darks else (torch.zeros_like(flat), 0)
        frames = {"flat_frames": flats, "dark_frames": darks, **no_value_range(item)}
        beam = flat - dark
        bad = ~(beam > 0)
        if "flats_after" in item.aux:
            after, frames["flat_frames_after"] = _mean_frame(item, "flats_after", axis)
            bad |= ~(after - dark > 0)
            beam = beam + _moments(item.data, axis) * (after - flat)
        count = int(bad.sum())
        if count and self.dead == "refuse":
            first = [int(i) for n, i in enumerate(bad.nonzero()[0]) if n != axis]
            raise DataError(
                f"{item.source} has {count} of {bad.numel()} detector pixels with flat - dark <= 0, the first at "
                f"{first}: dead pixels, or flats and darks exchanged; crop the pixels away, set dead: interpolate, or "
                "correct the roles."
            )
        corrected = (item.data - dark) / torch.where(bad, 1.0, beam)
        if self.dead == "interpolate":
            frames["dead_pixels"] = count
            corrected = _filled(corrected, bad, axis, item.source)
        left = {role: array for role, array in item.aux.items() if role not in ("flats", "flats_after", "darks")}
        return replace(item, data=corrected.to(item.data.dtype), aux=left, meta={**item.meta, **frames})

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        data = torch.arange(12.0).reshape(3, 4) + 1
        yield cls(), Item("scan", "scan.h5", data, {"flats": torch.full((2, 4), 4.0), "darks": torch.full((4,), 0.5)})
        yield cls(axis=1, darks=False), Item("scan", "scan.h5", data, {"flats": torch.full((3, 2), 4.0)})
        drift = {"flats": torch.tensor([4.0, 4.0, 0.0, 4.0]), "flats_after": torch.tensor([5.0, 5.0, 0.0, 5.0])}
        yield cls(darks=False, dead="interpolate"), Item("scan", "scan.h5", data, drift)


def _moments(data: Tensor, axis: int) -> Tensor:
    """When each projection was taken, from 0 to 1, along the axis of the projections."""
    count = data.shape[axis]
    shape = [count if n == axis else 1 for n in range(data.ndim)]
    return ((torch.arange(count, dtype=torch.float64) + 0.5) / count).reshape(shape)


def _filled(corrected: Tensor, bad: Tensor, axis: int, source: str) -> Tensor:
    """Dead pixels interpolated along the last axis, row by row of the detector."""
    if axis == corrected.ndim - 1 and bool(bad.any()):
        raise DataError(
            f"flat_field interpolates dead pixels along the last axis, which of {source} is not the detector."
        )
    rows = corrected.movedim(axis, -2).clone()
    for index in bad.movedim(axis, -2).any(-1).nonzero().tolist():
        place = tuple(index[:-1])
        mask = bad.movedim(axis, -2)[(*place, 0)]
        if bool(mask.all()):
            raise DataError(f"{source} has a whole row {list(place)} of dead pixels; crop it away.")
        rows[place] = torch.from_numpy(fill_bins(rows[place].numpy(), mask.numpy()))
    return rows.movedim(-2, axis).contiguous()


def _mean_frame(item: Item, role: str, axis: int) -> tuple[Tensor, int]:
    """The mean frame, its axis of projections kept with length 1, and how many frames there were."""
    frames = item.array(role)
    if frames.is_complex():
        raise DataError(f"flat_field expects real {role}, those of {item.source} are complex.")
    shape = tuple(item.data.shape)
    single = (*shape[:axis], *shape[axis + 1 :])
    if tuple(frames.shape) == single:
        return frames.double().unsqueeze(axis), 1
    if frames.ndim != item.data.ndim or (*frames.shape[:axis], *frames.shape[axis + 1 :]) != single:
        raise DataError(
            f"{item.source} has data of shape {shape}, so flat_field expects {role} of shape {single} or with frames "
            f"along axis {axis}, got {tuple(frames.shape)}."
        )
    return frames.double().mean(axis, keepdim=True), frames.shape[axis]
