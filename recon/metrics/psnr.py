"""Peak signal-to-noise ratio."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.metrics.checks import as_items, check_range


def psnr(image: Tensor, truth: Tensor, *, data_range: float, ndim: int = 2) -> Tensor:
    """10 log₁₀(L² / mean|x − t|²) in dB, infinite for equal images.

    Parameters
    ----------
    image, truth
        ``(*batch, *item)``, real or complex.
    data_range
        L, the span of values that the image can take: 1 for photographs in [0, 1].
    ndim
        Dimensions of one item, counted from the last; 3 takes the mean over the colours of (3, H, W).

    Returns
    -------
    One value per item, ``batch``, in double precision.
    """
    check_range(data_range, "psnr")
    x, t = as_items(image, truth, ndim, "psnr")
    error = (x - t).abs().square().flatten(x.ndim - ndim).mean(-1)
    return 10 * torch.log10(data_range**2 / error)
