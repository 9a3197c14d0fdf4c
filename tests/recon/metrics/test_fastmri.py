"""The evaluation of fastMRI beside scikit-image, whose defaults its constants are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from recon.metrics import centre_crop, fastmri_scores


def volumes() -> tuple[torch.Tensor, torch.Tensor]:
    """Complex images, and targets of their middle; slices of very different brightness."""
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(3, 30, 25, dtype=torch.complex128, generator=generator).cumsum(1).cumsum(2)
    image = image * torch.tensor([1.0, 0.3, 5.0])[:, None, None]
    target = image.abs()[:, 5:25, 3:21] + torch.rand(3, 20, 18, generator=generator, dtype=torch.float64)
    return image, target


def test_scores_are_those_of_scikit_image_over_the_volume() -> None:
    image, target = volumes()
    v, t = image.abs()[:, 5:25, 3:21].numpy(), target.numpy()
    scores = fastmri_scores(image, target)
    assert scores.nmse == pytest.approx(np.linalg.norm(t - v) ** 2 / np.linalg.norm(t) ** 2, rel=1e-12)
    assert scores.psnr == pytest.approx(peak_signal_noise_ratio(t, v, data_range=t.max()), rel=1e-12)
    slices = [structural_similarity(a, b, data_range=t.max()) for a, b in zip(t, v, strict=True)]
    assert scores.ssim == pytest.approx(np.mean(slices), rel=1e-10)


def test_a_slice_is_a_volume_of_one() -> None:
    image, target = volumes()
    assert fastmri_scores(image[1], target[1]) == fastmri_scores(image[1:2], target[1:2])
    whole = fastmri_scores(target, target)
    assert (whole.nmse, whole.psnr) == (0, float("inf"))
    assert whole.ssim == pytest.approx(1)


def test_the_middle_begins_at_half_of_the_difference() -> None:
    x = torch.arange(7)[:, None] + 10 * torch.arange(6)
    assert torch.equal(centre_crop(x, (4, 3)), x[1:5, 1:4])


def test_what_does_not_fit_is_refused() -> None:
    image, target = volumes()
    with pytest.raises(ValueError, match="expects 2 slices as in the target, got 3"):
        fastmri_scores(image, target[:2])
    with pytest.raises(ValueError, match="expects a real target"):
        fastmri_scores(image, image)
    with pytest.raises(ValueError, match=r"at least \(20, 18\) pixels, got \(10, 25\)"):
        fastmri_scores(image[:, :10], target)
    with pytest.raises(ValueError, match="values above zero"):
        fastmri_scores(image, 0 * target)
