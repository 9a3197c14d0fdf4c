"""Structural similarity."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.metrics.checks import as_items, check_range

_WINDOW = 11


def ssim(image: Tensor, truth: Tensor, *, data_range: float, ndim: int = 2, color: bool = False) -> Tensor:
    """Mean structural similarity in the form of its authors, at most 1.

    The local index (2μ_xμ_t + C₁)(2σ_xt + C₂)/((μ_x² + μ_t² + C₁)(σ_x² + σ_t² + C₂)), C₁ = (0.01L)², C₂ = (0.03L)²,
    with moments in a Gaussian window of σ = 1.5 cut to 11 pixels, is averaged over the pixels whose window lies in the
    image; by scikit-image.

    Parameters
    ----------
    image, truth
        ``(*batch, *item)``, real.
    data_range
        L, the span of values that the image can take.
    ndim
        Dimensions of one item, colours included.
    color
        Whether an item's first axis holds colours, over which the mean is taken.

    Returns
    -------
    One value per item, ``batch``, in double precision.

    Source: Wang, Bovik, Sheikh and Simoncelli, IEEE Transactions on Image Processing 13 (2004) 600.
    """
    from skimage.metrics import structural_similarity

    check_range(data_range, "ssim")
    if image.is_complex() or truth.is_complex():
        raise TypeError("ssim expects real images; compare magnitudes with x.abs().")
    x, t = as_items(image, truth, ndim, "ssim")
    item = tuple(x.shape[x.ndim - ndim :])
    if any(size < _WINDOW for size in item[int(color) :]):
        raise ValueError(f"ssim expects images of at least {_WINDOW} pixels along each axis, got {item}.")
    values = [
        structural_similarity(
            one.numpy(),
            reference.numpy(),
            data_range=data_range,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            channel_axis=0 if color else None,
        )
        for one, reference in zip(x.cpu().reshape(-1, *item), t.cpu().reshape(-1, *item), strict=True)
    ]
    return torch.tensor(values, dtype=torch.float64).reshape(x.shape[: x.ndim - ndim])
