"""The signal levels ᾱ of variance-preserving processes, and where between them a noise level lies."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi
from typing import Literal, get_args

import torch
from torch import Tensor

from recon.operators.tensors import fixed

BetaSchedule = Literal["linear", "scaled_linear", "cosine", "continuous"]


def alphas_of(schedule: str, betas: Sequence[float], steps: int) -> Tensor:
    """ᾱ_i for i < ``steps``, in double precision.

    ==================  ================================================================================
    ``linear``          Π_{j ≤ i} (1 − β_j), β linear from ``betas[0]`` to ``betas[1]``: DDPM, ADM
    ``scaled_linear``   the same with √β linear: Stable Diffusion
    ``cosine``          Π_{j ≤ i} (1 − β_j), β_j = min(1 − f((j+1)/steps)/f(j/steps), 0.999),
                        f(t) = cos²((t + 0.008)/1.008 · π/2): Nichol and Dhariwal; ``betas`` is not used
    ``continuous``      exp(−t b₀ − t² (b₁ − b₀)/2), t = (i + 1)/steps, b = steps · ``betas``: Song's VP SDE
    ==================  ================================================================================
    """
    if schedule not in get_args(BetaSchedule):
        known = ", ".join(map(repr, get_args(BetaSchedule)))
        raise ValueError(f"expected beta_schedule among {known}, got {schedule!r}.")
    if schedule == "linear":
        return linear_alphas(betas, steps)
    first, last = _ends(betas, steps)
    if schedule == "scaled_linear":
        roots = torch.linspace(first**0.5, last**0.5, steps, dtype=torch.float64)
        return torch.cumprod(1 - roots.square(), 0)
    t = torch.arange(steps + 1, dtype=torch.float64) / steps
    if schedule == "cosine":
        f = ((t + 0.008) / 1.008 * pi / 2).cos().square()
        return torch.cumprod(1 - (1 - f[1:] / f[:-1]).clamp(max=0.999), 0)
    return (-steps * (t * first + t.square() * (last - first) / 2)).exp()[1:]


def linear_alphas(betas: Sequence[float], steps: int) -> Tensor:
    """ᾱ_i = Π_{j ≤ i} (1 − β_j) for β linear from ``betas[0]`` to ``betas[1]``, in double precision."""
    first, last = _ends(betas, steps)
    return torch.cumprod(1 - torch.linspace(first, last, steps, dtype=torch.float64), 0)


def checked_alphas(given: Tensor, owner: str) -> Tensor:
    """ᾱ in double precision; a last one of 0, where nothing but noise is left and σ is infinite, is left out."""
    alphas: Tensor = fixed(given, owner, "alphas_cumprod").double()
    if alphas.ndim == 1 and len(alphas) and float(alphas[-1]) == 0:
        alphas = alphas[:-1]
    if alphas.ndim != 1 or len(alphas) < 2 or not bool(((alphas > 0) & (alphas < 1)).all()):
        raise ValueError(f"{owner} expects alphas_cumprod to be at least two numbers between 0 and 1.")
    if bool((alphas[1:] >= alphas[:-1]).any()):
        raise ValueError(f"{owner} expects alphas_cumprod to decrease; flip it if it runs from noise to image.")
    return alphas


def index_of(sigma: Tensor, levels: Tensor) -> Tensor:
    """Where σ lies among ascending levels, as an index that is linear in log σ between them, in double precision."""
    knots = levels.log().to(sigma.device)
    at = sigma.double().log().clamp(float(knots[0]), float(knots[-1]))
    right = torch.searchsorted(knots, at.contiguous()).clamp(1, len(knots) - 1)
    fraction: Tensor = (at - knots[right - 1]) / (knots[right] - knots[right - 1])
    return right - 1 + fraction


def _ends(betas: Sequence[float], steps: int) -> tuple[float, float]:
    try:
        first, last = (float(b) for b in betas)
    except (TypeError, ValueError):
        raise ValueError(f"expected betas = (first, last), got {betas!r}.") from None
    if not 0 < first <= last < 1 or steps < 2:
        raise ValueError(f"expected 0 < first <= last < 1 in betas and at least 2 steps, got {betas!r} and {steps}.")
    return first, last
