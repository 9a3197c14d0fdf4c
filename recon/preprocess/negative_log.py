"""From transmission to line integrals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

import torch

from recon.files.item import DataError, Item
from recon.preprocess.checks import no_value_range, require_real
from recon.preprocess.step import Step


@dataclass(frozen=True)
class NegativeLog(Step):
    """Line integrals of attenuation by Beer and Lambert's law, p = −log(max(t, floor)), t = data/incident.

    The image is then attenuation per unit of length of the geometry, 1/mm. How many values were raised to the floor is
    counted in ``meta["floored"]``.

    Parameters
    ----------
    floor
        Smallest transmission taken for real, between 0 and 1: noise can bring t to zero and below behind dense parts.
    incident
        Counts without an object, for data that has not been flat-field corrected.

    Raises
    ------
    DataError
        If more than half of the values lie below the floor, or more than half above 2: counts, not transmission.
    """

    names: ClassVar[tuple[str, ...]] = ("negative_log",)

    floor: float = 1e-6
    incident: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.floor < 1:
            raise ValueError(f"NegativeLog expects 0 < floor < 1, got {self.floor!r}.")
        if not (isfinite(self.incident) and self.incident > 0):
            raise ValueError(f"NegativeLog expects a positive incident, got {self.incident!r}.")

    def __call__(self, item: Item) -> Item:
        require_real(item, "negative_log")
        t = item.data / self.incident
        total, low, high = t.numel(), int((t < self.floor).sum()), int((t > 2).sum())
        if low > total / 2:
            raise DataError(
                f"{item.source} has {low} of {total} transmission values below the floor {self.floor:g}; check that "
                "flat_field comes first and that flats and darks are not exchanged."
            )
        if high > total / 2:
            raise DataError(
                f"{item.source} has {high} of {total} values above 2, which are counts and not transmission; put "
                "flat_field first, or give negative_log the incident counts."
            )
        p = -torch.log(t.clamp_min(self.floor))
        return item.changed(data=p, units="1/mm", meta={"floored": low, **no_value_range(item)})

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        yield cls(), Item("scan", "scan.h5", torch.tensor([[0.5, 1.0, 0.0]]))
        yield cls(floor=1e-3, incident=1e4), Item("scan", "scan.h5", torch.tensor([[5000.0, 1e4, 1.0]]))
