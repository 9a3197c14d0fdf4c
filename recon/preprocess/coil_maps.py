"""Coil sensitivities from the data themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from recon.files.item import Item
from recon.operators.mri.espirit import estimate_coil_maps
from recon.preprocess.sensitivities import example, require_axes, with_maps
from recon.preprocess.step import Step


@dataclass(frozen=True)
class CoilMaps(Step):
    """``aux["coil_maps"]`` by ESPIRiT from the fully sampled centre of k-space (coils, [kz,] ky, kx).

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
    sets
        How many maps a pixel has, for the operator ``soft_sense``; none for one, without an axis of sets.
    ndim
        Axes of one image: 2 for k-space ([slices,] coils, ky, kx), 3 for that of volumes, (coils, kz, ky, kx).

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
    sets: int | None = None
    ndim: int = 2

    def __post_init__(self) -> None:
        require_axes(self.ndim, "CoilMaps")

    def __call__(self, item: Item) -> Item:
        settings = (self.calib_width, self.kernel_width, self.thresh, self.crop, self.sets, self.ndim)
        return with_maps(item, "coil_maps", self.ndim, lambda kspace: estimate_coil_maps(kspace, *settings))

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        yield cls(calib_width=12, kernel_width=4), example()
        yield cls(calib_width=12, kernel_width=4, sets=2), example()
        yield cls(calib_width=6, kernel_width=3, ndim=3), example(6)
