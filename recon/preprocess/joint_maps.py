"""Coil sensitivities estimated together with the image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, inf, sqrt
from typing import ClassVar

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from recon.files.item import Item
from recon.operators.mri.calibration import sampling_mask
from recon.operators.mri.coil_vectors import item_by_item
from recon.operators.mri.joint_sense import JointSENSE
from recon.operators.tensors import checked_count
from recon.preprocess.sensitivities import example, require_axes, with_maps
from recon.preprocess.step import Step
from recon.solvers import GaussNewton, MaxIter, Problem

_SIZE = 100.0
"""Norm that data are scaled to, so that the first penalty α = 1 suits them."""
_NEGLIGIBLE = 1e-6
"""Weight of the maps' frequencies below which there are none."""
_LEAST = 24
"""Samples along an axis that are taken at least."""


@dataclass(frozen=True)
class JointMaps(Step):
    """``aux["coil_maps"]`` by nonlinear inversion: maps and an image that together explain k-space.

    Iteratively regularised Gauss-Newton on :class:`recon.operators.mri.joint_sense.JointSENSE` from an image of ones,
    data of norm 100, the penalty 1 at first and halved at every step. It needs no calibration region, only samples that
    are dense enough about the centre, and gives maps everywhere.

    Maps have no frequencies to speak of beyond the |k| = h at which their weight falls to 10⁻⁶, by default 0.08 cycles
    per pixel. Samples up to 2h off the centre are used along each axis, and 24 at least.

    Parameters
    ----------
    iterations
        Steps of Gauss and Newton; more fit the data the better and take up the more noise.
    smoothness, order
        a and b of the weights (1 + a|k|²)^{−b/2} of the maps' spectra, k in cycles per pixel.
    ndim
        Axes of one image: 2 for k-space ([slices,] coils, ky, kx), 3 for that of volumes, (coils, kz, ky, kx).

    Raises
    ------
    DataError
        If the data is not complex k-space of several coils.

    Source: M. Uecker et al., Magn. Reson. Med. 60 (2008) 674.
    """

    names: ClassVar[tuple[str, ...]] = ("joint_maps",)

    iterations: int = 10
    smoothness: float = 220.0
    order: float = 32.0
    ndim: int = 2

    def __post_init__(self) -> None:
        require_axes(self.ndim, "JointMaps")
        checked_count(self.iterations, "JointMaps", "iterations")

    def __call__(self, item: Item) -> Item:
        return with_maps(
            item, "joint_maps", self.ndim, lambda kspace: item_by_item(kspace, self._maps, "joint_maps", self.ndim)
        )

    def _maps(self, kspace: Tensor) -> Tensor:
        shape = kspace.shape[1:]
        widths = self._widths(shape)
        starts = [n // 2 - width // 2 for n, width in zip(shape, widths, strict=True)]
        centre = kspace[(slice(None), *(slice(i, i + width) for i, width in zip(starts, widths, strict=True)))]
        size = torch.linalg.vector_norm(centre)
        if not bool(size > 0):
            raise ValueError("joint_maps expects samples other than zero about the centre of k-space.")
        smoothness = [self.smoothness * (width / n) ** 2 for n, width in zip(shape, widths, strict=True)]
        A = JointSENSE(sampling_mask(centre), len(centre), widths, smoothness, self.order)
        data = centre * (_SIZE / size)
        solver = GaussNewton(stop=MaxIter(self.iterations), alpha=1.0, decay=0.5, inner_tol=0.01)
        return A.coil_maps(solver.solve(Problem(A, data), A.initial(data)).image, shape)

    def _widths(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Samples to take along each axis."""
        reach = inf
        if self.smoothness > 0 and self.order > 0:
            reach = sqrt((_NEGLIGIBLE ** (-2 / self.order) - 1) / self.smoothness)
        return tuple(min(n, max(_LEAST, next_fast_len(ceil(min(4 * reach, 1) * n)))) for n in shape)

    @classmethod
    def examples(cls) -> Iterator[tuple[Step, Item]]:
        yield cls(iterations=3), example()
        yield cls(iterations=3, ndim=3), example(6)
