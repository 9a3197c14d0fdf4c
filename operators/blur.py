"""Convolution with a point spread function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log2, prod
from typing import Any, Literal, get_args

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from recon.operators.circulant import Circulant
from recon.operators.extension import Boundary, Margins, extend, fold
from recon.operators.gram_spectrum import GramSpectrum
from recon.operators.linear import SVD, LinearOperator
from recon.operators.locality import DIRECT, SPECTRAL, in_groups
from recon.operators.operator import Shape
from recon.operators.psf import gaussian_psf
from recon.operators.tap_filter import TapFilter, separate
from recon.operators.tensors import fixed

BlurBoundary = Literal["circular", "zero", "reflect", "replicate", "valid"]


class Blur(LinearOperator):
    """y[i] = Σ_j h[j] x̃[i − j + c], the convolution of images with a PSF h centred on c = n//2 of each of its axes.

    It acts along the last ``psf.ndim`` dimensions; dimensions before those (colour, say) are independent. x̃ extends x
    beyond its edges:

    ============== ========================================= ====================== =================
    ``boundary``   x̃                                         scipy.ndimage mode     range
    ============== ========================================= ====================== =================
    ``circular``   periodic                                  ``wrap``               shape
    ``zero``       0                                         ``constant``           shape
    ``reflect``    half-sample symmetric, d c b a|a b c d|…  ``reflect``            shape
    ``replicate``  nearest edge sample                       ``nearest``            shape
    ``valid``      not needed: only i within reach of x      scipy.signal "valid"   shape − n + 1
    ============== ========================================= ====================== =================

    For odd and even n this is ``scipy.ndimage.convolve(x, h, mode=...)``. PSFs of any size, sign and symmetry are
    taken, larger than the image too (except ``valid``). The adjoint is the exact transpose: correlation, then folding
    the extension back onto the image.

    With ``circular``, where A = F⁻¹ diag(H) F, the capabilities and the norm max|H| are exact closed forms (see
    :class:`Circulant`).

    Parameters
    ----------
    psf
        h, of one to three dimensions or more; real, or complex for complex images.
    shape
        Shape of one image.
    boundary
        See the table.
    method
        ``"direct"`` adds shifted copies of the image, one a nonzero entry of h, or axis by axis where h is an outer
        product of vectors. ``"fft"`` multiplies spectra. ``"auto"`` is direct up to 2·log₂(pixels) copies for the
        circular boundary and 3·log₂(pixels) for others: where both took about equally long on one CPU core, from 64²
        to 1024² pixels in single precision.

    Errors: ValueError where h does not fit the images.
    """

    def __init__(
        self,
        psf: Tensor,
        shape: Sequence[int],
        boundary: Literal["circular", "zero", "reflect", "replicate", "valid"] = "circular",
        method: Literal["auto", "fft", "direct"] = "auto",
    ) -> None:
        if boundary not in get_args(BlurBoundary):
            raise ValueError(
                f"Blur expects boundary 'circular', 'zero', 'reflect', 'replicate' or 'valid', got {boundary!r}."
            )
        if method not in ("auto", "fft", "direct"):
            raise ValueError(f"Blur expects method 'auto', 'fft' or 'direct', got {method!r}.")
        psf = fixed(psf, "Blur", "psf")
        self.psf = psf if psf.is_complex() else psf.double()
        super().__init__(shape, _range_shape(shape, psf, boundary))
        if self.psf.is_complex():
            self.domain_field = self.range_field = "complex"
        self.boundary: BlurBoundary = boundary
        self.sizes = self.domain_shape[-psf.ndim :]
        factors = separate(self.psf)
        copies = int(torch.count_nonzero(self.psf))
        if factors is not None:
            copies = min(copies, sum(psf.shape))
        direct = copies <= (2 if boundary == "circular" else 3) * log2(max(2, prod(self.sizes)))
        self.method = method if method != "auto" else "direct" if direct else "fft"
        self._group = DIRECT if self.method == "direct" else SPECTRAL
        self._edge: Boundary = "zero" if boundary == "valid" else boundary
        if self.method == "direct":
            self._passes = self._direct_passes(factors if copies == sum(psf.shape) else None)
        elif boundary != "circular":
            self._plan_fft()
        if boundary == "circular":
            self._circulant = Circulant(_wrapped(self.psf, self.sizes), shape)

    @classmethod
    def domain_shape_for(
        cls, data_shape: Sequence[int], *, psf: Tensor, boundary: BlurBoundary = "circular", **_: Any
    ) -> Shape:
        """Shape of the images whose blurred data have ``data_shape``: larger by n − 1 for ``valid``, else the same."""
        if boundary != "valid":
            return tuple(data_shape)
        lead = len(data_shape) - psf.ndim
        return (*data_shape[:lead], *(m + k - 1 for m, k in zip(data_shape[lead:], psf.shape, strict=True)))

    # ---------------------------------------------------------------- forward and adjoint

    def apply(self, x: Tensor) -> Tensor:
        return in_groups(self._forward, x, self.domain_shape, self.range_shape, self._group)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return in_groups(self._backward, y, self.range_shape, self.domain_shape, self._group)

    def _forward(self, x: Tensor) -> Tensor:
        if self.method == "direct":
            for step in self._passes:
                x = step.apply(x)
            return x
        if self.boundary == "circular":
            return self._circulant.apply(x)
        return self._crop(self._padded.apply(extend(x, self._margins, self._edge)))

    def _backward(self, y: Tensor) -> Tensor:
        if self.method == "direct":
            for step in reversed(self._passes):
                y = step.apply_adjoint(y)
            return y
        if self.boundary == "circular":
            return self._circulant.apply_adjoint(y)
        full = y.new_zeros((*y.shape[: y.ndim - len(self.range_shape)], *self._padded.domain_shape))
        self._crop(full).copy_(y)
        return fold(self._padded.apply_adjoint(full), self.sizes, self._margins, self._edge)

    def normal(self, x: Tensor) -> Tensor:
        return self._circulant.normal(x) if self.boundary == "circular" else super().normal(x)

    def _direct_passes(self, factors: Sequence[Tensor] | None) -> list[TapFilter]:
        n, k = self.psf.ndim, self.psf.shape
        lead = len(self.domain_shape) - n
        if factors is None:
            margins = tuple(self._axis_margins(a) for a in range(n))
            return [TapFilter(self.psf, self.sizes, margins, self._edge)]
        passes = []
        for axis, factor in enumerate(factors):
            sizes = tuple(self.range_shape[lead + a] if a < axis else self.sizes[a] for a in range(n))
            margins = tuple(self._axis_margins(a) if a == axis else Margins(0, 0, sizes[a]) for a in range(n))
            taps = factor.reshape([k[a] if a == axis else 1 for a in range(n)])
            passes.append(TapFilter(taps, sizes, margins, self._edge))
        return passes

    def _axis_margins(self, axis: int) -> Margins:
        """The extension that the whole PSF needs along one of its axes, before and after its n samples."""
        n, k = self.sizes[axis], self.psf.shape[axis]
        before, after = (0, 0) if self.boundary == "valid" else (k - 1 - k // 2, k // 2)
        return Margins(before, after, n + before + after)

    def _plan_fft(self) -> None:
        """Periodic convolution of the extended image, long enough that nothing wraps into the part that is kept."""
        margins, self._offsets = [], []
        for axis, (n, k) in enumerate(zip(self.sizes, self.psf.shape, strict=True)):
            c = k // 2
            if self.boundary == "zero":  # wrapping may spoil what is not kept, so fewer zeros than k − 1 suffice
                before = after = 0
                length, offset = max(n + max(c, k - 1 - c), k), c
            else:
                before, after, length = self._axis_margins(axis)
                offset = k - 1
            margins.append(Margins(before, after, next_fast_len(length, real=not self.psf.is_complex())))
            self._offsets.append(offset)
        self._margins = tuple(margins)
        totals = tuple(m.total for m in margins)
        kernel = self.psf.new_zeros(totals)
        kernel[tuple(slice(k) for k in self.psf.shape)] = self.psf
        self._padded = Circulant(kernel, (*self.domain_shape[: -self.psf.ndim], *totals))

    def _crop(self, z: Tensor) -> Tensor:
        first = z.ndim - len(self._offsets)
        for axis, offset in enumerate(self._offsets, first):
            z = z.narrow(axis, offset, self.range_shape[axis - z.ndim])
        return z

    # ---------------------------------------------------------------- closed forms of the periodic case

    @property
    def capabilities(self) -> frozenset[str]:
        return self._circulant.capabilities if self.boundary == "circular" else frozenset()

    def gram_spectrum(self) -> GramSpectrum | None:
        """|H|² of the periodic blur with the same PSF: AᴴA itself, or near it where edges are treated otherwise."""
        if self.boundary in ("circular", "valid"):
            return self._circulant.gram_spectrum() if self.boundary == "circular" else None
        return Circulant(_wrapped(self.psf, self.sizes), self.domain_shape).gram_spectrum()._replace(above=False)

    def known_norm(self) -> float | None:
        return self._circulant.known_norm() if self.boundary == "circular" else None

    def solve_normal(self, b: Tensor, rho: float | Tensor) -> Tensor:
        return self._circulant.solve_normal(b, rho) if self.capabilities else super().solve_normal(b, rho)

    def pinv(self, y: Tensor) -> Tensor:
        return self._circulant.pinv(y) if self.capabilities else super().pinv(y)

    def normal_pinv(self, b: Tensor) -> Tensor:
        return self._circulant.normal_pinv(b) if self.capabilities else super().normal_pinv(b)

    def svd(self) -> SVD:
        return self._circulant.svd() if self.capabilities else super().svd()

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        even = torch.tensor([[0.1, 0.4], [0.0, 0.2], [0.5, -0.3]])
        for boundary in get_args(BlurBoundary):
            for method in ("fft", "direct"):
                yield cls(even, (4, 5), boundary, method)
        yield cls(torch.tensor([0.2, 0.5, 0.3, 0.1]), (2, 3), "reflect")
        yield cls(gaussian_psf((0.5, 0.4, 0.6), size=3), (2, 3, 4, 3), "replicate", "direct")
        yield cls(torch.tensor([1.0, 0.5j, -0.2]), (5,), "zero", "fft")


def _range_shape(shape: Sequence[int], psf: Tensor, boundary: BlurBoundary) -> Shape:
    shape = tuple(shape)
    if not 1 <= psf.ndim <= len(shape):
        raise ValueError(
            f"Blur expects a psf of 1 to {len(shape)} dimensions for images of shape {shape}, got {psf.ndim}."
        )
    if psf.numel() == 0:
        raise ValueError(f"Blur expects a psf with at least one entry, got shape {tuple(psf.shape)}.")
    if boundary != "valid":
        return shape
    lead = len(shape) - psf.ndim
    valid = tuple(n - k + 1 for n, k in zip(shape[lead:], psf.shape, strict=True))
    if min(valid) < 1:
        raise ValueError(
            f"Blur with boundary 'valid' expects images at least as large as the psf {tuple(psf.shape)}, got {shape}."
        )
    return (*shape[:lead], *valid)


def _wrapped(psf: Tensor, sizes: Sequence[int]) -> Tensor:
    """The PSF with its centre at index 0 of a period of ``sizes``, entries that coincide added."""
    grids = torch.meshgrid(
        *((torch.arange(k) - k // 2) % n for k, n in zip(psf.shape, sizes, strict=True)), indexing="ij"
    )
    return psf.new_zeros(tuple(sizes)).index_put(grids, psf, accumulate=True)
