"""The network of Ryu and others: its form, and the files in which its weights come."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn.functional import conv2d

from recon.priors import DenoiserPrior, SimpleCNN


def weights(path: Path) -> dict[str, torch.Tensor]:
    """A file as spectral normalisation leaves it."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for place, (fan_in, fan_out) in zip((0, 2, 4, 6), ((1, 8), (8, 8), (8, 8), (8, 1)), strict=True):
        kernel = torch.randn(fan_out, fan_in, 3, 3, generator=generator) / (3 * fan_in**0.5)
        state[f"dncnn.{place}.weight"] = kernel
        state[f"dncnn.{place}.weight_orig"] = 7 * kernel
        state[f"dncnn.{place}.weight_u"] = torch.randn(1, fan_out, 5, 5, generator=generator)
    torch.save(state, path)
    return state


def test_it_subtracts_four_convolutions(tmp_path: Path) -> None:
    state = weights(tmp_path / "cnn.pth")
    network = SimpleCNN(tmp_path / "cnn.pth", features=8)
    x = torch.randn(2, 1, 12, 11)
    noise = x
    for place in (0, 2, 4, 6):
        noise = conv2d(noise if place == 0 else noise.relu(), state[f"dncnn.{place}.weight"], padding=1)
    torch.testing.assert_close(network(x), x - noise)
    torch.testing.assert_close(network(3 * x), 3 * network(x))
    denoised = DenoiserPrior(network, 0.1, channels=1).denoise(x[:, 0])
    torch.testing.assert_close(denoised, network(x)[:, 0])


def test_other_files_are_refused(tmp_path: Path) -> None:
    weights(tmp_path / "cnn.pth")
    with pytest.raises(ValueError, match=r"do not fit SimpleCNN: dncnn.0.weight is \(8, 1, 3, 3\)"):
        SimpleCNN(tmp_path / "cnn.pth")
    with pytest.raises(ValueError, match="features >= 1, got 0"):
        SimpleCNN(features=0)
