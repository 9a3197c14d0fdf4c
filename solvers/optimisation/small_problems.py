"""Small problems that optimisation solvers offer as their examples."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from recon.operators.diagonal import Diagonal
from recon.operators.gradient import Gradient
from recon.operators.noise import GaussianNoise
from recon.priors.handcrafted.box import NonNegative
from recon.priors.handcrafted.tikhonov import Tikhonov
from recon.priors.handcrafted.total_variation import TotalVariation
from recon.solvers.problem import Problem


def small_problems() -> Iterator[Problem]:
    """Quadratic, total-variation and constrained problems on images of a few pixels, two or three items each."""
    generator = torch.Generator().manual_seed(3)
    weights = torch.linspace(0.3, 1.2, 30, dtype=torch.float64).reshape(5, 6)
    data = torch.rand((3, 5, 6), generator=generator, dtype=torch.float64)
    yield Problem(Diagonal(weights), data, GaussianNoise(0.5), Tikhonov(0.4))
    yield Problem(Diagonal(weights), data, GaussianNoise(0.5), TotalVariation(0.4))
    edges = Gradient((5, 6))(data[:2])
    yield Problem(Gradient((5, 6)), edges, GaussianNoise(0.7), TotalVariation(0.2) + NonNegative())
