"""The orthonormal discrete Fourier transform."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from recon.operators.linear import LinearOperator
from recon.operators.unitary import UnitaryOperator


class Fourier(UnitaryOperator):
    """X[k] = N^{−½} Σ_n x[n] exp(−2πi k·n/N), zero frequency first, along the last dimensions of complex images.

    Parameters
    ----------
    shape
        Shape of one image.
    ndim
        Number of trailing dimensions to transform, N their product of sizes; all by default.
    """

    def __init__(self, shape: Sequence[int], ndim: int | None = None) -> None:
        super().__init__(shape)
        self.dims = trailing_dims(shape, ndim, "Fourier")
        self.domain_field = self.range_field = "complex"

    def apply(self, x: Tensor) -> Tensor:
        spectrum: Tensor = torch.fft.fftn(x, dim=self.dims, norm="ortho")
        return spectrum

    def apply_adjoint(self, y: Tensor) -> Tensor:
        image: Tensor = torch.fft.ifftn(y, dim=self.dims, norm="ortho")
        return image

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls((3, 4))
        yield cls((2, 5), ndim=1)


def trailing_dims(shape: Sequence[int], ndim: int | None, owner: str) -> tuple[int, ...]:
    """The last ``ndim`` dimensions of ``shape`` (all by default), counted from the end."""
    count = len(shape) if ndim is None else ndim
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= len(shape):
        raise ValueError(f"{owner} expects ndim from 1 to {len(shape)} for shape {tuple(shape)}, got {ndim!r}.")
    return tuple(range(-count, 0))
