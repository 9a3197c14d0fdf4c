"""A mixture prior in the plane with data that favour one of its modes, and distances between samples."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators import GaussianNoise
from recon.priors import GaussianMixturePrior, GaussianPrior
from recon.solvers import Problem
from tests.solvers.sampling.audit import matrix_operator

PRIOR = GaussianMixturePrior(
    (0.5, 0.5),
    [GaussianPrior(torch.tensor([2.0, -1.0]), std=0.3), GaussianPrior(torch.tensor([-2.0, 1.0]), std=0.3)],
)
OPERATOR = matrix_operator(torch.tensor([[1.0, 0.2]], dtype=torch.float64))
DATA = torch.tensor([0.25], dtype=torch.float64)
SIGMA = 0.5
POSTERIOR = PRIOR.posterior(OPERATOR, DATA, SIGMA)
EXACT = float(POSTERIOR.weights[0])
"""The posterior weight of the first mode, .932."""


def two_modes(items: int) -> Problem:
    """The question, asked so many times."""
    return Problem(OPERATOR, DATA.expand(items, 1), GaussianNoise(SIGMA), PRIOR)


def share(x: Tensor) -> float:
    """The share of samples ``(count, 2)`` in the first mode."""
    return float((x[:, 0] > 0).double().mean())


def sliced_w2(x: Tensor, y: Tensor, directions: int = 64) -> float:
    """Sliced Wasserstein-2 distance of samples: root mean square over directions of that of projections."""
    angles = torch.arange(directions, dtype=torch.float64) * torch.pi / directions
    along = torch.stack([angles.cos(), angles.sin()])
    q = (torch.arange(512, dtype=torch.float64) + 0.5) / 512
    a, b = (torch.quantile(v.double() @ along, q, dim=0) for v in (x, y))
    return float((a - b).square().mean().sqrt())
