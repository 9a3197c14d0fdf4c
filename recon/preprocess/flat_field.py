"""Flat- and dark-field correction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from recon.files.item import DataError, Item
from recon.preprocess.checks import no_value_range, require_axis, require_real
from recon.preprocess.step import Step


@dataclass(frozen=True)
class FlatField(Step):
    """Counts to transmission, t = (data − d)/(f − d), with f and d the means of the flat and dark frames.

    ``aux["flats"]`` (the open beam) and ``aux["darks"]`` (no beam) are shaped like the data, their frames along the
    axis of the projections, or are one frame without that axis. Both are used up by the step.

    Parameters
    ----------
    axis
        The axis of the data along which the projections run.
    darks
        Whether the detector's dark signal is subtracted; without it d = 0.

    Raises
    ------
    DataError
        If flats or darks are missing or do not fit, or f − d is not positive everywhere.
    """

    names: ClassVar[tuple[str, ...]] = ("flat_field",)

    axis: int = 0
    darks: bool = True

    def __call__(self, item: Item) -> Item:
        require_real(item, "flat_field")
        axis = require_axis(item.data, self.axis, "flat_field", item.source)
        flat, flats = _mean_frame(item, "flats", axis)
        dark, darks = _mean_frame(item, "darks", axis) if self.darks else (torch.zeros_like(flat), 0)
        beam = flat - dark
        bad = int((beam <= 0).sum())
        if bad:
            first = [int(i) for n, i in enumerate((beam <= 0).nonzero()[0]) if n != axis]
            raise DataError(
                f"{item.source} has {bad} of {beam.numel()} detector pixels with flat - dark <= 0, the first at "
                f"{first}: dead pixels, or flats and darks exchanged; crop the pixels away or correct the roles."
            )
        left = {role: array for role, array in item.aux.items() if role not in ("flats", "darks")}
        corrected = ((item.data - dark) / beam).to(item.data.dtype)
        frames = {"flat_frames": flats, "dark_frames": darks, **no_value_range(item)}
        return replace(item, data=corrected, aux=left, meta={**item.meta, **frames})

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        data = torch.arange(12.0).reshape(3, 4) + 1
        yield cls(), Item("scan", "scan.h5", data, {"flats": torch.full((2, 4), 4.0), "darks": torch.full((4,), 0.5)})
        yield cls(axis=1, darks=False), Item("scan", "scan.h5", data, {"flats": torch.full((3, 2), 4.0)})


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
