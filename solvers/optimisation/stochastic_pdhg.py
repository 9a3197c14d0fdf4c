"""Stochastic primal-dual hybrid gradient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import pi, sqrt
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from recon.operators.ct.parallel_beam import ParallelBeam
from recon.operators.ct.ray_transform import RayTransform
from recon.operators.ct.volume import Volume
from recon.operators.diagonal import Diagonal
from recon.operators.noise import GaussianNoise
from recon.operators.stack import Stack
from recon.operators.tensors import item_norm, per_item
from recon.priors.handcrafted.box import NonNegative
from recon.priors.handcrafted.tikhonov import Tikhonov
from recon.priors.handcrafted.total_variation import TotalVariation
from recon.priors.splitting import Saddle
from recon.solvers.norms import step_norm
from recon.solvers.optimisation.balance import (
    PRODUCT,
    UPDATES,
    Balance,
    Steps,
    first_balance,
    learned_balance,
    positive,
)
from recon.solvers.optimisation.data_parts import DataParts, data_parts
from recon.solvers.optimisation.saddle import certify, require_proximable, split
from recon.solvers.problem import Problem
from recon.solvers.solver import Solver
from recon.solvers.stopping import MaxIter, Rule


class StochasticPDHGState(NamedTuple):
    """x, the duals yᵢ, r = Kᴴy, its extrapolation r̄; where steps changed; estimates, steps and norms."""

    x: Tensor
    duals: tuple[Tensor, ...]
    r: Tensor
    ahead: Tensor
    anchor: tuple[Tensor, ...]
    balance: Balance
    steps: Steps
    norms: tuple[float, ...]
    iteration: int


@dataclass(frozen=True, kw_only=True)
class StochasticPDHG(Solver):
    """SPDHG: minimise g(x) + Σᵢ fᵢ(Kᵢ x), one Kᵢ drawn at random at a time: a subset of the data or a prior's term.

        x⁺  = prox_{τg}(x − τ r̄)
        yᵢ⁺ = prox_{σᵢ fᵢ*}(yᵢ + σᵢ Kᵢx⁺) for the drawn i
        δ   = Kᵢᴴ(yᵢ⁺ − yᵢ),   r⁺ = r + δ,   r̄⁺ = r⁺ + δ/pᵢ

    which converges almost surely for τσᵢ‖Kᵢ‖² < pᵢ, the probability of i. Half of all draws go to the subsets and half
    to the prior's terms behind operators, if it has any. An iteration makes as many draws as go through the data once
    on average, and so costs about one of PDHG. The expected error is at most (X²/τ + Σ Yᵢ²/(σᵢpᵢ))/2k with distances
    X to x* and Yᵢ to yᵢ*, least at

        τ = θX / (Σᵢ (Yᵢ‖Kᵢ‖/pᵢ)²)^½,   σᵢ = θ²pᵢ / (τ‖Kᵢ‖²),   θ² = 0.99.

    Draws are a function of the seed and the iteration, the same for all items and in any batch. Gap and residuals are
    those of the whole problem.

    Parameters
    ----------
    subsets
        Number of interleaved subsets of views; None for 10. A stack's operators are its subsets.
    seed
        Any integer; its lowest 64 bits count.
    ratio
        Multiplies τ and divides every σᵢ.
    adaptive
        Whether X and Yᵢ, first orders of magnitude, learn from the distances travelled, per item, at iterations 10, 20,
        40, ..., 5120.

    Errors: CapabilityError for operators other than RayTransform and Stack (or those scaled), data terms that are no
    sums over data, and terms without a prox or not convex.

    Source: Chambolle, Ehrhardt, Richtárik and Schönlieb, SIAM J. Optim. 28 (2018) 2783, algorithm 1.
    """

    names = ("stochastic_pdhg", "spdhg")
    measures = frozenset({"change", "objective", "gap", "relative_gap", "primal_residual", "dual_residual"})

    stop: Rule = MaxIter(100)
    check_every: int = 5
    subsets: int | None = None
    seed: int = 0
    ratio: float = 1.0
    adaptive: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.subsets is not None and (isinstance(self.subsets, bool) or self.subsets < 1):
            raise ValueError(f"StochasticPDHG expects subsets >= 1, got {self.subsets!r}.")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise ValueError(f"StochasticPDHG expects an integer seed, got {self.seed!r}.")
        if not 0 < self.ratio < float("inf"):
            raise ValueError(f"StochasticPDHG expects ratio > 0, got {self.ratio!r}.")

    def require(self, problem: Problem) -> None:
        require_proximable(problem, self.name)
        self._parts(problem)

    def _parts(self, problem: Problem) -> DataParts:
        return data_parts(problem, self.subsets, self.name)

    def _saddle(self, problem: Problem) -> tuple[Saddle, DataParts]:
        """The problem with one block per subset, followed by the prior's."""
        whole, parts = split(problem), self._parts(problem)
        return Saddle(whole.simple, (*parts.blocks, *whole.blocks[1:])), parts

    def probabilities(self, subsets: int, terms: int) -> tuple[float, ...]:
        """pᵢ of the subsets and of the prior's terms."""
        if not terms:
            return (1 / subsets,) * subsets
        return (0.5 / subsets,) * subsets + (0.5 / terms,) * terms

    def draws(self, iteration: int, probabilities: tuple[float, ...], subsets: int) -> list[int]:
        """Which blocks an iteration visits, in order: so many that subsets are drawn ``subsets`` times on average."""
        count = round(subsets / sum(probabilities[:subsets]))
        stream = np.random.Generator(np.random.Philox(key=self.seed % 2**64, counter=(0, iteration, 0, 0)))
        edges = np.cumsum(probabilities)
        found = np.searchsorted(edges, stream.random(count) * edges[-1], side="right")
        return [min(int(i), len(probabilities) - 1) for i in found]

    def find_steps(self, balance: Balance, norms: tuple[float, ...], probabilities: tuple[float, ...]) -> Steps:
        """τ and σᵢ per item from estimates of the distances to travel."""
        weights = [y * (norm / p) for y, norm, p in zip(balance.sizes, norms, probabilities, strict=True)]
        total = torch.stack([w.square() for w in weights]).sum(0).sqrt()
        tau = sqrt(PRODUCT) * self.ratio * balance.travel / total
        return Steps(tau, tuple(PRODUCT * p / (tau * norm**2) for norm, p in zip(norms, probabilities, strict=True)))

    def init(self, problem: Problem, initial: Tensor | None = None) -> StochasticPDHGState:
        saddle, parts = self._saddle(problem)
        norms = tuple(step_norm(block.operator, problem.data) for block in saddle.blocks)
        x = problem.zeros() if initial is None else initial
        duals = tuple(torch.zeros_like(z) for z in saddle.forward(x))
        whole = first_balance(problem, split(problem), x)
        subsets = len(parts.blocks)
        share = whole.sizes[0] / sqrt(subsets)
        balance = Balance(whole.travel, (*(share for _ in parts.blocks), *whole.sizes[1:]))
        steps = self.find_steps(balance, norms, self.probabilities(subsets, len(saddle.blocks) - subsets))
        zero = torch.zeros_like(x)
        return StochasticPDHGState(x, duals, zero, zero, (x, *duals), balance, steps, norms, 0)

    def step(self, problem: Problem, state: StochasticPDHGState) -> StochasticPDHGState:
        saddle, parts = self._saddle(problem)
        n, subsets = len(problem.shape), len(parts.blocks)
        odds = self.probabilities(subsets, len(saddle.blocks) - subsets)
        x, duals, r, ahead = state.x, list(state.duals), state.r, state.ahead
        tau = per_item(state.steps.tau, x, n)
        for i in self.draws(state.iteration, odds, subsets):
            (f, K, _), y, sigma = saddle.blocks[i], duals[i], state.steps.sigmas[i]
            x = x - tau * ahead
            if saddle.simple is not None:
                x = saddle.simple.prox(x, state.steps.tau)
            duals[i] = f.prox_conjugate(y + per_item(sigma, y, f.ndim) * K(x), sigma)
            change = K.adjoint(duals[i] - y)
            r = r + change
            ahead = r + change / odds[i]
        balance, steps, anchor, count = state.balance, state.steps, state.anchor, state.iteration + 1
        if self.adaptive and count in UPDATES:
            balance = learned_balance(saddle, balance, x, tuple(duals), anchor)
            steps = self.find_steps(balance, state.norms, odds)
            anchor = (x, *duals)
        return StochasticPDHGState(x, tuple(duals), r, ahead, anchor, balance, steps, state.norms, count)

    def measure(self, problem: Problem, state: StochasticPDHGState) -> dict[str, Tensor]:
        saddle, parts = self._saddle(problem)
        n, x, count, (tau, sigmas) = len(problem.shape), state.x, len(parts.blocks), state.steps
        images = saddle.forward(x)
        whole = (parts.join(images[:count]), *images[count:])
        duals = (parts.join(state.duals[:count]), *state.duals[count:])

        # How far one step of the deterministic method would move x and y, in the metric of the steps.
        moved = x - per_item(tau, x, n) * state.r
        moved = moved if saddle.simple is None else saddle.simple.prox(moved, tau)
        square = torch.zeros_like(tau)
        for (f, *_), y, z, sigma in zip(saddle.blocks, state.duals, images, sigmas, strict=True):
            new = f.prox_conjugate(y + per_item(sigma, y, f.ndim) * z, sigma)
            square = square + item_norm(new - y, f.ndim).square() / sigma
        size = positive(tau.sqrt() * item_norm(state.r, n) + item_norm(x, n) / tau.sqrt())
        return {
            **certify(problem, split(problem), x, whole, duals).record(),
            "primal_residual": item_norm(moved - x, n) / tau.sqrt() / size,
            "dual_residual": square.sqrt() / size,
            "tau": tau,
        }

    def image(self, state: StochasticPDHGState) -> Tensor:
        return state.x

    @classmethod
    def examples(cls) -> Iterator[tuple[Solver, Problem]]:
        generator = torch.Generator().manual_seed(6)
        A = RayTransform(Volume((6, 6)), ParallelBeam([pi * a / 6 for a in range(6)], 9), model="joseph")
        x = torch.rand((3, 6, 6), generator=generator, dtype=torch.float64)
        prior = TotalVariation(0.3) + NonNegative()
        yield cls(stop=MaxIter(20), subsets=3), Problem(A, A(x), GaussianNoise(0.5), prior)
        stack = Stack(*(Diagonal((1 + i) * torch.linspace(0.2, 1, 5, dtype=torch.float64)) for i in range(2)))
        data = torch.rand((3, 10), generator=generator, dtype=torch.float64)
        yield cls(stop=MaxIter(30), seed=2), Problem(stack, data, GaussianNoise(0.5), Tikhonov(0.2))
