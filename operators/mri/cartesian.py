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
from recon.operators.mri.cartesian_entries import cartesian_entries, gain_of, image_of
from recon.operators.mri.coil_sums import add_coils, led, part_of, stack_blocks
from recon.operators.mri.masks.sampling_pattern import SamplingPattern
from recon.operators.mri.padded_fft import PaddedFFT
from recon.operators.operator import Shape
from recon.operators.tensors import per_item

_LARGE = 1 << 12
"""Pixels from which one coil image at a time was faster on a CPU than all of a batch at once."""


class CartesianMRI(LinearOperator):
    """y_c = M F P (S_c ⊙ x): coil sensitivities S_c, zeros P about the image along the readout if that is oversampled,
    centred orthonormal Fourier transform F, sampling mask M.

    Complex images ``(*batch, *stack, [nz,] ny, nx)`` to k-space ``(*batch, *stack, coils, [nz,] ny, n0)``, without the
    coil dimension where there are no maps (S = 1). The stack holds frames of a series, slices, or both; each may have a
    mask and maps of its own. Image centre and zero frequency lie at index N//2 of every axis; samples that were not
    taken are zeros. The shifts of a centred transform are folded into the maps and the mask as factors of modulus one,
    so no data are moved. Along axes on which the mask does not depend (the readout of line masks) the transforms cancel
    in AᴴA, and :meth:`normal` omits them.

    Without maps, and where P or the dependence of the mask on the readout is missing, A is a partial isometry: ‖A‖ = 1,
    A⁺ = Aᴴ, and (AᴴA + ρI)⁻¹ = (I − AᴴA/(1 + ρ))/ρ. Otherwise there are no such closed forms; ‖A‖ ≤ max (Σ_c |S_c|²)^½,
    with equality where all of k-space is sampled.

    Parameters
    ----------
    mask
        1 where k-space is sampled and 0 elsewhere, ``([*stack,] [nz,] ny, n0)``, broadcast against k-space of one coil;
        zero frequency at N//2. A sampling pattern stands for its mask, and needs the shape or maps.
    coil_maps
        S, complex, ``([*stack,] coils, [nz,] ny, nx)``; None for a single coil of sensitivity 1.
    shape
        ``([*stack,] [nz,] ny, nx)``; by default that of the maps, or of the mask where there are none.
    ndim
        Axes of one image: 3 where they are (nz, ny, nx), 2 where they are (ny, nx) and axes before belong to the stack.
        It may be left out where there are no such axes.
    oversampling
        n0/nx: how much more densely the readout is sampled than the image's field of view asks for.

    Errors: ValueError or TypeError where mask, maps, shape and ndim do not fit, or nothing is sampled.
    """

    names = ("cartesian_mri",)

    def __init__(
        self,
        mask: Tensor | SamplingPattern,
        coil_maps: Tensor | None = None,
        shape: Sequence[int] | None = None,
        ndim: int | None = None,
        oversampling: float = 1,
    ) -> None:
        image, grid, stack, sampled, maps = cartesian_entries(
            mask, coil_maps, shape, ndim, oversampling, "CartesianMRI"
        )
        coils = () if maps is None else (maps.shape[-1 - len(image)],)
        super().__init__((*stack, *image), (*stack, *coils, *grid))
        self.domain_field = self.range_field = "complex"
        self.ndim = len(image)
        self.dims = tuple(range(-self.ndim, 0))
        self.mask, self.coil_maps = sampled, maps
        self._stack = stack
        self.fft = PaddedFFT(image, grid)
        p, q = self.fft.ramps()
        sensitivities = p[None] if maps is None else (maps * p).to(maps.dtype)
        self._maps = led(sensitivities, len(stack) + 1 + self.ndim)
        self._weights = led((self.mask * q).unsqueeze(-1 - self.ndim), len(stack) + 1 + self.ndim)
        self._normal_mask = led(gain_of(sampled, self.dims, maps is None), len(stack) + self.ndim)

    @classmethod
    def domain_shape_for(
        cls,
        data_shape: Sequence[int],
        *,
        coil_maps: Any = None,
        ndim: int | None = None,
        oversampling: float = 1,
        **_: Any,
    ) -> Shape:
        """Shape of the images of k-space of ``data_shape``: without its coil dimension if there are maps."""
        data, axes = tuple(data_shape), ndim or 2
        stack = data[: -axes - (coil_maps is not None)]
        return (*stack, *image_of(data[-axes:], oversampling, "CartesianMRI"))

    @property
    def _varying(self) -> tuple[int, ...]:
        return tuple(a for a in self.dims if self._normal_mask.shape[a] > 1)

    @property
    def _isometric(self) -> bool:
        return self.coil_maps is None and not (self.fft.padded and -1 in self._varying)

    @cached_property
    def _conjugate_maps(self) -> Tensor:
        return self._maps.conj().resolve_conj()

    @cached_property
    def _conjugate_weights(self) -> Tensor:
        return self._weights.conj().resolve_conj()

    # ---------------------------------------------------------------- forward, adjoint, normal

    def _blocks(self, items: Tensor) -> Iterator[tuple[slice, ...]]:
        """What to treat together: coil by coil on CPUs, for the cache's sake, unless images are small."""
        coils = self._maps.shape[-1 - self.ndim]
        if items.device.type == "cpu" and prod(self.fft.grid) >= _LARGE:
            yield from stack_blocks(items, self._stack, coils)
        else:
            yield tuple(slice(0, n) for n in (len(items), *self._stack, coils))

    def apply(self, x: Tensor) -> Tensor:
        items = x.reshape(-1, *self._stack, 1, *self.fft.image)
        maps, weights = self.constant("_maps", x), self.constant("_weights", x)
        coils = maps.shape[-1 - self.ndim]
        out = x.new_empty((len(items), *self._stack, coils, *self.fft.grid))
        for where in self._blocks(items):
            z = self.fft.forward(part_of(maps, where[1:]) * part_of(items, where[:-1]), self.dims)
            torch.mul(z, part_of(weights, where[1:-1]), out=out[where])
        return out.reshape(*self.batch_shape(x), *self.range_shape)

    def apply_adjoint(self, y: Tensor) -> Tensor:
        maps, weights = self.constant("_conjugate_maps", y), self.constant("_conjugate_weights", y)
        items = y.reshape(-1, *self._stack, maps.shape[-1 - self.ndim], *self.fft.grid)
        out = y.new_zeros((len(items), *self.domain_shape))
        for where in self._blocks(items):
            z = self.fft.adjoint(items[where] * part_of(weights, where[1:-1]), self.dims)
            add_coils(out[where[:-1]], z, part_of(maps, where[1:]), self.ndim)
        return out.reshape(*y.shape[: y.ndim - len(self.range_shape)], *self.domain_shape)

    def normal(self, x: Tensor) -> Tensor:
        self.check(x, self.domain_shape, self.domain_field)
        gram, shape = self.apply_normal, self.domain_shape
        return LinearOperator.from_functions(gram, gram, shape, shape)(x)

    def apply_normal(self, x: Tensor) -> Tensor:
        """AᴴA x, with transforms along the axes on which the mask depends only."""
        mask = self.constant("_normal_mask", x)
        if self.coil_maps is None:
            return in_groups(lambda z: self._spectral(z, mask), x, self.domain_shape, self.domain_shape, SPECTRAL)
        items = x.reshape(-1, *self._stack, 1, *self.fft.image)
        maps, conjugates = self.constant("_maps", x), self.constant("_conjugate_maps", x)
        mask = mask.unsqueeze(-1 - self.ndim)
        out = x.new_zeros((len(items), *self.domain_shape))
        for where in self._blocks(items):
            z = part_of(maps, where[1:]) * part_of(items, where[:-1])
            z = self._spectral(z, part_of(mask, where[1:-1]))
            add_coils(out[where[:-1]], z, part_of(conjugates, where[1:]), self.ndim)
        return out.reshape(x.shape)

    def _spectral(self, x: Tensor, gain: Tensor) -> Tensor:
        """Pᴴ Fᴴ diag(gain) F P x for a gain that, like the mask, varies along some axes only."""
        if not self._varying:
            return gain * x
        return self.fft.adjoint(self.fft.forward(x, self._varying).mul_(gain), self._varying)

    # ---------------------------------------------------------------- norm and closed forms

    def known_norm(self) -> float | None:
        return self.norm_bound() if self._isometric or bool(self.mask.all()) else None

    def norm_bound(self, like: Tensor | None = None) -> float:
        """max (Σ_c |S_c|²)^½, an upper bound on ‖A‖ for any mask."""
        axis = -1 - self.ndim
        return 1.0 if self.coil_maps is None else float(torch.linalg.vector_norm(self._maps, dim=axis).max())

    def gram_spectrum(self) -> GramSpectrum:
        """The mean of the diagonal of AᴴA: the share of k-space that is sampled, times the mean of Σ_c |S_c|²."""
        sampled = self._normal_mask.mean(self.dims)
        power = self._maps.abs().square().sum(-1 - self.ndim).double().mean(self.dims)
        return GramSpectrum((sampled * power).mean().reshape((1,) * len(self.domain_shape)), False)

    @property
    def capabilities(self) -> frozenset[str]:
        closed = {"solve_normal", "pinv", "normal_pinv", *(() if self.fft.padded else ("svd",))}
        return frozenset(closed if self._isometric else ())

    def solve_normal(self, b: Tensor, rho: float | Tensor) -> Tensor:
        if not self._isometric:
            return super().solve_normal(b, rho)
        self.check(b, self.domain_shape, self.domain_field)
        weight = per_item(rho, b, len(self.domain_shape))
        if isinstance(weight, Tensor):
            weight = weight.to(b.real)
        # 1/(m + ρ) = 1/ρ − m/(ρ(1 + ρ)) for m in {0, 1}
        solution: Tensor = b / weight - self.normal(b) / (weight * (1 + weight))
        return solution

    def pinv(self, y: Tensor) -> Tensor:
        return self.adjoint(y) if self._isometric else super().pinv(y)

    def normal_pinv(self, b: Tensor) -> Tensor:
        return self.normal(b) if self._isometric else super().normal_pinv(b)

    def svd(self) -> SVD:
        if not self._isometric or self.fft.padded:
            return super().svd()
        from recon.operators.identity import Identity

        full = CartesianMRI(torch.ones(1), shape=self.domain_shape, ndim=self.ndim)
        return SVD(Identity(self.range_shape), self.mask.double().expand(self.range_shape), full.H)

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        generator = torch.Generator().manual_seed(0)
        lines = torch.tensor([1, 0, 1, 1, 0])
        points = torch.tensor([[1, 0, 0, 1], [0, 1, 1, 0], [1, 0, 1, 1]])
        frames = torch.stack([points, 1 - points])

        def maps(*shape: int) -> Tensor:
            return torch.randn(shape, dtype=torch.complex64, generator=generator)

        yield cls(lines, shape=(4, 5))
        yield cls(points)
        yield cls(points, maps(2, 3, 4))
        yield cls(lines[:, None], maps(3, 5, 6))
        yield cls(torch.ones(1), maps(2, 3, 4))
        yield cls(lines, maps(2, 2, 3, 5), ndim=3)
        yield cls(frames, maps(3, 3, 4), ndim=2)
        yield cls(frames[:, None], maps(3, 2, 3, 4), ndim=2)
        yield cls(frames, ndim=2)
        yield cls(points, maps(2, 3, 2), oversampling=2)
        yield cls(lines[:, None], shape=(5, 4), oversampling=1.25)
