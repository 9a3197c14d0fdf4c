"""Which k-space samples were measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch

from recon.files.item import DataError, Item
from recon.preprocess.step import Step


@dataclass(frozen=True)
class SamplingMask(Step):
    """``aux["mask"]``: True at the positions of k-space where any coil holds a number other than zero.

    Parameters
    ----------
    coils
        Whether an axis runs over coils, which share one mask.
    axis
        That axis, counted from the end: -3 for (coils, ky, kx), -4 for volumes.

    Raises
    ------
    DataError
        If the data has too few axes or is zero throughout.
    """

    names: ClassVar[tuple[str, ...]] = ("sampling_mask",)

    coils: bool = True
    axis: int = -3

    def __post_init__(self) -> None:
        if self.axis >= 0:
            raise ValueError(f"SamplingMask expects an axis counted from the end, got {self.axis}.")

    def __call__(self, item: Item) -> Item:
        least = max(3, -self.axis) if self.coils else 2
        if item.data.ndim < least:
            raise DataError(
                f"sampling_mask expects k-space of {least} axes at least, {item.source} has shape "
                f"{tuple(item.data.shape)}; for a single coil set coils: false."
            )
        measured = item.data != 0
        mask = measured.any(self.axis) if self.coils else measured
        if not bool(mask.any()):
            raise DataError(f"{item.source} is zero throughout, so nothing was measured.")
        return item.changed(aux={"mask": mask}, meta={"sampled": float(mask.double().mean())})

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        kspace = torch.tensor([[[1.0, 0, 0]], [[0, 0, 2.0]]], dtype=torch.complex64)
        yield cls(), Item("brain", "brain.npy", kspace)
        yield cls(coils=False), Item("brain", "brain.npy", kspace[0])
        yield cls(axis=-4), Item("brain", "brain.npy", kspace[:, None])
