"""Coil sensitivities from local correlations of coil images."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators.mri.coil_vectors import (
    blocks,
    calibration_centre,
    check_settings,
    item_by_item,
    low_resolution_images,
    principal,
    reference_coil,
    referred,
)

_LEAST = 4
_PIXELS = 1 << 13
"""Pixels whose coil matrices are held at a time."""


def walsh_coil_maps(
    kspace: Tensor, calib_width: int = 24, window: int = 5, crop: float = 0.05, ndim: int = 2
) -> Tensor:
    """Adaptive coil maps with Σ_c |S_c|² = 1 where there is signal and 0 elsewhere.

    From images m_c of the fully sampled centre of k-space, S(x) is the eigenvector for the largest eigenvalue of

        R(x) = Σ_{|x' − x|_∞ ≤ window/2} m(x') m(x')ᴴ,

    the filter that combines coils with the best ratio of signal to white noise. Its phase is chosen as that of
    :func:`~recon.operators.mri.espirit.estimate_coil_maps`. Cheaper than ESPIRiT and without its kernels, but no better
    resolved than the centre of k-space, and biased where R mixes tissues of different phase.

    Parameters
    ----------
    kspace
        ``(*batch, coils, [nz,] ny, nx)``, complex, zero frequency at N//2, zeros where nothing was sampled.
    calib_width
        Greatest width of the centre that is used; as wide as k-space for fully sampled data.
    window
        Width of the neighbourhood in pixels along each axis, odd.
    crop
        Pixels whose (Σ_c |m_c|²)^½ is below this times the largest get maps of zero.
    ndim
        Axes of one image: 2 for (ny, nx), where axes before the coils are slices or other items, 3 for (nz, ny, nx).

    Errors: TypeError for real k-space, ValueError for other shapes, non-finite samples, or where the fully sampled
    centre is less than 4 samples wide.

    Source: D. O. Walsh et al., Magn. Reson. Med. 43 (2000) 682.
    """
    if window < 1 or window % 2 == 0:
        raise ValueError(f"walsh_coil_maps expects an odd window, got {window}.")
    check_settings("walsh_coil_maps", calib_width, crop)
    return item_by_item(kspace, lambda item: _maps(item, calib_width, window // 2, crop), "walsh_coil_maps", ndim)


def _maps(kspace: Tensor, calib_width: int, reach: int, crop: float) -> Tensor:
    region = calibration_centre(kspace, calib_width, _LEAST, "walsh_coil_maps", "give coil maps")
    images = low_resolution_images(kspace, region)
    size = torch.linalg.vector_norm(images, dim=0)
    kept = size >= crop * size.max()
    reference = reference_coil(kspace[(slice(None), *region)])
    images /= size.max().clamp(min=torch.finfo(size.dtype).tiny)
    padded = torch.nn.functional.pad(images, (reach, reach) * size.ndim).movedim(0, -1)
    maps = images  # which the padded copy stands for from here on
    for box in blocks(size.shape, _PIXELS):
        part = padded[tuple(slice(s.start, s.stop + 2 * reach) for s in box)]
        R = part[..., None] * part[..., None, :].conj()
        for axis in range(size.ndim):
            R = _sums(R, axis, 2 * reach + 1)
        vectors = referred(principal(R)[0], reference) * kept[box][..., None]
        maps[(slice(None), *box)] = vectors.movedim(-1, 0)
    return maps


def _sums(x: Tensor, axis: int, width: int) -> Tensor:
    """Sums over ``width`` neighbours along an axis, where there are as many."""
    count = x.shape[axis] - width + 1
    total = x.narrow(axis, 0, count).clone()
    for shift in range(1, width):
        total += x.narrow(axis, shift, count)
    return total
