"""The twisted diffusion sampler."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError
from recon.operators.tensors import checked_count, item_dot, item_norm, item_sum
from recon.solvers.problem import Problem
from recon.solvers.sampling.integrators.integrator import wide
from recon.solvers.sampling.linear_solves import pull
from recon.solvers.sampling.particles import ParticleSampler
from recon.solvers.sampling.resampling import logmeanexp, systematic, taken
from recon.solvers.sampling.sampler import Sampler, SamplerState
from recon.solvers.sampling.scatter import residual, scatter
from recon.solvers.sampling.small_problems import bent_problem, gaussian_problems, noisy_problems
from recon.solvers.sampling.tangent import tangent
from recon.solvers.solver import BiasClass

PROPOSAL, LOT = 0, 16

REACH = 10.0
"""Shifts are at most so many times those of a prior with Cov[x₀ | u] = ρI."""


class _Twisted(NamedTuple):
    """Per row: E[x₀ | u], log p~(y | u) and its gradient, and the relative residual of the linear solve."""

    x0: Tensor
    log: Tensor
    gradient: Tensor
    residual: Tensor


@dataclass(frozen=True, kw_only=True)
class TwistedSMC(ParticleSampler):
    """Sequential Monte Carlo along the reverse diffusion, guided by what the data say of E[x₀ | u] (TDS).

    With the twisting function and the kernel of the prior, x̂₀ = D(u, σ), c² = s² (1 − s²/σ²),

        p~(y | u) ∝ exp −½‖y − A x̂₀‖²_{(Σ_y + ρAAᴴ)⁻¹},   ρ = σ²τ²/(σ² + τ²),
        p(u′ | u) = N(x̂₀ + (s/σ)² (u − x̂₀), c²I),

    particles move by q(u′ | u) = p shifted by (σ² − s²) ∇ log p~(y | u), and are weighted by

        w′ = w · p(u′ | u)/q(u′ | u) · p~(y | u′)/p~(y | u),   at the end p~ = p(y | x₀) and x₀ = x̂₀;

    they are resampled where their effective number Σ²w/Σw² falls below a share of J, and at the end. As J grows the
    law tends to p(x) p(y | x) with p what the schedule makes of the prior, whatever p~ and the likelihood: exact in the
    limit of many particles and steps, with a bias of order 1/J. The linear solve in p~ need not be accurate, since the
    same p~ enters weights twice. A nonlinear A is replaced by its tangent at x̂₀ in p~. Networks trained to predict
    noise have no derivative worth the name at the highest levels: σ²∇ log p~ is kept below 10 times the norm it has
    where Cov[x₀ | u] = ρI, which changes proposals and not what they are weighted to.

    ``ess`` in the history is the effective share of the particles, and ``log_evidence`` the logarithm of an unbiased
    estimate of ∫ p(x) p(y | x) dx over the largest value of p(y | ·) (the likelihood as :class:`Problem` has it), for
    what has been run through.

    Parameters
    ----------
    particles
        J. The number needed grows with the information in the data: look at ``ess``.
    resample_below
        Share of J below which the effective number of particles must fall.
    spread
        τ, the standard deviation of pixels under the prior; by default that of networks' values, 1, in units of the
        images. It shapes proposals only.
    cg_rtol, cg_max_iter
        Where linear solves end that have no closed form; reached is ``cg_residual``.

    The authors' code treats classes and noiseless inpainting, where it replaces pixels by data in the last step; their
    x₀ is drawn around x̂₀ there or is x̂₀ itself.

    Source: Wu, Trippe, Naesseth, Blei and Cunningham, Practical and asymptotically exact conditional sampling in
    diffusion models, NeurIPS 2023, Algorithm 1.
    """

    names = ("twisted_smc", "tds")
    kind: ClassVar[BiasClass] = "exact"
    measures: ClassVar[frozenset[str]] = Sampler.measures | {"ess", "log_evidence", "cg_residual"}
    recorded: ClassVar[tuple[str, ...]] = ("ess", "log_evidence", "cg_residual")

    steps: int = 200
    resample_below: float = 0.5
    spread: float | None = None
    cg_rtol: float = 1e-3
    cg_max_iter: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.resample_below <= 1:
            raise ValueError(f"TwistedSMC expects 0 < resample_below <= 1, got {self.resample_below!r}.")
        if self.spread is not None and not 0 < self.spread < inf:
            raise ValueError(f"TwistedSMC expects spread > 0, got {self.spread!r}.")
        if not 0 < self.cg_rtol < 1:
            raise ValueError(f"TwistedSMC expects 0 < cg_rtol < 1, got {self.cg_rtol!r}.")
        checked_count(self.cg_max_iter, "TwistedSMC", "cg_max_iter")

    def init(self, problem: Problem, initial: Tensor | None = None) -> SamplerState:
        state = super().init(problem, initial)
        weights = torch.zeros(state.u.shape[:2], dtype=problem.data.real.dtype, device=state.u.device)
        return state._replace(memory=(weights,))

    def step(self, problem: Problem, state: SamplerState) -> SamplerState:
        level, noise, shape = self.level(problem, state), self.noise(problem, state), state.u.shape
        ends = bool((level.lower == 0).all())
        if not ends and bool((level.lower == 0).any()):
            raise CapabilityError("TwistedSMC takes items of one schedule at the same step.")
        rows, sigma = self.rows(problem), level.sigma.repeat_interleave(self.particles)
        here = self._twisted(rows, state.u.flatten(0, 1), sigma)
        x0, gradient = here.x0.reshape(shape), here.gradient.reshape(shape)
        twist = here.log.reshape(shape[:2])
        before = torch.where(
            (state.step == 0).to(twist.device), torch.zeros_like(twist[:, 0]), state.records[1].to(twist)
        )
        worst = here.residual.reshape(shape[:2]).amax(1)
        if ends:
            fit = rows.likelihood(rows.operator(here.x0)).reshape(shape[:2])
            weights = state.memory[0] - fit
            share = effective(weights)
            lot = torch.special.ndtr(noise(LOT, weights[:, :1]))
            chosen = taken(x0, systematic(weights, lot)) + accident(weights, x0)
            records = (share, before + logmeanexp(weights), worst)
            return self.advance(state, chosen, chosen, *records, memory=(torch.zeros_like(weights),))

        weights = state.memory[0] + twist
        share, u = effective(weights), state.u
        again = (share < self.resample_below)[:, None]
        lot = torch.special.ndtr(noise(LOT, weights[:, :1]))
        kept = torch.arange(self.particles, device=u.device).expand(weights.shape)
        parents = torch.where(again, systematic(weights, lot), kept)
        evidence = before + torch.where(again[:, 0], logmeanexp(weights), 0)
        failed = accident(weights, u)
        weights = torch.where(again, 0, weights)
        u, x0, gradient, twist = (taken(v, parents) for v in (u, x0, gradient, twist))

        ratio = (level.lower / level.sigma).square()
        spread = wide(level.lower * (1 - ratio).sqrt(), u)
        shift = wide(level.sigma.square() - level.lower.square(), u) * gradient
        z = noise(PROPOSAL)
        moved = x0 + wide(ratio, u) * (u - x0) + shift + spread * z
        n = u.ndim - 2
        kernel = -item_sum((shift / spread).abs().square(), n) / 2 - item_dot(shift / spread, z, n)
        memory = (weights - twist + kernel,)
        return self.advance(state, moved + failed, x0, share, evidence, worst, memory=memory)

    def _twisted(self, rows: Problem, u: Tensor, sigma: Tensor) -> _Twisted:
        """The twisting function at rows of states, in parts of at most ``chunk``."""
        size = max(self.chunk or len(u), 1)
        parts = []
        for begin in range(0, max(len(u), 1), size):
            chosen = torch.arange(begin, min(begin + size, len(u)))
            part = rows if len(chosen) == len(u) else rows.select(chosen)
            parts.append(self._twisted_part(part, u[begin : begin + size], sigma[begin : begin + size]))
        return _Twisted(*(torch.cat(values) for values in zip(*parts, strict=True)))

    @torch.compiler.disable  # type: ignore[untyped-decorator]  # its pullback outlives the step that compiled it
    def _twisted_part(self, rows: Problem, u: Tensor, sigma: Tensor) -> _Twisted:
        prior = self.prior(rows)
        x0, pullback = prior.linearise(u, sigma, once=True)
        at = tangent(rows.operator, x0)
        assert rows.noise is not None
        Sigma = scatter(rows, rows.noise.most_likely(rows.data))
        tau = 1 / prior.scale if self.spread is None else self.spread
        rho = sigma.square() * tau**2 / (sigma.square() + tau**2)
        r = residual(rows, at.value)
        lift, info = pull(rows.operator, at, Sigma, r, rho, self.cg_rtol, self.cg_max_iter)
        solved = Sigma.inverse(r - wide(rho, r) * at.forward(lift))
        gradient, n = pullback(lift), lift.ndim - 1
        size, most = item_norm(gradient, n), item_norm(lift, n)
        most = most * (REACH * rho / sigma.square()).to(most)
        gradient = gradient * wide((most / torch.where(size > 0, size, 1)).clamp(max=1), gradient)
        return _Twisted(x0, -item_dot(r, solved, r.ndim - 1) / 2, gradient, info.residual)

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        for problem in gaussian_problems():
            yield cls(steps=20, particles=6, seed=1, cg_rtol=1e-8), problem
        for problem in noisy_problems():
            yield cls(steps=20, particles=5, chunk=4), problem
        yield cls(steps=20, particles=6, spread=0.3), bent_problem()


def effective(weights: Tensor) -> Tensor:
    """Σ²w/Σw² over the number of particles, for logarithms of weights ``(batch, J)``."""
    p = torch.softmax(weights, 1)
    share: Tensor = 1 / p.square().sum(1) / weights.shape[1]
    return share


def accident(weights: Tensor, like: Tensor) -> Tensor:
    """NaN for items among whose weights is one, else 0: no resampling must hide that."""
    bad = torch.where(torch.isnan(weights).any(1), torch.nan, 0.0).to(like.real.dtype if like.is_complex() else like)
    return bad.reshape(-1, *(1,) * (like.ndim - 1))
