"""Coil sensitivities from the calibration centre of k-space."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators.mri.coil_vectors import (
    blocks,
    calibration_centre,
    check_settings,
    item_by_item,
    principal,
    reference_coil,
    referred,
    waves,
)
from recon.operators.tensors import is_number

_PIXELS = 1 << 13
"""Pixels whose coil matrices are held at a time."""
_PATCHES = 256
"""Patches, or kernels, that are held at a time."""


def estimate_coil_maps(
    kspace: Tensor,
    calib_width: int = 24,
    kernel_width: int = 6,
    thresh: float = 0.02,
    crop: float = 0.95,
    sets: int | None = None,
    ndim: int = 2,
) -> Tensor:
    """ESPIRiT coil maps S with Σ_c |S_c|² = 1 where there is signal and 0 elsewhere.

    Patches of k-space of all coils, ``kernel_width`` wide, span a small space; q_n are the eigenvectors of their Gram
    matrix with singular values above ``thresh`` times the largest. In the image domain projection on that space,
    averaged over the positions of the window, multiplies the coil vector of each pixel by

        G(x) = k⁻ᵈ Σ_n q̂_n(x) q̂_n(x)ᴴ,   q̂_n(x)_c = Σ_δ q_n[c, δ] exp(2πi δ·x/N),

    of which S(x) is the eigenvector for the eigenvalue 1. It is taken from G^64, so that what remains of the next
    eigenvector is (λ₂/λ₁)^64. Its phase, which no data determine, is chosen so that the virtual coil that carries most
    energy in the calibration data has real, positive sensitivity.

    Where an object is wider than the field of view, or motion mixes two of its states, several eigenvalues are near 1.
    The ``sets`` first eigenvectors, orthogonal at each pixel, are then maps of as many images for :class:`SoftSENSE`.

    Parameters
    ----------
    kspace
        ``(*batch, coils, [nz,] ny, nx)``, complex, zero frequency at N//2, zeros where nothing was sampled.
    calib_width
        Greatest width of the calibration region. The fully sampled centre is detected and cut to this width, along
        each axis.
    kernel_width
        k, width of the patches in samples.
    thresh
        Relative singular value below which patches count as noise.
    crop
        Pixels with an eigenvalue below this get maps of zero, in each of the sets.
    sets
        How many maps a pixel has; None for one, ``(*batch, coils, [nz,] ny, nx)``, else
        ``(*batch, sets, coils, [nz,] ny, nx)``.
    ndim
        d, axes of one image: 2 for (ny, nx), where axes before the coils are slices or other items, 3 for (nz, ny, nx).

    Errors: TypeError for real k-space, ValueError for other shapes, non-finite samples, or where no fully sampled
    centre at least ``kernel_width`` wide is found.

    Source: M. Uecker et al., Magn. Reson. Med. 71 (2014) 990.
    """
    check_settings("estimate_coil_maps", calib_width, crop, kernel_width=kernel_width)
    if not is_number(thresh) or not 0 <= thresh < 1:
        raise ValueError(f"estimate_coil_maps expects thresh from 0 to 1, 1 excluded, got {thresh!r}.")
    return item_by_item(
        kspace, lambda item: _maps(item, calib_width, kernel_width, thresh, crop, sets), "estimate_coil_maps", ndim
    )


def _maps(kspace: Tensor, calib_width: int, kernel_width: int, thresh: float, crop: float, sets: int | None) -> Tensor:
    coils, *shape = kspace.shape
    if sets is not None and not 1 <= sets <= coils:
        raise ValueError(f"estimate_coil_maps expects sets from 1 to the number of coils, {coils}, got {sets}.")
    region = calibration_centre(
        kspace,
        calib_width,
        kernel_width,
        "estimate_coil_maps",
        "give coil maps, or a smaller kernel_width or calib_width",
    )
    calibration = kspace[(slice(None), *region)].to(torch.complex128)
    reference = reference_coil(calibration)
    lags = _lag_kernel(calibration, kernel_width, thresh).to(kspace)
    t = torch.arange(2 * kernel_width - 1)
    t = torch.where(t < kernel_width, t, t - len(t))
    *depth, y, x = (waves(n, t).to(kspace) for n in shape)
    maps = kspace.new_empty((sets or 1, coils, *shape))
    for plane in range(shape[0]) if depth else (0,):
        here = torch.tensordot(depth[0][plane], lags, 1) if depth else lags
        out = maps[:, :, plane] if depth else maps
        for rows, _ in blocks(shape[-2:], _PIXELS):
            along_y = torch.tensordot(y[rows], here, 1).flatten(2)
            G = (x @ along_y).unflatten(-1, (coils, coils))
            S, eigenvalues = _first(G, sets)
            S = referred(S * torch.where(eigenvalues < crop, 0, 1)[..., None], reference)
            out[:, :, rows] = S.permute(2, 3, 0, 1)
    return maps[0] if sets is None else maps


def _first(G: Tensor, sets: int | None) -> tuple[Tensor, Tensor]:
    """The first eigenvectors ``(..., sets, coils)`` and eigenvalues ``(..., sets)``, largest first."""
    if sets is None or sets == 1:
        vector, value = principal(G)
        return vector[..., None, :], value[..., None]
    values, vectors = torch.linalg.eigh(G)
    return vectors.mT.flip(-2)[..., :sets, :], values.flip(-1)[..., :sets]


def _lag_kernel(calibration: Tensor, k: int, thresh: float) -> Tensor:
    """k⁻ᵈ Σ_n Σ_δ q_n[c, δ + t] conj(q_n[d, δ]) for lags t, cyclic in 2k − 1: ``(2k−1, ..., 2k−1, coils, coils)``."""
    coils, ndim = len(calibration), calibration.ndim - 1
    patches = calibration
    for axis in range(1, ndim + 1):
        patches = patches.unfold(axis, k, 1)
    patches = patches.movedim(0, ndim).flatten(0, ndim - 1)
    gram = calibration.new_zeros((coils * k**ndim,) * 2)
    for part in patches.split(_PATCHES):
        columns = part.flatten(1)
        gram.addmm_(columns.mT, columns.conj())
    values, vectors = torch.linalg.eigh(gram)
    kept = vectors[:, values > thresh**2 * values[-1]]
    size, dims = (2 * k - 1,) * ndim, tuple(range(-ndim, 0))
    products = calibration.new_zeros((*size, coils, coils)).flatten(0, ndim - 1)
    for part in kept.mT.split(_PATCHES):
        kernels = part.reshape(-1, coils, *(k,) * ndim)
        spectra = torch.fft.fftn(kernels, size, dim=dims).flatten(2).permute(2, 1, 0)
        products += spectra @ spectra.mH
    lags: Tensor = torch.fft.ifftn(products.unflatten(0, size), dim=tuple(range(ndim))) / k**ndim
    return lags
