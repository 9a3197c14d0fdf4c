"""Covariance matrices in the basis in which they are diagonal."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from recon.operators.operator import Shape
from recon.operators.tensors import fixed, item_sum, matching_dtype

LARGEST = 4096
"""Largest dimension for which a dense covariance is formed."""


class Covariance:
    """C = Q diag(λ) Qᴴ with λ ≥ 0 on images of one shape.

    Q is the identity (independent pixels), the orthonormal Fourier transform (stationary, periodic), or a dense
    unitary matrix on flattened images. Functions of C act as Q f(λ) Qᴴ.

    Parameters
    ----------
    eigenvalues
        λ: of the images' shape, or broadcasting against them where Q is the identity; flat where Q is dense.
    basis
        ``"pixels"``, ``"fourier"`` or a dense (d, d) matrix with the eigenvectors as columns.
    shape
        Shape of one image; None where any will do, which needs the pixel basis.
    """

    def __init__(self, eigenvalues: Tensor, basis: str | Tensor, shape: Shape | None) -> None:
        self.eigenvalues, self.basis, self.shape = eigenvalues, basis, shape

    @classmethod
    def from_std(cls, std: float | Tensor, shape: Shape | None, owner: str) -> Covariance:
        """Independent pixels of standard deviation ``std`` ≥ 0."""
        std = in_double(std, owner, "std")
        if bool((std < 0).any()):
            raise ValueError(f"{owner} expects std >= 0, got {float(std.min()):.4g}.")
        return cls(std.square(), "pixels", shape)

    @classmethod
    def from_spectrum(cls, spectrum: Tensor, shape: Shape, owner: str) -> Covariance:
        """A stationary periodic field whose covariance has the eigenvalues ``spectrum``, laid out as by ``fftn``."""
        spectrum = in_double(spectrum, owner, "spectrum")
        if spectrum.is_complex() or tuple(spectrum.shape) != shape:
            raise ValueError(f"{owner} expects a real spectrum of shape {shape}, got {tuple(spectrum.shape)}.")
        axes = tuple(range(spectrum.ndim))
        mirrored = torch.roll(spectrum.flip(axes), (1,) * len(axes), axes)
        if bool((spectrum < 0).any()) or not torch.allclose(spectrum, mirrored, rtol=1e-5, atol=0):
            raise ValueError(f"{owner} expects a spectrum that is nonnegative and even, S(k) = S(-k).")
        return cls((spectrum + mirrored) / 2, "fourier", shape)

    @classmethod
    def from_matrix(cls, matrix: Tensor, shape: Shape, owner: str) -> Covariance:
        """A dense self-adjoint matrix on flattened images."""
        matrix, d = in_double(matrix, owner, "covariance"), prod(shape)
        if tuple(matrix.shape) != (d, d):
            raise ValueError(
                f"{owner} expects a covariance of shape ({d}, {d}) for images {shape}, got {tuple(matrix.shape)}."
            )
        size = float(matrix.abs().max())
        if float((matrix - matrix.mH).abs().max()) > 1e-5 * size:
            raise ValueError(f"{owner} expects a symmetric (Hermitian) covariance.")
        eigenvalues, vectors = torch.linalg.eigh((matrix + matrix.mH) / 2)
        if float(eigenvalues.min()) < -1e-5 * size:
            raise ValueError(
                f"{owner} expects a positive semidefinite covariance, got eigenvalue {float(eigenvalues.min()):.4g}."
            )
        return cls(eigenvalues.clamp(min=0), vectors, shape)

    @property
    def is_complex(self) -> bool:
        """Whether C has complex entries, so that it belongs to complex images."""
        return isinstance(self.basis, Tensor) and self.basis.is_complex()

    def values(self, like: Tensor) -> Tensor:
        """λ, shaped to broadcast against images such as ``like``."""
        real = like.real if like.is_complex() else like
        values = self.eigenvalues.to(device=real.device, dtype=real.dtype)
        return values if isinstance(self.basis, str) or self.shape is None else values.reshape(self.shape)

    def coordinates(self, x: Tensor) -> Tensor:
        """Qᴴx, of the shape of x."""
        if isinstance(self.basis, Tensor):
            assert self.shape is not None
            return (x.flatten(x.ndim - len(self.shape)) @ self._matrix(x).conj()).reshape(x.shape)
        return x if self.basis == "pixels" else torch.fft.fftn(x, dim=self._axes, norm="ortho")

    def image(self, c: Tensor, real: bool) -> Tensor:
        """Qc; the real part of it where images are real."""
        if isinstance(self.basis, Tensor):
            assert self.shape is not None
            return (c.flatten(c.ndim - len(self.shape)) @ self._matrix(c).mT).reshape(c.shape)
        x = c if self.basis == "pixels" else torch.fft.ifftn(c, dim=self._axes, norm="ortho")
        return x.real if real and x.is_complex() else x

    def filter(self, x: Tensor, gains: Tensor) -> Tensor:
        """Q diag(gains) Qᴴ x."""
        return self.image(gains * self.coordinates(x), real=not x.is_complex())

    def dense(self) -> Tensor:
        """C as a (d, d) matrix in double precision, d ≤ 4096."""
        if self.shape is None or prod(self.shape) > LARGEST:
            raise ValueError(f"a dense covariance is formed for images of a given shape of at most {LARGEST} pixels.")
        d = prod(self.shape)
        dtype = torch.complex128 if self.is_complex else torch.float64
        columns = torch.eye(d, dtype=dtype).reshape(d, *self.shape)
        return self.filter(columns, self.values(columns)).reshape(d, d).mT

    def log_density(self, residual: Tensor, variance: float | Tensor) -> Tensor:
        """log N(residual; 0, C + variance·I) per item, up to the (2π) factor common to all C."""
        assert self.shape is not None
        ndim = len(self.shape)
        parts = 2 if residual.is_complex() else 1
        total = (self.values(residual) + variance).expand(residual.shape)
        quadratic = item_sum(self.coordinates(residual).abs().square() / total, ndim)
        return -0.5 * (quadratic + parts * item_sum(total.log(), ndim))

    def _matrix(self, like: Tensor) -> Tensor:
        assert isinstance(self.basis, Tensor)
        dtype = torch.promote_types(matching_dtype(self.basis, like), like.dtype)
        return self.basis.to(device=like.device, dtype=dtype)

    @property
    def _axes(self) -> tuple[int, ...]:
        assert self.shape is not None
        return tuple(range(-len(self.shape), 0))


def in_double(value: Any, owner: str, name: str) -> Tensor:
    """A private copy of a number or an array in double precision, complex where it is."""
    given = value if isinstance(value, Tensor) else torch.as_tensor(np.asarray(value))
    tensor: Tensor = fixed(given, owner, name)
    return tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)


def broadcast(sizes: Sequence[Shape]) -> Shape:
    """The shape to which tensors of the given sizes broadcast together."""
    return tuple(torch.broadcast_shapes(*sizes))
