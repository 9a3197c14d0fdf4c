"""The orthonormal discrete Hartley transform."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.fourier import trailing_dims
from recon.operators.linear import LinearOperator
from recon.operators.unitary import UnitaryOperator


class Hartley(UnitaryOperator):
    """X[k] = N^{−½} Σ_n x[n] cas(2π k·n/N), cas t = cos t + sin t: real, symmetric, its own inverse.

    Filters whose gain is an even function of frequency are diagonal in this basis, as in Fourier's, without
    complex numbers.

    Parameters
    ----------
    shape
        Shape of one image.
    ndim
        Number of trailing dimensions to transform, N their product of sizes; all by default.

    Source: R. N. Bracewell, J. Opt. Soc. Am. 73 (1983) 1832.
    """

    def __init__(self, shape: Sequence[int], ndim: int | None = None) -> None:
        super().__init__(shape)
        self.dims = trailing_dims(shape, ndim, "Hartley")

    def apply(self, x: Tensor) -> Tensor:
        if x.is_complex():
            return torch.complex(self.apply(x.real), self.apply(x.imag))
        spectrum: Tensor = torch.fft.fftn(x, dim=self.dims, norm="ortho")
        return spectrum.real - spectrum.imag

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self.apply(y)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls((3, 4))
        yield cls((2, 5), ndim=1)
