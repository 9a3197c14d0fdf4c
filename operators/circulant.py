"""Periodic convolution, diagonal in the Fourier basis."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import torch
from torch import Tensor

from recon.operators.fourier import Fourier
from recon.operators.gram_spectrum import GramSpectrum
from recon.operators.hartley import Hartley
from recon.operators.linear import SVD, LinearOperator
from recon.operators.locality import SPECTRAL, in_groups
from recon.operators.operator import Shape
from recon.operators.tensors import fixed, per_item


class Circulant(LinearOperator):
    """y = k ⊛ x, y[i] = Σ_j k[j] x[(i − j) mod n] along the last ``kernel.ndim`` dimensions.

    With F the discrete Fourier transform and H = F k the transfer function, A = F⁻¹ diag(H) F, hence ‖A‖ = max|H| and

    * (AᴴA + ρI)⁻¹ b = F⁻¹ (F b / (|H|² + ρ));
    * A⁺ y = F⁻¹ (F y / H) where H ≠ 0 and zero elsewhere, (AᴴA)⁺ likewise;
    * A = U diag|H| Vᴴ. For a real kernel |H| is even, so that V may be the real Hartley basis; for a complex one V is
      the Fourier basis.

    Real input of a real kernel takes real FFTs. H is computed and kept in double precision.

    Parameters
    ----------
    kernel
        k, its origin at index 0 of every axis; of the same size as the images along the axes it acts on.
    shape
        Shape of one image; dimensions before the last ``kernel.ndim`` are independent.
    """

    def __init__(self, kernel: Tensor, shape: Sequence[int]) -> None:
        super().__init__(shape, shape)
        kernel = fixed(kernel, "Circulant", "kernel")
        self.sizes: Shape = tuple(kernel.shape)
        if not self.sizes or self.sizes != self.domain_shape[-kernel.ndim :]:
            raise ValueError(
                f"Circulant expects a kernel of the size of the images along its axes, "
                f"got {self.sizes} for images of shape {self.domain_shape}."
            )
        self.dims = tuple(range(-kernel.ndim, 0))
        self.real_kernel = not kernel.is_complex()
        if self.real_kernel:
            self.half = torch.fft.rfftn(kernel.double())
        else:
            self.full = torch.fft.fftn(kernel.to(torch.complex128))
            self.domain_field = self.range_field = "complex"

    @cached_property
    def full(self) -> Tensor:
        """H on all frequencies."""
        spectrum: Tensor = torch.fft.fftn(torch.fft.irfftn(self.half, s=self.sizes))
        return spectrum

    def _filter(self, x: Tensor, gain: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """F⁻¹ gain(F x, H)."""
        out: Tensor
        if x.is_complex():
            out = torch.fft.ifftn(gain(torch.fft.fftn(x, dim=self.dims), self.constant("full", x)), dim=self.dims)
        else:
            spectrum = gain(torch.fft.rfftn(x, dim=self.dims), self.constant("half", x))
            out = torch.fft.irfftn(spectrum, s=self.sizes, dim=self.dims)
        return out

    def _filter_batch(self, x: Tensor, gain: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        return in_groups(lambda items: self._filter(items, gain), x, self.domain_shape, self.range_shape, SPECTRAL)

    def apply(self, x: Tensor) -> Tensor:
        return self._filter_batch(x, torch.mul)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self._filter_batch(y, _multiply_conjugate)

    @cached_property
    def gram(self) -> Circulant:
        """AᴴA, itself a periodic convolution."""
        spectrum = (self.half if self.real_kernel else self.full).abs().square()
        inverse = torch.fft.irfftn(spectrum, s=self.sizes) if self.real_kernel else torch.fft.ifftn(spectrum)
        return Circulant(inverse, self.domain_shape)

    def normal(self, x: Tensor) -> Tensor:
        return self.gram(x)

    def gram_spectrum(self) -> GramSpectrum:
        """|H|², which is AᴴA itself."""
        square = self.full.abs().square()
        return GramSpectrum(square.reshape(*(1,) * (len(self.domain_shape) - square.ndim), *self.sizes), True)

    def known_norm(self) -> float:
        return float((self.half if self.real_kernel else self.full).abs().max())

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"solve_normal", "pinv", "normal_pinv", "svd"})

    def solve_normal(self, b: Tensor, rho: float | Tensor) -> Tensor:
        self.check(b, self.domain_shape, self.domain_field)
        weight = per_item(rho, b, len(self.domain_shape))
        if isinstance(weight, Tensor) and weight.ndim:
            if any(n != 1 for n in weight.shape[-len(self.domain_shape) :]):
                raise ValueError(f"{self.name}.solve_normal expects rho to be a number or one value per item.")
            weight = weight.to(device=b.device, dtype=b.real.dtype if b.is_complex() else b.dtype)
        return self._filter(b, lambda z, h: z / (h.abs().square() + weight))

    def pinv(self, y: Tensor) -> Tensor:
        """A⁺y; frequencies with |H| ≤ 10ε max|H|, ε of the precision of y, count as zeros."""
        self.check(y, self.range_shape, self.range_field)
        cutoff = self._cutoff(y)
        return self._filter(y, lambda z, h: torch.where(h.abs() <= cutoff, 0, z / torch.where(h == 0, 1, h)))

    def normal_pinv(self, b: Tensor) -> Tensor:
        """(AᴴA)⁺b, with the same frequencies counted as zeros as in :meth:`pinv`."""
        self.check(b, self.domain_shape, self.domain_field)
        cutoff = self._cutoff(b)
        return self._filter(
            b, lambda z, h: torch.where(h.abs() <= cutoff, 0, z / torch.where(h == 0, 1, h.abs().square()))
        )

    def _cutoff(self, like: Tensor) -> float:
        return 10 * torch.finfo(like.dtype).eps * self.known_norm()

    def svd(self) -> SVD:
        s = self.full.abs()
        phase = torch.where(s == 0, 1, self.full / torch.where(s == 0, 1, s))
        rotation = torch.fft.ifftn(phase)
        basis = Hartley if self.real_kernel else Fourier
        V = basis(self.domain_shape, len(self.sizes)).H
        U = Circulant(rotation.real if self.real_kernel else rotation, self.domain_shape) @ V
        assert isinstance(U, LinearOperator)
        return SVD(U, s.expand(self.domain_shape), V)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        yield cls(torch.tensor([[0.5, 0.2, 0.0], [0.1, -0.3, 0.4]]), (2, 2, 3))
        yield cls(torch.tensor([1.0, 1j, -0.5, 0.2]), (4,))


def _multiply_conjugate(z: Tensor, h: Tensor) -> Tensor:
    return z * h.conj()
