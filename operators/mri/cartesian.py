"""Cartesian MRI with one or many receive coils."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from math import prod
from typing import Any

import torch
from torch import Tensor

from recon.operators.gram_spectrum import GramSpectrum
from recon.operators.linear import SVD, LinearOperator
from recon.operators.locality import SPECTRAL, in_groups
from recon.operators.mri.fourier import centring_ramps
from recon.operators.operator import Shape
from recon.operators.tensors import fixed, per_item

_LARGE = 1 << 12
"""Pixels from which one coil image at a time was faster on a CPU than all of a batch at once."""


class CartesianMRI(LinearOperator):
    """y_c = M F (S_c ⊙ x): coil sensitivities S_c, centred orthonormal Fourier transform F, sampling mask M.

    Complex images ``(*batch, [nz,] ny, nx)`` to k-space ``(*batch, coils, [nz,] ny, nx)``, without the coil dimension
    where there are no maps (S = 1). Image centre and zero frequency lie at index N//2 of every axis; samples that
    were not taken are zeros. The shifts of a centred transform are folded into the maps and the mask as factors of
    modulus one, so no data are moved. Along axes on which the mask does not depend (the readout of line masks) the
    transforms cancel in AᴴA, and :meth:`normal` omits them.

    Without maps A is a partial isometry: ‖A‖ = 1, A⁺ = Aᴴ, and (AᴴA + ρI)⁻¹ = Fᴴ (M + ρ)⁻¹ F. With maps there are no
    such closed forms; ‖A‖ ≤ max (Σ_c |S_c|²)^½, with equality where all of k-space is sampled.

    Parameters
    ----------
    mask
        1 where k-space is sampled and 0 elsewhere, broadcast against one image; zero frequency at N//2.
    coil_maps
        S, complex, ``(coils, [nz,] ny, nx)``; None for a single coil of sensitivity 1.
    shape
        Shape of one image; by default that of the maps, or of the mask where there are none.

    Errors: ValueError or TypeError where mask, maps and shape do not fit, or nothing is sampled.
    """

    names = ("cartesian_mri",)

    def __init__(self, mask: Tensor, coil_maps: Tensor | None = None, shape: Sequence[int] | None = None) -> None:
        mask = fixed(mask, "CartesianMRI", "mask")
        if mask.is_complex() or not bool(((mask == 0) | (mask == 1)).all()):
            raise ValueError("CartesianMRI expects a mask of zeros and ones, 1 where k-space is sampled.")
        if not bool(mask.any()):
            raise ValueError("CartesianMRI expects a mask with at least one sample, got zeros only.")
        maps = None if coil_maps is None else fixed(coil_maps, "CartesianMRI", "coil_maps")
        image = _image_shape(mask, maps, shape)
        super().__init__(image, image if maps is None else (maps.shape[0], *image))
        self.domain_field = self.range_field = "complex"
        self.ndim = len(image)
        self.dims = tuple(range(-self.ndim, 0))
        self.mask = mask.bool().expand(image)
        self.coil_maps = maps
        p, q = centring_ramps(image)
        self._maps = p[None] if maps is None else (maps * p).to(maps.dtype)
        self._weights = self.mask * q
        self._normal_mask = self._varying_mask()

    @classmethod
    def domain_shape_for(cls, data_shape: Sequence[int], *, coil_maps: Any = None, **_: Any) -> Shape:
        """Shape of the images of k-space of ``data_shape``: without its coil dimension if there are maps."""
        return tuple(data_shape) if coil_maps is None else tuple(data_shape[1:])

    def _varying_mask(self) -> Tensor:
        """The mask as AᴴA meets it, of size 1 along the axes on which it does not depend.

        The factors in the maps centre its spectra; without maps there are no factors, and zero frequency comes first.
        """
        mask = self.mask
        for axis in self.dims:
            first = mask.narrow(axis, 0, 1)
            if torch.equal(first.expand_as(mask), mask):
                mask = first
            elif self.coil_maps is None:
                mask = torch.fft.ifftshift(mask, axis)
        return mask.double()

    @property
    def _varying(self) -> tuple[int, ...]:
        return tuple(a for a in self.dims if self._normal_mask.shape[a] > 1)

    @cached_property
    def _conjugate_maps(self) -> Tensor:
        return self._maps.conj().resolve_conj()

    @cached_property
    def _conjugate_weights(self) -> Tensor:
        return self._weights.conj().resolve_conj()

    # ---------------------------------------------------------------- forward, adjoint, normal

    def _blocks(self, x: Tensor) -> list[tuple[slice, slice]]:
        """Batch items and coils to treat together: a coil a thread on CPUs, for the cache's sake, else everything."""
        coils = self._maps.shape[0]
        if x.device.type != "cpu" or prod(self.domain_shape) < _LARGE:
            return [(slice(None), slice(0, coils))]
        step = torch.get_num_threads()
        parts = [slice(start, min(start + step, coils)) for start in range(0, coils, step)]
        return [(slice(item, item + 1), part) for item in range(len(x)) for part in parts]

    def apply(self, x: Tensor) -> Tensor:
        items = x.reshape(-1, *self.domain_shape)
        maps, weights = self.constant("_maps", x), self.constant("_weights", x)
        out = x.new_empty((len(items), len(maps), *self.domain_shape))
        for batch, coils in self._blocks(items):
            z = torch.fft.fftn(maps[coils] * items[batch, None], dim=self.dims, norm="ortho")
            torch.mul(z, weights, out=out[batch, coils])
        return out.reshape(*self.batch_shape(x), *self.range_shape)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        maps, weights = self.constant("_conjugate_maps", y), self.constant("_conjugate_weights", y)
        items = y.reshape(-1, len(maps), *self.domain_shape)
        out = y.new_zeros((len(items), *self.domain_shape))
        for batch, coils in self._blocks(items):
            z = torch.fft.ifftn(items[batch, coils] * weights, dim=self.dims, norm="ortho")
            _combine(out[batch], z, maps[coils])
        return out.reshape(*y.shape[: y.ndim - len(self.range_shape)], *self.domain_shape)

    def normal(self, x: Tensor) -> Tensor:
        return _Gram(self)(x)

    def apply_normal(self, x: Tensor) -> Tensor:
        """AᴴA x, with transforms along the axes on which the mask depends only."""
        if self.coil_maps is None:
            gain = self.constant("_normal_mask", x)
            return in_groups(lambda z: self._spectral(z, gain), x, self.domain_shape, self.domain_shape, SPECTRAL)
        items = x.reshape(-1, *self.domain_shape)
        maps, conjugates = self.constant("_maps", x), self.constant("_conjugate_maps", x)
        mask = self.constant("_normal_mask", x)
        out = torch.zeros_like(items, memory_format=torch.contiguous_format)
        for batch, coils in self._blocks(items):
            _combine(out[batch], self._spectral(maps[coils] * items[batch, None], mask), conjugates[coils])
        return out.reshape(x.shape)

    def _spectral(self, x: Tensor, gain: Tensor) -> Tensor:
        """Fᴴ diag(gain) F x for a gain that, like the mask, varies along some axes only."""
        if not self._varying:
            return gain * x
        z = torch.fft.fftn(x, dim=self._varying, norm="ortho")
        image: Tensor = torch.fft.ifftn(z.mul_(gain), dim=self._varying, norm="ortho")
        return image

    # ---------------------------------------------------------------- norm and closed forms

    def known_norm(self) -> float | None:
        return self.norm_bound() if self.coil_maps is None or bool(self.mask.all()) else None

    def norm_bound(self, like: Tensor | None = None) -> float:
        """max (Σ_c |S_c|²)^½, an upper bound on ‖A‖ for any mask."""
        return 1.0 if self.coil_maps is None else float(torch.linalg.vector_norm(self._maps, dim=0).max())

    def gram_spectrum(self) -> GramSpectrum:
        """The mean of the diagonal of AᴴA: the share of k-space that is sampled, times the mean of Σ_c |S_c|²."""
        mean = self.mask.double().mean() * self._maps.abs().square().sum(0).double().mean()
        return GramSpectrum(mean.reshape((1,) * self.ndim), False)

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset({"solve_normal", "pinv", "normal_pinv", "svd"} if self.coil_maps is None else ())

    def solve_normal(self, b: Tensor, rho: float | Tensor) -> Tensor:
        if self.coil_maps is not None:
            return super().solve_normal(b, rho)
        self.check(b, self.domain_shape, self.domain_field)
        weight = per_item(rho, b, self.ndim)
        if isinstance(weight, Tensor):
            weight = weight.to(b.real)
        # 1/(m + ρ) = 1/ρ − m/(ρ(1 + ρ)) for m in {0, 1}
        solution: Tensor = b / weight - self.normal(b) / (weight * (1 + weight))
        return solution

    def pinv(self, y: Tensor) -> Tensor:
        return self.adjoint(y) if self.coil_maps is None else super().pinv(y)

    def normal_pinv(self, b: Tensor) -> Tensor:
        return self.normal(b) if self.coil_maps is None else super().normal_pinv(b)

    def svd(self) -> SVD:
        if self.coil_maps is not None:
            return super().svd()
        from recon.operators.identity import Identity

        V = CartesianMRI(torch.ones_like(self.mask)).H
        return SVD(Identity(self.range_shape), self.mask.double(), V)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        generator = torch.Generator().manual_seed(0)
        lines = torch.tensor([1, 0, 1, 1, 0])
        points = torch.tensor([[1, 0, 0, 1], [0, 1, 1, 0], [1, 0, 1, 1]])
        maps = torch.randn(2, 3, 4, dtype=torch.complex64, generator=generator)
        yield cls(lines, shape=(4, 5))
        yield cls(points)
        yield cls(points, maps)
        yield cls(lines[:, None], torch.randn(3, 5, 6, dtype=torch.complex64, generator=generator))
        yield cls(torch.ones(1), maps)
        yield cls(lines, torch.randn(2, 2, 3, 5, dtype=torch.complex64, generator=generator))


