"""Fractional derivatives and integrals, diagonal in the Fourier basis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import pi
from numbers import Real

import torch

from recon.operators.circulant import Circulant
from recon.operators.linear import LinearOperator
from recon.operators.tensors import is_number


class BesselPotential(Circulant):
    """(1 − Δ)^{s/2} on periodic images, the Fourier multiplier (1 + |ξ|²)^{s/2}: ‖V·‖₂ is the norm of Hˢ.

    ξ = 2πk/(N h) is the angular frequency, in radians per unit of length, of bin k of N samples at a spacing h. A
    positive s weighs high frequencies more, a negative one less. Self-adjoint and injective.

    Parameters
    ----------
    shape
        Shape of one image.
    order
        s.
    spacing
        h > 0, in the unit of length that 1 in 1 + |ξ|² is measured by (mm for CT): a number, or one per axis.
    dims
        How many of the last dimensions it acts along, all if omitted; others are independent: 1 for the bins of a
        sinogram.

    Source: N. Aronszajn and K. T. Smith, Ann. Inst. Fourier 11 (1961) 385.
    """

    def __init__(
        self,
        shape: Sequence[int],
        order: float,
        spacing: float | Sequence[float] = 1.0,
        dims: int | None = None,
    ) -> None:
        count = len(shape) if dims is None else dims
        if not 1 <= count <= len(shape):
            raise ValueError(f"BesselPotential expects dims between 1 and {len(shape)}, got {dims!r}.")
        if not (is_number(order) and abs(order) < float("inf")):
            raise ValueError(f"BesselPotential expects a finite order, got {order!r}.")
        steps = (float(spacing),) * count if isinstance(spacing, Real) else tuple(float(h) for h in spacing)  # type: ignore[union-attr]
        if len(steps) != count or not all(0 < h < float("inf") for h in steps):
            raise ValueError(f"BesselPotential expects spacing > 0, one number or {count}, got {spacing!r}.")
        self.order, self.spacing = float(order), steps
        sizes = tuple(shape)[-count:]
        grids = torch.meshgrid(
            *(2 * pi * torch.fft.fftfreq(n, h, dtype=torch.float64) for n, h in zip(sizes, steps, strict=True)),
            indexing="ij",
        )
        multiplier = (1 + torch.stack([xi.square() for xi in grids]).sum(0)) ** (self.order / 2)
        super().__init__(torch.fft.ifftn(multiplier).real, shape)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls((4, 5), 1.5, (0.5, 2.0))
        yield cls((2, 6), -0.5, dims=1)
