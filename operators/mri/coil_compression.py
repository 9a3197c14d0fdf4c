"""Fewer, virtual coils that hold most of what many measured."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators.mri.fourier import centred_ifft
from recon.operators.tensors import fixed


def coil_compression(kspace: Tensor, coils: int | None = None, tolerance: float | None = None) -> Tensor:
    """The matrix Uᴴ of the principal components of coils, complex128 ``(virtual, coils)``, UᴴU = I.

    U holds the left singular vectors of the samples ``(coils, ...)``: of all matrices of that rank, Uᴴ keeps most of
    their energy. The most energetic virtual coil comes first.

    Parameters
    ----------
    kspace
        ``(coils, ...)``, complex.
    coils
        How many virtual coils; or
    tolerance
        as few as lose no more than this share of the energy.

    Errors: TypeError for real k-space, ValueError for non-finite k-space or a number of coils that is not there.

    Source: F. Huang et al., Magn. Reson. Imaging 26 (2008) 133.
    """
    flat = _checked(kspace, "coil_compression").flatten(1)
    values, vectors = torch.linalg.eigh(flat @ flat.mH)
    kept = _kept(values.clamp(min=0).flip(-1), coils, tolerance, "coil_compression")
    matrix: Tensor = vectors.flip(-1)[:, :kept].mH.resolve_conj()
    return matrix


def geometric_coil_compression(kspace: Tensor, coils: int | None = None, tolerance: float | None = None) -> Tensor:
    """A matrix A_x = P_x U_xᴴ for each place x along the readout, complex128 ``(n0, virtual, coils)``, A_x A_xᴴ = I.

    U_x are the principal components of coils at x, after the Fourier transform along the readout, which must be fully
    sampled: they keep no less energy than one matrix for all x. The unitary P_x minimise ‖P_x U_xᴴ − A_x'‖ with x' the
    neighbour, from the place with most energy outwards, so that virtual coils are smooth along x.

    Parameters
    ----------
    kspace
        ``(coils, ..., n0)``, complex, the readout last, zero frequency at N//2.
    coils
        How many virtual coils; or
    tolerance
        as few as lose no more than this share of the energy.

    Errors: as for :func:`coil_compression`.

    Source: T. Zhang et al., Magn. Reson. Med. 69 (2013) 571.
    """
    owner = "geometric_coil_compression"
    hybrid = centred_ifft(_checked(kspace, owner), 1).movedim(-1, 0)
    hybrid = hybrid.reshape(*hybrid.shape[:2], -1)
    values, vectors = torch.linalg.eigh(hybrid @ hybrid.mH)
    values = values.clamp(min=0).flip(-1)
    kept = _kept(values.sum(0), coils, tolerance, owner)
    return _aligned(vectors.flip(-1)[..., :kept].mH.resolve_conj(), int(values.sum(-1).argmax()))


def _aligned(matrices: Tensor, start: int) -> Tensor:
    """Each of ``(n0, virtual, coils)`` turned towards its neighbour on the side of ``start``."""
    turned = matrices.clone()
    for order in (range(start + 1, len(matrices)), range(start - 1, -1, -1)):
        before = turned[start]
        for x in order:
            U, _, Vh = torch.linalg.svd(matrices[x] @ before.mH)
            before = turned[x] = Vh.mH @ U.mH @ matrices[x]
    return turned


def _checked(kspace: Tensor, owner: str) -> Tensor:
    samples = fixed(kspace, owner, "kspace")
    if not samples.is_complex():
        raise TypeError(f"{owner} expects complex k-space, got {str(samples.dtype).removeprefix('torch.')}.")
    if samples.ndim < 2 or not bool(samples.any()):
        raise ValueError(f"{owner} expects k-space (coils, ...) with samples other than zero.")
    return samples.to(torch.complex128)


def _kept(energies: Tensor, coils: int | None, tolerance: float | None, owner: str) -> int:
    """How many of the components, of falling energies, to keep."""
    if (coils is None) == (tolerance is None):
        raise ValueError(f"{owner} expects either a number of coils or a tolerance.")
    if coils is not None:
        if coils % 1 != 0 or not 1 <= coils <= len(energies):
            raise ValueError(f"{owner} expects from 1 to {len(energies)} virtual coils, got {coils}.")
        return int(coils)
    if tolerance is None or not 0 <= tolerance < 1:
        raise ValueError(f"{owner} expects a tolerance from 0 to 1, 1 excluded, got {tolerance}.")
    lost = energies.flip(-1).cumsum(-1).flip(-1)
    allowed = max(tolerance, len(energies) * torch.finfo(energies.dtype).eps) * lost[0]
    return max(1, int((lost > allowed).sum()))
