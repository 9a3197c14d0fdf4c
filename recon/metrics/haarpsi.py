"""The Haar wavelet-based perceptual similarity index."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.metrics.checks import as_items, check_range

C, ALPHA = 30.0, 4.2
"""The constants of the index's authors, fitted to judgements of natural images."""


def haarpsi(image: Tensor, truth: Tensor, *, low: float, data_range: float, color: bool = False) -> Tensor:
    """HaarPSI, from 0 to 1 for equal images; by deepinv.

    Similarities of the Haar coefficients of the two finest scales, weighted by those of the third. Values are mapped
    from [low, low + data_range] to [0, 255], and what lies outside is clipped.

    Parameters
    ----------
    image, truth
        ``(*batch, H, W)``, or ``(*batch, 3, H, W)`` where ``color``; real.
    low, data_range
        The least value that an image can take, and the span above it.

    Returns
    -------
    One value per item, ``batch``, in double precision.

    Source: Reisenhofer, Bosse, Kutyniok and Wiegand, Signal Processing: Image Communication 61 (2018) 33.
    """
    from deepinv.loss.metric import HaarPSI

    check_range(data_range, "haarpsi")
    if image.is_complex() or truth.is_complex():
        raise TypeError("haarpsi expects real images; compare magnitudes with x.abs().")
    ndim = 3 if color else 2
    x, t = as_items(image, truth, ndim, "haarpsi")
    batch = x.shape[: x.ndim - ndim]
    planes = (-1, 3 if color else 1, *x.shape[-2:])
    shown = [((one - low) / data_range).clamp(0, 1).float().reshape(planes) for one in (x, t)]
    values: Tensor = HaarPSI(C=C, alpha=ALPHA)(*shown)
    return values.detach().to(torch.float64).reshape(batch)
