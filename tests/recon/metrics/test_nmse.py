"""NMSE in closed form."""

from math import inf

import pytest
import torch
from skimage.metrics import normalized_root_mse

from recon.metrics import nmse


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_a_scaled_image():
    t = random(2, 4, 5)
    factors = torch.tensor([1.5, 0.0])[:, None, None]
    assert nmse(factors * t, t).tolist() == pytest.approx([0.25, 1.0])
    assert nmse(1j * t, t.to(torch.complex64)).tolist() == pytest.approx([2.0, 2.0])


def test_against_scikit_image():
    x, t = random(7, 9), random(7, 9, seed=1)
    assert float(nmse(x, t)) == pytest.approx(normalized_root_mse(t.numpy(), x.numpy()) ** 2, rel=1e-6)


def test_a_truth_of_zeros():
    zero = torch.zeros(3, 3)
    assert float(nmse(zero, zero)) == 0
    assert float(nmse(zero + 1, zero)) == inf


def test_items_of_three_dimensions():
    x, t = random(2, 3, 4, 5), random(2, 3, 4, 5, seed=1)
    expected = [float((a - b).square().sum() / b.square().sum()) for a, b in zip(x, t, strict=True)]
    assert nmse(x, t, ndim=3).tolist() == pytest.approx(expected, rel=1e-6)
