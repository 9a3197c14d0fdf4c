"""PSNR in closed form."""

from math import inf, log10

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from recon.metrics import psnr


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_a_constant_error():
    truth = random(3, 8, 9).double()
    errors = torch.tensor([0.1, 1.0, 0.0], dtype=torch.float64)[:, None, None]
    assert psnr(truth + errors, truth, data_range=2.0).tolist() == pytest.approx([20 * log10(20), 20 * log10(2), inf])


def test_against_scikit_image():
    x, t = random(7, 9), random(7, 9, seed=1)
    expected = peak_signal_noise_ratio(t.numpy(), x.numpy(), data_range=3.0)
    assert float(psnr(x, t, data_range=3.0)) == pytest.approx(expected, rel=1e-6)


def test_complex_errors_count_whole():
    t = torch.zeros(4, 4, dtype=torch.complex64)
    assert float(psnr(t + (3 + 4j), t, data_range=5.0)) == pytest.approx(0, abs=1e-6)


def test_one_value_an_item_whatever_its_neighbours():
    x, t = random(2, 3, 4, 5), random(2, 3, 4, 5, seed=1)
    assert psnr(x, t, data_range=1.0).shape == (2, 3)
    assert psnr(x, t, data_range=1.0, ndim=3).shape == (2,)
    assert torch.equal(psnr(x, t, data_range=1.0)[1, 2], psnr(x[1, 2], t[1, 2], data_range=1.0))
    assert psnr(x[:0], t[:0], data_range=1.0).shape == (0, 3)


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"psnr expects image and truth of one shape, got \(4, 4\) and \(1, 4\)"):
        psnr(torch.ones(4, 4), torch.ones(1, 4), data_range=1.0)
    with pytest.raises(
        ValueError, match="psnr expects a positive data_range, the span of values the image can take, got"
    ):
        psnr(torch.ones(4, 4), torch.ones(4, 4), data_range=0.0)
    with pytest.raises(ValueError, match=r"psnr expects 1 <= ndim <= 2 for shape \(4, 4\), got 3"):
        psnr(torch.ones(4, 4), torch.ones(4, 4), data_range=1.0, ndim=3)
