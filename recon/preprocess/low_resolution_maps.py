"""Coil sensitivities from images of the centre of k-space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from recon.files.item import Item
from recon.operators.mri.low_resolution import low_resolution_coil_maps
from recon.preprocess.sensitivities import example, require_axes, with_maps
from recon.preprocess.step import Step


@dataclass(frozen=True)
class LowResolutionMaps(Step):
    """``aux["coil_maps"]``: images of the sampled centre of k-space over their root sum of squares.

    The parameters are those of :func:`recon.operators.mri.low_resolution.low_resolution_coil_maps`.

    Parameters
    ----------
    calib_width
        Greatest width of the centre that is used.
    crop
        Pixels whose root sum of squares is below this times the largest get maps of zero.
    ndim
        Axes of one image: 2 for k-space ([slices,] coils, ky, kx), 3 for that of volumes, (coils, kz, ky, kx).

    Raises
    ------
    DataError
        If the data is not complex k-space of several coils or has no fully sampled centre.
    """

    names: ClassVar[tuple[str, ...]] = ("low_resolution_maps",)

    calib_width: int = 24
    crop: float = 0.05
    ndim: int = 2

    def __post_init__(self) -> None:
        require_axes(self.ndim, "LowResolutionMaps")

    def __call__(self, item: Item) -> Item:
        settings = (self.calib_width, self.crop, self.ndim)
        return with_maps(
            item, "low_resolution_maps", self.ndim, lambda kspace: low_resolution_coil_maps(kspace, *settings)
        )

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        yield cls(calib_width=12), example()
        yield cls(calib_width=6, ndim=3), example(6)
