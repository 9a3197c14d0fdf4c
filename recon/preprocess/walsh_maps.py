"""Coil sensitivities from local correlations of coil images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from recon.files.item import Item
from recon.operators.mri.walsh import walsh_coil_maps
from recon.preprocess.sensitivities import example, require_axes, with_maps
from recon.preprocess.step import Step


@dataclass(frozen=True)
class WalshMaps(Step):
    """``aux["coil_maps"]`` by Walsh's adaptive filter on images of the fully sampled centre of k-space.

    The parameters are those of :func:`recon.operators.mri.walsh.walsh_coil_maps`; Σ_c |S_c|² = 1 where there is signal.

    Parameters
    ----------
    calib_width
        Greatest width of the centre that is used.
    window
        Width of the neighbourhood in pixels, odd.
    crop
        Pixels whose root sum of squares is below this times the largest get maps of zero.
    ndim
        Axes of one image: 2 for k-space ([slices,] coils, ky, kx), 3 for that of volumes, (coils, kz, ky, kx).

    Raises
    ------
    DataError
        If the data is not complex k-space of several coils or has no fully sampled centre.
    """

    names: ClassVar[tuple[str, ...]] = ("walsh_maps",)

    calib_width: int = 24
    window: int = 5
    crop: float = 0.05
    ndim: int = 2

    def __post_init__(self) -> None:
        require_axes(self.ndim, "WalshMaps")

    def __call__(self, item: Item) -> Item:
        settings = (self.calib_width, self.window, self.crop, self.ndim)
        return with_maps(item, "walsh_maps", self.ndim, lambda kspace: walsh_coil_maps(kspace, *settings))

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        yield cls(calib_width=12, window=3), example()
        yield cls(calib_width=6, window=3, ndim=3), example(6)