class _Gram(LinearOperator):
    """AᴴA, its own adjoint."""

    def __init__(self, operator: CartesianMRI) -> None:
        super().__init__(operator.domain_shape, operator.domain_shape)
        self.domain_field = self.range_field = "complex"
        self.operator = operator

    def apply(self, x: Tensor) -> Tensor:
        return self.operator.apply_normal(x)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self.operator.apply_normal(y)


def _combine(out: Tensor, images: Tensor, conjugate_maps: Tensor) -> None:
    """Add Σ_c conj(S_c) z_c to ``out``, coil after coil so that the order never depends on the grouping."""
    for coil, conjugate in enumerate(conjugate_maps):
        out.addcmul_(images[:, coil], conjugate.expand_as(out))


def _image_shape(mask: Tensor, maps: Tensor | None, shape: Sequence[int] | None) -> Shape:
    if maps is not None:
        if not maps.is_complex():
            raise TypeError(f"CartesianMRI expects complex coil_maps, got {str(maps.dtype).removeprefix('torch.')}.")
        if maps.ndim not in (3, 4):
            raise ValueError(f"CartesianMRI expects coil_maps of shape (coils, [nz,] ny, nx), got {tuple(maps.shape)}.")
    image = tuple(mask.shape) if shape is None and maps is None else tuple(maps.shape[1:]) if maps is not None else ()
    if shape is not None:
        if image and tuple(shape) != image:
            raise ValueError(f"CartesianMRI expects coil_maps of images of shape {tuple(shape)}, got maps of {image}.")
        image = tuple(shape)
    fits = mask.ndim <= len(image) and all(
        m in (1, n) for m, n in zip(reversed(mask.shape), reversed(image), strict=False)
    )
    if not fits:
        raise ValueError(
            f"CartesianMRI expects a mask that broadcasts against images of shape {image}, got {tuple(mask.shape)}."
        )
    return image
