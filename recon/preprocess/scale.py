"""Data on a scale where regularisation weights keep their meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from recon.files.item import DataError, Item
from recon.preprocess.step import Step


@dataclass(frozen=True)
class Scale(Step):
    """Multiply data and truth by a factor, given or such that a percentile of the magnitudes becomes 1.

    The factor is kept in ``meta["scale"]`` (the product, where the step occurs twice). Every linear operator carries it
    over to the image, so :meth:`recon.files.item.Item.restored` takes a result back to the original units, and the
    program does so before it writes anything.

    Parameters
    ----------
    factor
        The factor itself; leave it out to use ``percentile``.
    percentile
        Between 0 and 100.
    of
        Whose magnitudes: ``"data"``, or ``"zero_filled"`` for k-space (..., coils, ky, kx) or (ky, kx): the root sum of
        squares over the coils of the centred orthonormal inverse Fourier transform, which has the scale of the image.

    Raises
    ------
    DataError
        If the percentile is zero, or ``"zero_filled"`` meets k-space with a trajectory.
    """

    names: ClassVar[tuple[str, ...]] = ("scale",)

    factor: float | None = None
    percentile: float | None = None
    of: Literal["data", "zero_filled"] = "data"

    def __post_init__(self) -> None:
        if (self.factor is None) == (self.percentile is None):
            raise ValueError("Scale expects either a factor or a percentile.")
        if self.factor is not None and not (isfinite(self.factor) and self.factor > 0):
            raise ValueError(f"Scale expects a positive factor, got {self.factor!r}.")
        if self.percentile is not None and not 0 <= self.percentile <= 100:
            raise ValueError(f"Scale expects a percentile between 0 and 100, got {self.percentile!r}.")
        if self.of not in ("data", "zero_filled"):
            raise ValueError(f"Scale expects of 'data' or 'zero_filled', got {self.of!r}.")

    def __call__(self, item: Item) -> Item:
        factor = self._factor(item)
        truth = None if item.truth is None else item.truth * factor
        total = float(item.meta.get("scale", 1.0)) * factor
        return item.changed(data=item.data * factor, truth=truth, meta={"scale": total})

    def _factor(self, item: Item) -> float:
        if self.factor is not None:
            return self.factor
        if self.of == "zero_filled" and "trajectory" in item.aux:
            raise DataError(
                f"scale of zero_filled takes Cartesian k-space, {item.source} has a trajectory; scale it of: data."
            )
        magnitudes = zero_filled(item.data) if self.of == "zero_filled" else item.data.abs()
        level = float(np.percentile(magnitudes.numpy(), self.percentile or 0.0))
        if not level > 0:
            raise DataError(f"Percentile {self.percentile} of {item.source} is zero and sets no scale; raise it.")
        return 1 / level

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        item = Item("scan", "scan.h5", torch.arange(20.0).reshape(4, 5), truth=torch.arange(9.0).reshape(3, 3))
        yield cls(0.25), item
        yield cls(percentile=99), item
        kspace = torch.polar(torch.ones(2, 4, 5), torch.arange(40.0).reshape(2, 4, 5))
        yield cls(percentile=99, of="zero_filled"), Item("brain", "brain.h5", kspace)


def zero_filled(kspace: Tensor) -> Tensor:
    """Magnitude image of (..., coils, ky, kx) or (ky, kx), missing samples taken as zero."""
    if kspace.ndim < 2:
        raise DataError(
            f"A zero-filled image needs k-space of two dimensions at least, got shape {tuple(kspace.shape)}."
        )
    axes = (-2, -1)
    centred = torch.fft.ifftshift(kspace, dim=axes)
    image = torch.fft.fftshift(torch.fft.ifft2(centred, norm="ortho"), dim=axes)
    magnitude: Tensor = torch.linalg.vector_norm(image, dim=-3) if kspace.ndim > 2 else image.abs()
    return magnitude
