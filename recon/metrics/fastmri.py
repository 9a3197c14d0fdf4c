"""The evaluation of fastMRI: errors of whole volumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

WINDOW, K1, K2 = 7, 0.01, 0.03


class FastMRIScores(NamedTuple):
    """NMSE, PSNR in dB and SSIM of a volume."""

    nmse: float
    psnr: float
    ssim: float


def fastmri_scores(image: Tensor, target: Tensor) -> FastMRIScores:
    """NMSE, PSNR and SSIM of a volume as fastMRI defines them.

    With v the magnitude of the image, of which the middle is taken where it is larger than the target t,

        NMSE = ‖v − t‖²/‖t‖²,   PSNR = 10 log₁₀(max(t)²/mean|v − t|²),

    norms, mean and maximum over the volume. SSIM is that in a window of 7 × 7 equal weights, K₁ = 0.01, K₂ = 0.03, with
    sample covariances and the volume's maximum for the data range; the mean over slices and the pixels whose window
    lies in the slice.

    Parameters
    ----------
    image
        ``([slices,] rows, columns)``, real or complex, at least as large as the target.
    target
        Real, ``([slices,] rows, columns)``: ``reconstruction_rss`` or ``reconstruction_esc`` of the files.

    Source: J. Zbontar et al., arXiv:1811.08839, section 5.
    """
    if target.is_complex() or target.ndim not in (2, 3) or image.ndim != target.ndim:
        raise ValueError(
            "fastmri_scores expects a real target ([slices,] rows, columns) and an image with as many axes, got "
            f"shapes {tuple(target.shape)} and {tuple(image.shape)}."
        )
    v = centre_crop(image.detach(), target.shape[-2:]).abs().double()
    t = target.detach().double()
    if v.shape != t.shape:
        raise ValueError(f"fastmri_scores expects {len(t)} slices as in the target, got {len(v)}.")
    peak = t.amax()
    if min(t.shape[-2:]) < WINDOW or not float(peak) > 0:
        raise ValueError(
            f"fastmri_scores expects a target with values above zero of at least {WINDOW} pixels each way, "
            f"got shape {tuple(t.shape)}."
        )
    error = (v - t).square()
    similarity = _ssim(v.reshape(-1, 1, *t.shape[-2:]), t.reshape(-1, 1, *t.shape[-2:]), peak)
    return FastMRIScores(
        nmse=float(error.sum() / t.square().sum()),
        psnr=float(10 * torch.log10(peak.square() / error.mean())),
        ssim=float(similarity),
    )


def centre_crop(image: Tensor, shape: Sequence[int]) -> Tensor:
    """The middle of the last two axes, from (N − n)//2 on, as fastMRI crops."""
    rows, columns = image.shape[-2:]
    if rows < shape[0] or columns < shape[1]:
        raise ValueError(f"centre_crop expects images of at least {tuple(shape)} pixels, got {(rows, columns)}.")
    top, left = (rows - shape[0]) // 2, (columns - shape[1]) // 2
    return image[..., top : top + shape[0], left : left + shape[1]]


def _ssim(v: Tensor, t: Tensor, peak: Tensor) -> Tensor:
    """The mean over all windows of all slices ``(slices, 1, rows, columns)``."""

    def mean(z: Tensor) -> Tensor:
        return avg_pool2d(z, WINDOW, stride=1)

    unbiased = WINDOW**2 / (WINDOW**2 - 1)
    mv, mt = mean(v), mean(t)
    var_v, var_t = unbiased * (mean(v * v) - mv * mv), unbiased * (mean(t * t) - mt * mt)
    covariance = unbiased * (mean(v * t) - mv * mt)
    c1, c2 = (K1 * peak).square(), (K2 * peak).square()
    index = (2 * mv * mt + c1) * (2 * covariance + c2) / ((mv * mv + mt * mt + c1) * (var_v + var_t + c2))
    return index.mean()
