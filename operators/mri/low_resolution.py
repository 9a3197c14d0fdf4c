"""Coil sensitivities from images of the centre of k-space."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators.mri.coil_vectors import (
    calibration_centre,
    check_settings,
    item_by_item,
    low_resolution_images,
)

_LEAST = 4


def low_resolution_coil_maps(kspace: Tensor, calib_width: int = 24, crop: float = 0.05, ndim: int = 2) -> Tensor:
    """S_c = m_c / (Σ_d |m_d|²)^½ from images m_c of the fully sampled centre of k-space; 0 where there is no signal.

    The images are weighted by cos² against ringing. They carry the smooth phase of the object too, so that images
    reconstructed with such maps have little phase left. The quickest of the estimates and the least exact: m_c is S_c
    times the object only as far as S_c does not change over the resolution of m_c, least so at the object's edge.

    Parameters
    ----------
    kspace
        ``(*batch, coils, [nz,] ny, nx)``, complex, zero frequency at N//2, zeros where nothing was sampled.
    calib_width
        Greatest width of the centre that is used.
    crop
        Pixels whose (Σ_c |m_c|²)^½ is below this times the largest get maps of zero.
    ndim
        Axes of one image: 2 for (ny, nx), where axes before the coils are slices or other items, 3 for (nz, ny, nx).

    Errors: TypeError for real k-space, ValueError for other shapes, non-finite samples, or where the fully sampled
    centre is less than 4 samples wide.

    Source: C. A. McKenzie et al., Magn. Reson. Med. 47 (2002) 529.
    """
    check_settings("low_resolution_coil_maps", calib_width, crop)
    return item_by_item(kspace, lambda item: _maps(item, calib_width, crop), "low_resolution_coil_maps", ndim)


def _maps(kspace: Tensor, calib_width: int, crop: float) -> Tensor:
    region = calibration_centre(kspace, calib_width, _LEAST, "low_resolution_coil_maps", "give coil maps")
    images = low_resolution_images(kspace, region)
    size = torch.linalg.vector_norm(images, dim=0)
    kept = (size >= crop * size.max()) & (size > 0)
    images *= kept / torch.where(kept, size, 1)
    return images
