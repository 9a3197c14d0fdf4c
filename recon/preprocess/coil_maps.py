"""Coil sensitivities from the data themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch

from recon.files.item import DataError, Item
from recon.operators.mri.espirit import estimate_coil_maps
from recon.preprocess.step import Step


@dataclass(frozen=True)
class CoilMaps(Step):
    """``aux["coil_maps"]`` by ESPIRiT from the fully sampled centre of k-space (coils, ky, kx).

    The parameters are those of :func:`recon.operators.mri.espirit.estimate_coil_maps`; the maps have Σ_c |S_c|² = 1
    where there is signal, so that the image is on the scale of the root sum of squares.

    Parameters
    ----------
    calib_width
        Greatest width of the calibration region.
    kernel_width
        Width of the patches in samples.
    thresh
        Relative singular value below which patches count as noise.
    crop
        Eigenvalue below which a pixel gets maps of zero.

    Raises
    ------
    DataError
        If the data is not complex k-space of several coils or has no fully sampled centre.
    """

    names: ClassVar[tuple[str, ...]] = ("coil_maps",)

    calib_width: int = 24
    kernel_width: int = 6
    thresh: float = 0.02
    crop: float = 0.95

    def __call__(self, item: Item) -> Item:
        if item.data.ndim < 3 or not item.data.is_complex():
            kind = "complex" if item.data.is_complex() else "real"
            raise DataError(
                f"coil_maps expects complex k-space (coils, ky, kx), {item.source} is {kind} of shape "
                f"{tuple(item.data.shape)}."
            )
        try:
            maps = estimate_coil_maps(item.data, self.calib_width, self.kernel_width, self.thresh, self.crop)
        except ValueError as error:
            raise DataError(f"{item.source}: {error}") from None
        covered = float((maps.abs().sum(-3) > 0).double().mean())
        return item.changed(aux={"coil_maps": maps}, meta={"coil_maps_cover": covered})

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        y, x = torch.meshgrid(torch.linspace(-1, 1, 16), torch.linspace(-1, 1, 16), indexing="ij")
        coils = torch.stack([1 + 0.5 * x, 1 - 0.5j * y]).to(torch.complex64) * (x**2 + y**2 < 0.5)
        kspace = torch.fft.fftshift(torch.fft.fft2(torch.fft.ifftshift(coils, (-2, -1)), norm="ortho"), (-2, -1))
        yield cls(calib_width=12, kernel_width=4), Item("brain", "brain.npy", kspace)
