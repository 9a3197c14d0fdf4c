"""Cartesian MRI of several images at once, each with coil maps of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from recon.operators.linear import LinearOperator
from recon.operators.mri.cartesian import CartesianMRI
from recon.operators.mri.cartesian_entries import check_maps
from recon.operators.mri.masks.sampling_pattern import SamplingPattern
from recon.operators.operator import Shape
from recon.operators.tensors import fixed


class SoftSENSE(LinearOperator):
    """y_c = M F Σ_m (S_mc ⊙ x_m): images x_m with sensitivities S_mc, centred orthonormal Fourier transform F, mask M.

    Complex images ``(*batch, sets, [nz,] ny, nx)`` to k-space ``(*batch, coils, [nz,] ny, nx)``. With the sets of
    ESPIRiT, the first image holds the object and the others what one map cannot explain: what is folded over the edge
    of the field of view, or moves. Shown as one, they are (Σ_m |x_m|²)^½.

    ‖A‖ ≤ max_x ‖S(x)‖, the largest singular value of the matrices (S_mc) over pixels, with equality where all of
    k-space is sampled.

    Parameters
    ----------
    mask
        1 where k-space is sampled and 0 elsewhere, broadcast against one image, or a sampling pattern.
    coil_maps
        S, complex, ``(sets, coils, [nz,] ny, nx)``.

    Errors: ValueError or TypeError where mask and maps do not fit.

    Source: M. Uecker et al., Magn. Reson. Med. 71 (2014) 990.
    """

    names = ("soft_sense",)

    def __init__(self, mask: Tensor | SamplingPattern, coil_maps: Tensor) -> None:
        maps = fixed(coil_maps, "SoftSENSE", "coil_maps")
        check_maps(maps, "SoftSENSE")
        if maps.ndim not in (4, 5):
            raise ValueError(
                f"SoftSENSE expects coil_maps of shape (sets, coils, [nz,] ny, nx), got {tuple(maps.shape)}."
            )
        image = tuple(maps.shape[2:])
        super().__init__((maps.shape[0], *image), (maps.shape[1], *image))
        self.domain_field = self.range_field = "complex"
        self.coil_maps = maps
        self.sampling = CartesianMRI(mask, shape=image, ndim=len(image))

    @classmethod
    def domain_shape_for(cls, data_shape: Sequence[int], *, coil_maps: Any, **_: Any) -> Shape:
        """Shape of the images of k-space of ``data_shape``: with the sets of the maps in place of its coils."""
        return (len(coil_maps), *data_shape[1:])

    def _weighted(self, x: Tensor) -> Tensor:
        """Σ_m S_mc x_m."""
        axis = -1 - self.sampling.ndim
        maps = self.constant("coil_maps", x)
        total = maps[0] * x.narrow(axis, 0, 1)
        for m in range(1, len(maps)):
            total = total + maps[m] * x.narrow(axis, m, 1)
        return total

    def _combined(self, z: Tensor) -> Tensor:
        """Σ_c conj(S_mc) z_c."""
        axis = -1 - self.sampling.ndim
        conjugate = self.constant("coil_maps", z).conj()
        return torch.stack([(maps * z).sum(axis) for maps in conjugate], axis)

    def apply(self, x: Tensor) -> Tensor:
        return self.sampling.apply(self._weighted(x))

    def apply_adjoint(self, y: Tensor) -> Tensor:
        return self._combined(self.sampling.apply_adjoint(y))

    def normal(self, x: Tensor) -> Tensor:
        self.check(x, self.domain_shape, self.domain_field)
        return self._combined(self.sampling.normal(self._weighted(x)))

    def known_norm(self) -> float | None:
        return self.norm_bound() if bool(self.sampling.mask.all()) else None

    def norm_bound(self, like: Tensor | None = None) -> float:
        """max_x ‖S(x)‖, an upper bound on ‖A‖ for any mask."""
        matrices = self.coil_maps.flatten(2).permute(2, 0, 1).to(torch.complex128)
        return float(torch.linalg.eigvalsh(matrices @ matrices.mH).amax().clamp(min=0).sqrt())

    @classmethod
    def examples(cls) -> Iterator[LinearOperator]:
        generator = torch.Generator().manual_seed(0)
        yield cls(torch.tensor([1, 0, 1, 1]), torch.randn(2, 3, 5, 4, dtype=torch.complex64, generator=generator))
        yield cls(torch.ones(1), torch.randn(1, 2, 3, 3, dtype=torch.complex64, generator=generator))
        yield cls(torch.tensor([[1], [0], [1]]), torch.randn(2, 2, 2, 3, 2, dtype=torch.complex64, generator=generator))
