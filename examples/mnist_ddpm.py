"""A small DDPM of MNIST digits (28 × 28, values in [−0.5, 0.5]) as a diffusion prior.

In a job: ``prior: {name: examples/mnist_ddpm.py:DigitPrior, weights: FILE}``.

The network is a chain of wide convolutions with layer normalisation over the pixels; the time enters after the first.
Its trained weights are those of the public repository james-hughes1/diffusion-mnist (MIT licence).
"""

from __future__ import annotations

from math import pi
from pathlib import Path

import torch
from torch import Tensor, nn

from recon.priors import VPDiffusion, with_weights
from recon.priors.learned.weights import read_tensors


class DigitNetwork(nn.Module):
    """ε(x, t) for x ``(N, 1, 28, 28)`` and t ``(N,)`` in [0, 1]."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 32, 16), frequencies: int = 16) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        for before, after in zip((1, *widths), widths, strict=False):
            stages.append(_Stage(before, after))
        self.blocks = nn.ModuleList([*stages, nn.Conv2d(widths[-1], 1, 3, padding=1)])
        hidden = [nn.Linear(2 * frequencies, 128), nn.Linear(128, 128), nn.Linear(128, 128), nn.Linear(128, widths[0])]
        layers = [layer for linear in hidden for layer in (linear, nn.GELU())]
        self.time_embed = nn.Sequential(*layers[:-1])
        octaves = 1.5 ** torch.arange(frequencies - 1)
        self.register_buffer("frequencies", 2 * pi * torch.cat([torch.zeros(1), octaves]))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        angles = t[:, None] * self.frequencies
        moment = self.time_embed(torch.cat([angles.sin(), angles.cos() - 1], dim=1))
        first, *rest = self.blocks
        x = first(x) + moment[:, :, None, None]
        for block in rest:
            x = block(x)
        return x


class _Stage(nn.Module):
    """Convolution, layer normalisation over the pixels, GELU."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(before, after, 7, padding=3), nn.LayerNorm((28, 28)), nn.GELU())

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class DigitPrior(VPDiffusion):
    """Digits with values in [0, 1], 28 × 28.

    Parameters
    ----------
    weights
        The file of trained tensors. Its schedule, ``alpha_t``, has the levels t = 0, …, 1000; the network was trained
        on t/1000 for t ≥ 1.
    """

    def __init__(self, weights: str | Path) -> None:
        network = with_weights(DigitNetwork(), weights, prefix="gt.").requires_grad_(False)
        super().__init__(
            network,
            (28, 28),
            alphas_cumprod=read_tensors(weights)["alpha_t"][1:],
            first_time=1e-3,
            time_step=1e-3,
            network_range=(-0.5, 0.5),
        )
