"""Blurring with a Gaussian."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from recon.operators.blur import Blur, BlurBoundary
from recon.operators.linear import LinearOperator
from recon.operators.operator import Shape
from recon.operators.psf import gaussian_psf


class GaussianBlur(Blur):
    """:class:`Blur` with h[j] ∝ exp(−Σ_a (j_a − c_a)²/(2σ_a²)), of unit sum, out to 4σ on both sides.

    Parameters
    ----------
    std
        σ > 0 in pixels: one number for all image dimensions, or one each for the last ``len(std)`` dimensions.
    shape
        Shape of one image.
    boundary
        What lies beyond the edges, see :class:`Blur`; ``valid`` keeps the pixels that need nothing from there.
    method
        ``direct``, two short passes of multiply-adds, ``fft``, or the faster of both (``auto``).
    """

    def __init__(
        self,
        std: float | Sequence[float],
        shape: Sequence[int],
        boundary: Literal["circular", "zero", "reflect", "replicate", "valid"] = "circular",
        method: Literal["auto", "fft", "direct"] = "auto",
    ) -> None:
        self.std = float(std) if isinstance(std, (int, float)) else tuple(map(float, std))
        super().__init__(gaussian_psf(std, len(shape)), shape, boundary, method)

    @classmethod
    def domain_shape_for(  # type: ignore[override]
        cls, data_shape: Sequence[int], *, std: float | Sequence[float], boundary: BlurBoundary = "circular", **_: Any
    ) -> Shape:
        """Shape of the images whose blurred data have ``data_shape``."""
        return Blur.domain_shape_for(data_shape, psf=gaussian_psf(std, len(data_shape)), boundary=boundary)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls(0.8, (5, 6))
        yield cls((0.5, 1.0), (2, 5, 9), "valid", "fft")
