"""Diffusion posterior sampling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.operators.tensors import item_norm, per_item
from recon.solvers.problem import Problem
from recon.solvers.sampling.sampler import Sampler, SamplerState
from recon.solvers.sampling.small_problems import gaussian_problems
from recon.solvers.solver import BiasClass


@dataclass(frozen=True, kw_only=True)
class DPS(Sampler):
    """Ancestral sampling, each step followed by a step down the data residual. Heuristic: no posterior is claimed.

    In the prior's variance-preserving coordinates x_i, with x̂₀ = D the denoised state and x′ the DDPM step to i − 1:

        form "norm":     x_{i−1} = x′ − ζ ∇_{x_i} ‖y − A(x̂₀(x_i))‖,
        form "squared":  x_{i−1} = x′ − (ζ/‖y − A(x̂₀)‖) ∇_{x_i} ‖y − A(x̂₀(x_i))‖².

    The paper states the second (Algorithm 1 with ζ_i = ζ′/‖y − A(x̂₀)‖), its code runs the first; the second is the
    first with twice the ζ. Norms are per item. A may be nonlinear: its gradient comes from ``operator.vjp``. Gaussian
    noise enters the algorithm through ζ alone, σ_y only scales the measured misfit.

    Parameters
    ----------
    zeta
        ζ ≥ 0; 0 gives samples of the prior.
    form
        See above.

    Source: Chung, Kim, Mccann, Klasky and Ye, Diffusion posterior sampling for general noisy inverse problems,
    ICLR 2023.
    """

    names = ("dps",)
    kind: ClassVar[BiasClass] = "heuristic"

    zeta: float = 1.0
    form: Literal["norm", "squared"] = "norm"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form not in ("norm", "squared"):
            raise ValueError(f"DPS expects form 'norm' or 'squared', got {self.form!r}.")
        if not 0 <= self.zeta < inf:
            raise ValueError(f"DPS expects zeta >= 0, got {self.zeta!r}.")

    def step(self, problem: Problem, state: SamplerState) -> SamplerState:
        prior, level, ndim = self.prior(problem), self.level(problem, state), len(problem.shape)
        x0, pullback = prior.linearise(state.u, level.sigma)
        r = problem.data - problem.operator(x0)
        norm = item_norm(r, len(problem.operator.range_shape))
        half = -pullback(problem.operator.vjp(x0, r))  # ∇_u ½‖r‖²
        # x = scale·u/√(1 + (scale·σ)²) up to a shift, at both levels
        widths = [(1 + (prior.scale * s).square()).sqrt() for s in level]
        per_u = (widths[0] * widths[1] / prior.scale**2).to(norm.device, norm.dtype)
        factor = self.zeta * per_u * (1 if self.form == "norm" else 2) / torch.where(norm > 0, norm, 1)
        u: Tensor = self.ancestor(state, x0, level) - per_item(factor, half, ndim) * half
        return self.advance(state, u, x0)

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        for problem in gaussian_problems():
            yield cls(steps=30, zeta=0.3, seed=1), problem
        yield cls(steps=30, zeta=0.1, form="squared"), next(gaussian_problems())
