"""Virtual coils."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.files.item import DataError, Item
from recon.operators.mri.coil_compression import coil_compression, geometric_coil_compression
from recon.operators.mri.fourier import centred_fft, centred_ifft
from recon.preprocess.coil_mixing import coil_axis, mixed, mixed_along
from recon.preprocess.readouts import require_kspace, require_whole_readouts
from recon.preprocess.step import Step


@dataclass(frozen=True)
class CompressCoils(Step):
    """Fewer coils, combinations of those measured that hold most of the energy.

    ``"svd"`` takes the principal components of all samples, for any k-space; ``"geometric"`` those at each place along
    the readout of Cartesian k-space, aligned from place to place: as few coils hold more. White noise stays white, so
    it is whitened before (``prewhiten``). One set of combinations serves all frames and slices of an item. Coil maps
    are combined alike, and the array ``noise`` by ``"svd"``; ``"geometric"`` takes it away.

    Parameters
    ----------
    coils
        How many are left; or
    tolerance
        as few as lose no more than this share of the energy.
    method
        ``"svd"`` or ``"geometric"``.
    axis
        The axis of the coils: -3, and -4 for volumes.
    readout
        The axis of the readout, for ``"geometric"``.

    Raises
    ------
    DataError
        If the data are not complex k-space of so many coils, or ``"geometric"`` finds readouts sampled in part.

    Sources: F. Huang et al., Magn. Reson. Imaging 26 (2008) 133; T. Zhang et al., Magn. Reson. Med. 69 (2013) 571.
    """

    names: ClassVar[tuple[str, ...]] = ("compress_coils",)

    coils: int | None = None
    tolerance: float | None = None
    method: Literal["svd", "geometric"] = "svd"
    axis: int = -3
    readout: int = -1

    def __post_init__(self) -> None:
        if (self.coils is None) == (self.tolerance is None):
            raise ValueError("CompressCoils expects either a number of coils or a tolerance such as 0.01.")
        if self.coils is not None and self.coils < 1:
            raise ValueError(f"CompressCoils expects at least one of coils, got {self.coils}.")
        if self.tolerance is not None and not 0 <= self.tolerance < 1:
            raise ValueError(f"CompressCoils expects a tolerance from 0 to 1, got {self.tolerance!r}.")
        if self.method not in ("svd", "geometric"):
            raise ValueError(f"CompressCoils expects the method 'svd' or 'geometric', got {self.method!r}.")
        if self.readout >= 0 or self.readout == self.axis:
            raise ValueError(f"CompressCoils expects a readout axis of its own from the end, got {self.readout}.")

    def __call__(self, item: Item) -> Item:
        require_kspace(item, "compress_coils", 2)
        count = coil_axis(item, self.axis, "compress_coils")
        if self.method == "geometric":
            require_whole_readouts(item, self.readout, "compress_coils by 'geometric'", "take the method svd")
        if not bool(torch.isfinite(torch.view_as_real(item.data)).all()) or not bool(item.data.any()):
            raise DataError(f"compress_coils expects finite k-space other than zero, {item.source} has none.")
        if self.coils is not None and self.coils > count:
            raise DataError(f"compress_coils cannot make {self.coils} of the {count} coils of {item.source}.")
        arrays = self._svd(item) if self.method == "svd" else self._geometric(item)
        before, after = _energy(item.data), _energy(arrays["data"])
        notes = {"of": count, "coils": arrays["data"].shape[self.axis], "energy": after / before}
        left = {role: array for role, array in item.aux.items() if role != "noise" or self.method == "svd"}
        return replace(item, aux=left).with_arrays(arrays).changed(meta={"virtual_coils": notes})

    def _svd(self, item: Item) -> dict[str, Tensor]:
        matrix = coil_compression(item.data.movedim(self.axis, 0), self.coils, self.tolerance)
        arrays = {"data": mixed(item.data, matrix, self.axis)}
        if "coil_maps" in item.aux:
            arrays["coil_maps"] = mixed(item.aux["coil_maps"], matrix, self.axis)
        if "noise" in item.aux:
            arrays["noise"] = mixed(item.aux["noise"], matrix, -item.aux["noise"].ndim)
        return arrays

    def _geometric(self, item: Item) -> dict[str, Tensor]:
        axis, last = self.axis, self.readout
        kspace = item.data.movedim((axis, last), (0, -1))
        matrices = geometric_coil_compression(kspace, self.coils, self.tolerance)
        hybrid = centred_ifft(item.data.movedim(last, -1), 1).movedim(-1, last)
        mixture = mixed_along(hybrid, matrices, axis, last)
        arrays = {"data": centred_fft(mixture.movedim(last, -1), 1).movedim(-1, last).contiguous()}
        maps = item.aux.get("coil_maps")
        if maps is not None:
            n0, nx = len(matrices), maps.shape[last]
            if nx != n0:
                raise DataError(f"{item.source} has readouts of {n0} samples, but coil_maps of {nx} pixels.")
            arrays["coil_maps"] = mixed_along(maps, matrices, axis, last)
        return arrays

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        generator = torch.Generator().manual_seed(0)
        kspace = torch.randn(4, 6, 5, dtype=torch.complex64, generator=generator)
        maps = torch.ones(4, 6, 5, dtype=torch.complex64)
        noise = torch.randn(4, 9, dtype=torch.complex64, generator=generator)
        item = Item("brain", "brain.h5", kspace, {"coil_maps": maps, "noise": noise})
        yield cls(2), item
        yield cls(tolerance=0.3), item
        yield cls(2, method="geometric"), item


def _energy(kspace: Tensor) -> float:
    return float(torch.linalg.vector_norm(kspace)) ** 2
