"""Readouts without their oversampling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

import torch
from torch import Tensor

from recon.files.item import DataError, Item
from recon.operators.mri.fourier import centred_fft, centred_ifft
from recon.preprocess.readouts import require_kspace, require_whole_readouts
from recon.preprocess.step import Step


@dataclass(frozen=True)
class RemoveOversampling(Step):
    """Crop the field of view along the readout: k-space becomes F P_n F⁻¹ y, P_n the middle n = n0/factor of n0 pixels.

    Exact for objects within that field: transforms are orthonormal, so that image values and the standard deviation of
    white noise stay. Coil maps and a truth of n0 pixels are cropped, and masks of lines. ``meta`` keeps the factor.

    Parameters
    ----------
    factor
        n0/n; by default that of the encoded to the reconstructed field of view in the file's header.
    axis
        The axis of the readout: -1, and -2 in fastMRI's files.

    Raises
    ------
    DataError
        If readouts were sampled in part, the factor is not known, leaves no whole number, or was removed already.
    """

    names: ClassVar[tuple[str, ...]] = ("remove_oversampling",)

    factor: float | None = None
    axis: int = -1

    def __post_init__(self) -> None:
        if self.factor is not None and not (isfinite(self.factor) and self.factor >= 1):
            raise ValueError(f"RemoveOversampling expects a factor of at least 1, got {self.factor!r}.")
        if self.axis >= 0:
            raise ValueError(f"RemoveOversampling expects an axis counted from the end, got {self.axis}.")

    def __call__(self, item: Item) -> Item:
        require_kspace(item, "remove_oversampling", 2)
        advice = "leave the step out, and give cartesian_mri its oversampling instead"
        require_whole_readouts(item, self.axis, "remove_oversampling", advice)
        if "oversampling_removed" in item.meta:
            raise DataError(f"{item.source} has lost its oversampling already; leave one remove_oversampling out.")
        n0, factor = item.data.shape[self.axis], self._factor(item)
        n = round(n0 / factor)
        if n < 1 or abs(n * factor - n0) > 1e-3 * factor:
            raise DataError(f"{item.source} has readouts of {n0} samples, which {factor:g} does not divide.")
        arrays = {"data": self._cropped(item.data, n)}
        for role in ("coil_maps", "truth"):
            image = item.truth if role == "truth" else item.aux.get(role)
            if image is not None and image.shape[self.axis] == n0:
                arrays[role] = _middle(image, self.axis, n)
        mask = item.aux.get("mask")
        if mask is not None and mask.ndim >= -self.axis and mask.shape[self.axis] == n0:
            arrays["mask"] = mask.narrow(self.axis, 0, n)
        return item.with_arrays(arrays).changed(meta={"oversampling_removed": factor})

    def _factor(self, item: Item) -> float:
        if self.factor is not None:
            return self.factor
        factor = item.meta.get("mri", {}).get("oversampling")
        if factor is None:
            raise DataError(f"{item.source} does not tell its oversampling; give remove_oversampling the factor.")
        return float(factor)

    def _cropped(self, kspace: Tensor, n: int) -> Tensor:
        hybrid = centred_ifft(kspace.movedim(self.axis, -1), 1)
        return centred_fft(_middle(hybrid, -1, n), 1).movedim(-1, self.axis).contiguous()

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        kspace = torch.polar(torch.ones(2, 4, 6), torch.arange(48.0).reshape(2, 4, 6))
        lines = torch.tensor([True, False, True, True])[:, None].expand(4, 6)
        maps = torch.ones(2, 4, 6, dtype=torch.complex64)
        item = Item("brain", "brain.h5", kspace * lines, {"mask": lines, "coil_maps": maps}, truth=torch.ones(4, 6))
        yield cls(2), item
        yield cls(axis=-2), Item("knee", "knee.h5", kspace, meta={"mri": {"oversampling": 2.0}})


def _middle(image: Tensor, axis: int, n: int) -> Tensor:
    n0 = image.shape[axis]
    return image.narrow(axis, n0 // 2 - n // 2, n).contiguous()
