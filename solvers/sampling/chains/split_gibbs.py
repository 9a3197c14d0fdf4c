"""Split Gibbs sampling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import ClassVar

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError, LinearOperator
from recon.operators.tensors import checked_count
from recon.solvers.norms import step_norm
from recon.solvers.problem import Problem
from recon.solvers.sampling.chains.chain import Chain
from recon.solvers.sampling.chains.denoising_posterior import denoising_posterior, require_diffusion
from recon.solvers.sampling.chains.likelihood_step import linear_draw, nonlinear_draw
from recon.solvers.sampling.curvature import gaussian, least
from recon.solvers.sampling.integrators.heun_sde import HeunSDE
from recon.solvers.sampling.integrators.integrator import Integrator
from recon.solvers.sampling.sampler import Sampler, SamplerState
from recon.solvers.sampling.scatter import scatter
from recon.solvers.sampling.small_problems import bent_problem, gaussian_problems, noisy_problems
from recon.solvers.solver import BiasClass

_HEUN_SDE = HeunSDE()

MOST_INNER, MOST_PROPOSALS, FIRST_INNER_DRAW = 250, 16, 64

FALLING = 0.75
"""Share of the steps in which ρ falls by default."""


@dataclass(frozen=True, kw_only=True)
class SplitGibbs(Chain):
    """Alternate two draws, of a copy z of the image that sees the data and of the image x that sees the prior (PnP-DM):

        z ~ p(y | z) N(z; x, ρ²I),      x ~ p(x) N(x; z, ρ²I), the reverse diffusion from u = z at level ρ.

    Their bias is known: at constant ρ the law of x tends to

        p(x) ∫ p(y | z) N(z; x, ρ²I) dz = p(x) N(y; Ax, Σ_y + ρ²AAᴴ)

    for linear A, where the integral is. ρ falls geometrically to its final value, so that chains need not wait for the
    slow changes of small ρ: near a posterior variance λ a step renews a share ρ²/(λ + ρ²).

    For linear A and Gaussian noise of any covariance, z = x + ρ n + ρ²Aᴴ(Σ_y + ρ²AAᴴ)⁻¹(y + Σ_y^½ n′ − A(x + ρ n)) with
    white n and n′, exact up to the linear solve. Otherwise z is drawn by Metropolis-Hastings steps: proposals are such
    draws for A and Σ_y linearised at x, and what is left of the likelihood decides. Draws of x are exact up to the
    error of the integrator, which makes the law of x given z too narrow by some 8/``inner_steps``² of its variance for
    :class:`HeunSDE` and 4/``inner_steps`` for :class:`Ancestral`.

    Parameters
    ----------
    steps
        Pairs of draws.
    rho
        The final ρ, in units of the images; σ_y/‖A‖ by default (linear A), so that the noise is inflated by ρ²AAᴴ ≤
        σ_y², or the least level of the prior where that is larger.
    rho_start
        The first ρ; by default 10 in the units of the network, or the highest level of the prior.
    decay
        The factor by which ρ falls in each step, 0.9 in the paper; by default such that the final ρ is reached after
        three quarters of the steps. It is constant where ``rho_start`` = ``rho``.
    integrator
        How the reverse diffusion runs; only those that follow it and not its flow, which does not draw from
        p(x | z): :class:`HeunSDE`, :class:`Ancestral`, :class:`EulerSDE`, ``DDIM(eta=1)``.
    inner_steps
        Steps from ρ to 0.
    proposals
        Metropolis-Hastings steps in a draw of z; each is half as bold as the one before, the first a full draw.
    cg_rtol, cg_max_iter
        Where linear solves end that have no closed form; reached is ``cg_residual``.

    The measurement ``acceptance`` is the share of proposals that were accepted, 1 for direct draws. The authors' code
    starts the reverse diffusion at the level of a fixed schedule below ρ, and has modes that integrate its flow.

    Source: Wu, Sun, Chen, Zhang, Yue and Bouman, Principled probabilistic imaging using diffusion models as
    plug-and-play priors, NeurIPS 2024, Algorithm 1; Vono, Dobigeon and Chainais, IEEE Trans. Signal Process. 67 (2019)
    1648; Coeurdoux, Dobigeon and Chainais, IEEE Trans. Image Process. 33 (2024) 3496.
    """

    names = ("split_gibbs", "pnp_dm")
    kind: ClassVar[BiasClass] = "predictable bias"
    measures: ClassVar[frozenset[str]] = Sampler.measures | {"rho", "acceptance", "cg_residual"}
    recorded: ClassVar[tuple[str, ...]] = ("rho", "acceptance", "cg_residual")

    steps: int = 100
    rho: float | None = None
    rho_start: float | None = None
    decay: float | None = None
    integrator: Integrator = _HEUN_SDE
    inner_steps: int = 10
    proposals: int = 4
    cg_rtol: float = 1e-5
    cg_max_iter: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        require_diffusion(self.integrator, self.name)
        for name, value in (("rho", self.rho), ("rho_start", self.rho_start)):
            if value is not None and not 0 < value < inf:
                raise ValueError(f"SplitGibbs expects {name} > 0, got {value!r}.")
        if self.rho is not None and self.rho_start is not None and self.rho_start < self.rho:
            raise ValueError(f"SplitGibbs expects rho_start >= rho, got {self.rho_start} and {self.rho}.")
        if self.decay is not None and not 0 < self.decay <= 1:
            raise ValueError(f"SplitGibbs expects 0 < decay <= 1, got {self.decay!r}.")
        if not 0 < self.cg_rtol < 1:
            raise ValueError(f"SplitGibbs expects 0 < cg_rtol < 1, got {self.cg_rtol!r}.")
        checked_count(self.cg_max_iter, "SplitGibbs", "cg_max_iter")
        for name, most in (("inner_steps", MOST_INNER), ("proposals", MOST_PROPOSALS)):
            if checked_count(getattr(self, name), "SplitGibbs", name) > most:
                raise ValueError(f"SplitGibbs expects {name} <= {most}, got {getattr(self, name)}.")

    def require(self, problem: Problem) -> None:
        super().require(problem)
        for value in (self.rho, self.rho_start):
            if value is not None:
                self.prior(problem).check_sigma(value)
        if self.rho is None and not isinstance(problem.operator, LinearOperator):
            raise CapabilityError(f"SplitGibbs needs rho for nonlinear operators such as {problem.operator.name}.")

    @property
    def memory(self) -> int:
        return 1

    def init(self, problem: Problem, initial: Tensor | None = None) -> SamplerState:
        state = super().init(problem, initial)
        return state._replace(memory=(state.u,))

    def level_of(self, problem: Problem, step: Tensor) -> Tensor:
        """ρ of a step, per item, in double precision on the CPU."""
        prior = self.prior(problem)
        if self.rho is not None:
            final = torch.full((len(problem.data),), self.rho, dtype=torch.float64)
        else:
            norm = step_norm(problem.linear, problem.zeros())
            weakest = least(scatter(problem, problem.data), problem.data).to("cpu", torch.float64)
            final = (weakest.sqrt() / norm).clamp(*prior.sigma_range)
        first = min(10 / prior.scale, float(self.sigmas(problem)[0])) if self.rho_start is None else self.rho_start
        done = step.to("cpu", torch.float64)
        if self.decay is not None:
            return torch.maximum(first * self.decay**done, final)
        share = (done / max(FALLING * (self.steps - 1), 1)).clamp(max=1)
        return torch.maximum(first * (final / first) ** share, final)

    def step(self, problem: Problem, state: SamplerState) -> SamplerState:
        rho, noise = self.level_of(problem, state.step), self.noise(problem, state)
        direct = gaussian(problem) and isinstance(problem.operator, LinearOperator)
        if direct:
            drawn = linear_draw(problem, state.u, rho, noise, self.cg_rtol, self.cg_max_iter)
        else:
            first = (state.step == 0).to(state.u.device).reshape(-1, *(1,) * (state.u.ndim - 1))
            before = torch.where(first, state.u, state.memory[0])
            drawn = nonlinear_draw(problem, state.u, before, rho, noise, self.proposals, self.cg_rtol, self.cg_max_iter)

        def inner(number: int) -> Tensor:
            return noise(FIRST_INNER_DRAW + number)

        x = denoising_posterior(self.prior(problem), self.integrator, drawn.z, rho, self.inner_steps, inner)
        records = (rho.to(drawn.accepted), drawn.accepted, drawn.residual)
        return self.advance(state, x, x, *records, memory=(drawn.z,))

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        for problem in gaussian_problems():
            yield cls(steps=20, inner_steps=3, seed=1), problem
        uneven, counts = noisy_problems()
        yield cls(steps=20, inner_steps=3, decay=0.7), uneven
        yield cls(steps=20, inner_steps=3, proposals=2, rho=0.2, rho_start=1.0), counts
        yield cls(steps=20, inner_steps=3, proposals=2, rho=0.1, rho_start=0.3, seed=2), bent_problem()
