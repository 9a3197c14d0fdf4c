"""Series of images in a subspace of few time courses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from recon.operators.linear import LinearOperator
from recon.operators.mri.cartesian import CartesianMRI
from recon.operators.mri.checked_scan import checked_scan
from recon.operators.mri.coil_sums import add_coils, coil_blocks
from recon.operators.mri.fourier import centring_ramps
from recon.operators.mri.noncartesian import NonCartesianMRI
from recon.operators.mri.trajectory import Trajectory
from recon.operators.tensors import fixed

_TOLERANCE = 1e-5


class _Kernel(NamedTuple):
    """Σ_q Σ_c S̄_qc ⊙ F⁻¹ (G_q · F (S_qc ⊙ x)), G_q matrices over components.

    Attributes
    ----------
    spectra
        G, ``(q, components, components, *image)``, of length 1 along axes on which they do not depend.
    maps
        S, ``(q, coils, *image)``.
    dims, norm
        Axes of F, and its scale as torch calls it.
    """

    spectra: Tensor
    maps: Tensor
    dims: tuple[int, ...]
    norm: str


class SubspaceMRI(LinearOperator):
    """y = A(Φ c): images c of coefficients, a basis Φ of time courses, and a scan A of the series Φ c.

    Complex ``(*batch, components, [nz,] ny, nx)`` to the data of the scan. Φ has orthonormal columns, such as
    :meth:`~recon.operators.Dictionary.basis` gives, so that noise and norms of c are those of the series.

    For a scan whose frames have the same maps, :meth:`normal` takes as many transforms as there are components, however
    many frames there are, since for a :class:`CartesianMRI`

        ΦᴴAᴴA Φ = Σ_c S_cᴴ Fᴴ G F S_c,    G_{jl}(k) = Σ_t Φ̄_tj M_t(k) Φ_tl,

    and likewise for a :class:`NonCartesianMRI`, with the kernels of :class:`ToeplitzGram` in place of the masks.

    Parameters
    ----------
    scan
        A, whose images are series ``(times, [nz,] ny, nx)``; any linear operator on complex images, also one of your
        own.
    basis
        Φ, ``(times, components)``, real or complex.

    Errors: ValueError where the basis is not orthonormal or does not fit the scan, TypeError for a scan that is no
    linear operator on complex images.

    Source: J. I. Tamir et al., Magn. Reson. Med. 77 (2017) 180.
    """

    names = ("subspace_mri",)

    def __init__(self, scan: LinearOperator, basis: Tensor) -> None:
        checked_scan(scan, "SubspaceMRI")
        known = fixed(basis, "SubspaceMRI", "basis")
        if len(scan.domain_shape) < 2 or known.ndim != 2 or known.shape[0] != scan.domain_shape[0]:
            raise ValueError(
                f"SubspaceMRI expects a basis (times, components) and a scan of series of as many images, got shape "
                f"{tuple(known.shape)} and images of shape {scan.domain_shape}."
            )
        known = known.to(torch.complex128 if known.is_complex() else torch.float64)
        gram = known.mH @ known
        if not torch.allclose(gram, torch.eye(len(gram), dtype=gram.dtype), atol=_TOLERANCE):
            raise ValueError("SubspaceMRI expects a basis with orthonormal columns, as Dictionary.basis gives.")
        super().__init__((known.shape[1], *scan.domain_shape[1:]), scan.range_shape)
        self.domain_field = self.range_field = "complex"
        self.scan, self.basis = scan, known

    def series(self, x: Tensor) -> Tensor:
        """Φ c, ``(*batch, times, [nz,] ny, nx)``."""
        return _mixed(self.constant("basis", x), x, len(self.domain_shape) - 1)

    def coefficients(self, x: Tensor) -> Tensor:
        """Φᴴ x of a series."""
        return _mixed(self.constant("basis", x).mH, x, len(self.domain_shape) - 1)

    def apply(self, x: Tensor) -> Tensor:
        return self.scan(self.series(x))

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self.coefficients(self.scan.adjoint(y))

    # ---------------------------------------------------------------- normal

    @cached_property
    def _mixed_kernel(self) -> _Kernel | None:
        """ΦᴴAᴴA Φ as products of spectra; None where frames differ by more than where they are sampled."""
        scan, image = self.scan, self.domain_shape[1:]
        if isinstance(scan, CartesianMRI) and scan.ndim == len(image):
            same = scan.coil_maps is None or scan.coil_maps.ndim == scan.ndim + 1
            return self._cartesian(scan) if same and tuple(scan.mask.shape[-scan.ndim :]) == image else None
        if isinstance(scan, NonCartesianMRI) and scan.frames is not None and not scan.trajectory.learns:
            same = scan.coil_maps is None or scan.coil_maps.ndim == len(image) + 1
            return self._non_cartesian(scan) if same else None
        return None

    def _weighted(self, spectra: Tensor) -> Tensor:
        """Σ_t Φ̄_tj w_t Φ_tl, ``(..., components, components, *image)`` of weights ``(times, ..., *image)``."""
        pairs = torch.einsum("tj,tl->jlt", self.basis.conj(), self.basis)
        mixed: Tensor = torch.tensordot(pairs, spectra.to(pairs), 1)
        return mixed

    def _cartesian(self, scan: CartesianMRI) -> _Kernel:
        mask = scan.mask.expand(scan.domain_shape)
        for axis in range(1, mask.ndim):
            first = mask.narrow(axis, 0, 1)
            mask = first if torch.equal(first.expand_as(mask), mask) else mask
        ramp = centring_ramps(self.domain_shape[1:])[0]
        maps = ramp[None] if scan.coil_maps is None else (scan.coil_maps * ramp).to(scan.coil_maps.dtype)
        dims = tuple(a for a in range(1 - mask.ndim, 0) if mask.shape[a] > 1)
        return _Kernel(self._weighted(mask)[None], maps[None], dims, "ortho")

    def _non_cartesian(self, scan: NonCartesianMRI) -> _Kernel:
        phases, ramps = scan.gram().phases()
        maps = ramps[:, None] if scan.coil_maps is None else ramps[:, None] * scan.coil_maps
        dims = tuple(range(1 - len(self.domain_shape), 0))
        kernel = self._weighted(phases).movedim(2, 0)
        return _Kernel(kernel, maps, dims, "backward")

    @cached_property
    def _kernel(self) -> Tensor:
        assert self._mixed_kernel is not None
        return self._mixed_kernel.spectra

    @cached_property
    def _maps(self) -> Tensor:
        assert self._mixed_kernel is not None
        return self._mixed_kernel.maps.unsqueeze(2)

    @cached_property
    def _conjugate_maps(self) -> Tensor:
        return self._maps.conj().resolve_conj()

    def normal(self, x: Tensor) -> Tensor:
        self.check(x, self.domain_shape, self.domain_field)
        if self._mixed_kernel is None:
            return self.coefficients(self.scan.normal(self.series(x)))
        gram, shape = self.apply_normal, self.domain_shape
        return LinearOperator.from_functions(gram, gram, shape, shape)(x)

    def apply_normal(self, x: Tensor) -> Tensor:
        """ΦᴴAᴴAΦ x by the kernel G."""
        assert self._mixed_kernel is not None
        dims, norm = self._mixed_kernel.dims, self._mixed_kernel.norm
        items = x.reshape(-1, *self.domain_shape)
        out = torch.zeros_like(items, memory_format=torch.contiguous_format)
        every = (self.constant(key, x) for key in ("_kernel", "_maps", "_conjugate_maps"))
        for kernel, maps, conjugates in zip(*every, strict=True):
            for batch, coils in coil_blocks(items, len(maps)):
                z = maps[coils] * items[batch, None]
                z = torch.fft.fftn(z, dim=dims, norm=norm) if dims else z
                mixed = _kernel_product(kernel, z, len(self.domain_shape) - 1)
                mixed = torch.fft.ifftn(mixed, dim=dims, norm=norm) if dims else mixed
                add_coils(out[batch], mixed, conjugates[coils])
        return out.reshape(x.shape)

    def norm_bound(self, like: Tensor | None = None) -> float:
        """That of the scan."""
        return self.scan.norm_bound(like)

    def __getstate__(self) -> dict[str, Any]:
        kept = ("_mixed_kernel", "_kernel", "_maps", "_conjugate_maps")
        return {key: value for key, value in super().__getstate__().items() if key not in kept}

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        generator = torch.Generator().manual_seed(0)
        masks = torch.tensor([[1, 0, 1, 0], [1, 1, 0, 0], [0, 1, 1, 1]])
        maps = torch.randn(2, 4, 3, dtype=torch.complex64, generator=generator)
        basis = torch.linalg.qr(torch.randn(3, 2, dtype=torch.float64, generator=generator)).Q
        phased = torch.linalg.qr(torch.randn(3, 2, dtype=torch.complex128, generator=generator)).Q
        yield cls(CartesianMRI(masks[:, :, None], maps, ndim=2), basis)
        yield cls(CartesianMRI(masks[:, :, None] * torch.tensor([1, 1, 0]), shape=(3, 4, 3), ndim=2), phased)
        yield cls(CartesianMRI(masks[:, :, None], maps, ndim=2, oversampling=2), phased)
        yield cls(NonCartesianMRI(Trajectory.golden_angle(6, 7), maps, frames=3), basis)


def _mixed(matrix: Tensor, x: Tensor, ndim: int) -> Tensor:
    """Σ_j m_ij x_j over the axis before the last ``ndim``."""
    axis = x.ndim - ndim - 1
    wide = x.flatten(axis + 1)
    return (matrix.to(x.dtype) @ wide).reshape(*x.shape[:axis], len(matrix), *x.shape[axis + 1 :])


def _kernel_product(kernel: Tensor, z: Tensor, ndim: int) -> Tensor:
    """Σ_l G_jl z_l over the axis before the last ``ndim``."""
    axis = z.ndim - ndim - 1
    parts = z.split(1, axis)
    rows = []
    for row in kernel:
        total = row[0] * parts[0]
        for factor, part in zip(row[1:], parts[1:], strict=True):
            total = total + factor * part
        rows.append(total)
    return torch.cat(rows, axis)
