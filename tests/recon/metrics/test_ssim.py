"""SSIM against its definition, written out."""

import numpy as np
import pytest
import torch

from recon.metrics import ssim


def random(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_definition(x, t, span):
    """Wang et al. (2004): an 11 × 11 Gaussian window at every place where it fits."""
    offsets = np.arange(-5, 6)
    w = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    w /= w.sum()
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    values = []
    for i in range(5, x.shape[0] - 5):
        for j in range(5, x.shape[1] - 5):
            a, b = x[i - 5 : i + 6, j - 5 : j + 6], t[i - 5 : i + 6, j - 5 : j + 6]
            ma, mb = (w * a).sum(), (w * b).sum()
            va, vb, cov = (w * a * a).sum() - ma**2, (w * b * b).sum() - mb**2, (w * a * b).sum() - ma * mb
            values.append((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    return np.mean(values)


def test_definition():
    t = random(16, 19)
    x = 0.7 * t + 0.2 * random(16, 19, seed=1)
    assert float(ssim(x, t, data_range=1.0)) == pytest.approx(by_definition(x.numpy(), t.numpy(), 1.0), rel=1e-9)


def test_constant_images():
    """Only the luminance term differs from 1."""
    x, t = torch.full((12, 12), 0.25), torch.full((12, 12), 0.75)
    assert float(ssim(x, t, data_range=1.0)) == pytest.approx((2 * 0.25 * 0.75 + 1e-4) / (0.0625 + 0.5625 + 1e-4))


def test_items_and_colours():
    t = random(2, 3, 12, 14)
    x = t + 0.1 * random(2, 3, 12, 14, seed=1)
    each = ssim(x, t, data_range=1.0)
    assert each.shape == (2, 3)
    assert torch.allclose(ssim(x, t, data_range=1.0, ndim=3, color=True), each.mean(-1))
    assert torch.equal(ssim(x[1, 2], t[1, 2], data_range=1.0), each[1, 2])
    assert torch.equal(ssim(t, t, data_range=1.0), torch.ones(2, 3, dtype=torch.float64))


def test_what_is_refused():
    with pytest.raises(TypeError, match=r"ssim expects real images; compare magnitudes with x.abs\(\)"):
        ssim(torch.ones(12, 12) * 1j, torch.ones(12, 12), data_range=1.0)
    with pytest.raises(ValueError, match=r"ssim expects images of at least 11 pixels along each axis, got \(8, 12\)"):
        ssim(torch.ones(8, 12), torch.ones(8, 12), data_range=1.0)
