"""Filtered backprojection."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, hypot, pi
from typing import ClassVar, Literal

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from recon.operators.ct.angular_weights import angular_weights
from recon.operators.ct.kernels.items import on_items
from recon.operators.ct.kernels.parallel import parallel_backproject, parallel_project
from recon.operators.ct.kernels.views import STEP, parallel_views
from recon.operators.ct.parallel_beam import ParallelBeam
from recon.operators.ct.ramp import ramp_response, window
from recon.operators.ct.ray_transform import RayTransform
from recon.operators.ct.volume import Volume
from recon.operators.linear import LinearOperator


class FilteredBackprojection(LinearOperator):
    """x(r) = Σₐ wₐ qₐ(x cos θₐ + y sin θₐ), the filtered views qₐ = τ h ∗ yₐ read at every pixel and summed.

    ``(*batch, angles, bins)`` to ``(*batch, rows, columns)``; line integrals of an image in 1/mm come back in 1/mm.
    h is the spatial ramp of :func:`~recon.operators.ct.ramp.ramp_response` for bins τ apart; the convolution is
    linear, not circular, and goes on past the ends of the detector as far as the image reaches. The weights wₐ of
    :func:`~recon.operators.ct.angular_weights.angular_weights` suit angles in any order, over π or 2π, evenly
    spaced or not. Views are resampled by 6-point interpolation to two points a pixel and read linearly between
    those; the filter makes up for the mean loss of that, sinc²(fd/2) for pixels d apart. Where a pixel side Δ
    exceeds τ, views are averaged over a side √(Δ² − τ²), so that with the width of the bins a coarse pixel gets
    its mean and does not alias. The operator is linear with an exact adjoint and can be differentiated.

    Parameters
    ----------
    ray_transform
        The projector whose geometry and pixel grid are meant.
    filter
        Window on the ramp, one of those of :func:`~recon.operators.ct.ramp.window`.
    cutoff
        Highest frequency that passes, where the window ends, as a fraction of the detector's Nyquist frequency 1/(2τ).

    Errors: ValueError for an unknown filter or a cutoff outside (0, 1].
    """

    names: ClassVar[tuple[str, ...]] = ("filtered_backprojection", "fbp")

    def __init__(
        self,
        ray_transform: RayTransform,
        filter: Literal["ram-lak", "shepp-logan", "cosine", "hamming", "hann"] = "ram-lak",
        cutoff: float = 1.0,
    ) -> None:
        if not isinstance(ray_transform, RayTransform):
            raise TypeError(f"FilteredBackprojection expects a RayTransform, got {type(ray_transform).__name__}.")
        if not 0 < cutoff <= 1:
            raise ValueError(f"FilteredBackprojection expects a cutoff in (0, 1], got {cutoff!r}.")
        super().__init__(ray_transform.range_shape, ray_transform.domain_shape)
        self.ray_transform, self.filter, self.cutoff = ray_transform, filter, float(cutoff)
        geometry, volume = ray_transform.geometry, ray_transform.volume
        self._beyond = _bins_beyond(volume, geometry)
        wide = ParallelBeam(geometry.angles, geometry.bins + 2 * self._beyond, geometry.pitch, geometry.offset)
        self._views = parallel_views(volume, wide)
        self._length = int(next_fast_len(2 * wide.bins, real=True))
        frequency = torch.fft.rfftfreq(self._length, dtype=torch.float64)  # cycles per bin
        along = self._views[:, STEP, None].abs().reciprocal()  # bins from one pixel of a sheared row to the next
        response = ramp_response(self._length, geometry.pitch) * window(filter, 2 * frequency / self.cutoff)
        response = response / torch.sinc((frequency * along / 2).clamp(max=0.25)).square()
        theta = torch.tensor(geometry.angles, dtype=torch.float64)[:, None]
        for spacing, part in zip(volume.spacing, (torch.sin(theta), torch.cos(theta)), strict=True):
            wider = max(0.0, (spacing / geometry.pitch) ** 2 - 1) ** 0.5
            response = response * torch.sinc(frequency * wider * part)
        self.response = angular_weights(geometry.angles)[:, None] * response

    def apply(self, x: Tensor) -> Tensor:
        rows, columns = self.range_shape

        def reconstruct(sinogram: Tensor) -> Tensor:
            padded = torch.nn.functional.pad(sinogram, (self._beyond, self._beyond))
            image: Tensor = parallel_backproject(self._filter(padded), self._views, rows, columns, "pixel")
            return image

        return on_items(reconstruct, x)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        bins = self.ray_transform.geometry.bins

        def transpose(image: Tensor) -> Tensor:
            wide = parallel_project(image, self._views, bins + 2 * self._beyond, "pixel")
            return self._filter(wide).narrow(-1, self._beyond, bins)

        return on_items(transpose, y)

    def _filter(self, sinogram: Tensor) -> Tensor:
        """Convolve each view with its even kernel, and so with its transpose."""
        spectrum = torch.fft.rfft(sinogram, n=self._length) * self.constant("response", sinogram)
        filtered: Tensor = torch.fft.irfft(spectrum, n=self._length)[..., : sinogram.shape[-1]]
        return filtered

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        turn = ParallelBeam([pi * a / 9 for a in range(9)], 13)
        yield cls(RayTransform(Volume((8, 8)), turn))
        yield cls(RayTransform(Volume((8, 8)), turn, model="joseph"), filter="hann", cutoff=0.8)
        skew = ParallelBeam([2.4, -0.3, 0.9, 5.1], 10, pitch=1.5, offset=-0.8)
        yield cls(RayTransform(Volume((7, 12), spacing=(1.3, 0.8), offset=(0.4, -1.1)), skew), filter="shepp-logan")


def _bins_beyond(volume: Volume, geometry: ParallelBeam) -> int:
    """Bins to add at each end of the detector so that every pixel projects onto it in every view."""
    reach = hypot(*(abs(o) + n * h / 2 for n, h, o in zip(volume.shape, volume.spacing, volume.offset, strict=True)))
    return max(0, ceil((reach + abs(geometry.offset)) / geometry.pitch - (geometry.bins - 1) / 2)) + 3
