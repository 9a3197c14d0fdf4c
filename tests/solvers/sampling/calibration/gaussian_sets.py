"""Test sets whose posteriors are known: Gaussian images behind noise, with samples that are right or wrong."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.solvers import PosteriorSamples

SIZE = 6
STD = torch.linspace(0.3, 2.0, SIZE, dtype=torch.float64)
"""Standard deviation of the pixels before rotation; that of the noise is 1."""
ROTATION = torch.linalg.qr(torch.randn(SIZE, SIZE, generator=torch.Generator().manual_seed(1)).double()).Q


def drawn(
    items: int, samples: int, seed: int, *, width: float = 1.0, shift: float = 0.0, field: str = "real"
) -> tuple[PosteriorSamples, Tensor]:
    """Samples of p(x | y) for y = x + n, ``width`` times too wide and ``shift`` posterior deviations off, and x."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*size: int) -> Tensor:
        if field == "real":
            return torch.randn(size, generator=generator, dtype=torch.float64)
        return torch.randn(size, generator=generator, dtype=torch.complex128) * 2**0.5

    rotation = ROTATION.to(torch.complex128) if field == "complex" else ROTATION
    x = STD * normal(items, SIZE)
    gain = STD**2 / (1 + STD**2)
    mean, std = gain * (x + normal(items, SIZE)), gain.sqrt()
    found = mean + std * (width * normal(samples, items, SIZE) + shift)
    return PosteriorSamples.of(found @ rotation.T, ndim=1), x @ rotation.T
