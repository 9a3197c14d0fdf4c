"""Few-view tomography of a piecewise constant object."""

from __future__ import annotations

from math import log10, pi

import torch
from torch import Tensor

from recon.operators import FilteredBackprojection, GaussianNoise, ParallelBeam, RayTransform, Volume
from recon.phantoms import Ellipse, EllipsePhantom

SIZE = 48
VOLUME = Volume((SIZE, SIZE))
SCAN = RayTransform(VOLUME, ParallelBeam(angles=[pi * k / 12 for k in range(12)], bins=69))
"""12 views over half a turn."""

SIGMA = 0.2
"""Half a per cent of the largest line integral."""

NOISE = GaussianNoise(SIGMA)


def object_() -> Tensor:
    """A slice with inserts, values from 0 to 1.6."""
    parts = [
        Ellipse(1.0, 20, 17),
        Ellipse(-0.5, 5, 7.5, -7, 2, 0.4),
        Ellipse(0.6, 4, 4, 8, -6),
        Ellipse(-0.7, 2.5, 4.5, 7, 6, -0.6),
        Ellipse(0.4, 2, 2, -2, -10),
        Ellipse(0.3, 4.5, 2.5, 0, 11),
    ]
    return EllipsePhantom(parts).rasterise(VOLUME, samples=1, dtype=torch.float64)


def scanned(truth: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Noisy line integrals, and their filtered backprojection."""
    data = NOISE.sample(SCAN(truth), torch.Generator().manual_seed(seed))
    return data, FilteredBackprojection(SCAN, filter="hann")(data)


def psnr(image: Tensor, truth: Tensor) -> float:
    """In dB, for a range of 1.6."""
    return 10 * log10(1.6**2 / float((image - truth).square().mean()))
