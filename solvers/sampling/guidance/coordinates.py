"""Variance-preserving coordinates, in which many methods are published."""

from __future__ import annotations

from math import hypot

import torch
from torch import Tensor

from recon.operators.tensors import shared_number
from recon.priors.learned.diffusion import DiffusionPrior


def width(prior: DiffusionPrior, sigma: Tensor) -> Tensor:
    """1/√ᾱ = (1 + (scale·σ)²)^½ per item: x_t = (scale·u + shift)/width is the state as the network sees it.

    So a displacement of x_t is one of u over ``width/scale``, and ∇_{x_t} is ``width/scale`` times ∇_u.
    """
    number = shared_number(sigma)
    if number is not None:  # one small operation rather than four
        return torch.full_like(sigma, hypot(1, prior.scale * number))
    return (1 + (prior.scale * sigma).square()).sqrt()
