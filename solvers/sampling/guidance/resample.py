"""Hard data consistency with resampling, in latent space."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError, LinearOperator
from recon.operators.operator import Operator
from recon.operators.tensors import checked_count, item_norm
from recon.priors.learned.latents import Latents
from recon.solvers.linear.cg import cg
from recon.solvers.problem import Problem
from recon.solvers.sampling.guidance.coordinates import width
from recon.solvers.sampling.guidance.data_gradient import data_gradient
from recon.solvers.sampling.guidance.guided import Guess, Guided
from recon.solvers.sampling.integrators.ddim import DDIM
from recon.solvers.sampling.integrators.integrator import Integrator, Level, Noise, wide
from recon.solvers.sampling.linear_solves import sound
from recon.solvers.sampling.sampler import Sampler, SamplerState
from recon.solvers.sampling.scatter import residual
from recon.solvers.sampling.small_problems import latent_problems
from recon.solvers.sampling.tangent import Tangent, tangent
from recon.solvers.solver import BiasClass


@dataclass(frozen=True, kw_only=True)
class ReSample(Guided):
    """DDIM on the latents z of an autoencoder (decoder G, encoder E), where at some steps ẑ₀ is exchanged for one that
    fits the data and the state is drawn anew around it. In the prior's variance-preserving coordinates, from ᾱ to the
    next signal level ᾱ′, with z′ the DDIM step:

        every step:        z″ = z′ − ζ ᾱ ∇_z ‖y − A G(ẑ₀)‖,
        some steps:        z₀* = E(argmin_x ‖y − A x‖ from G(ẑ₀)) in the middle third of the schedule,
                           z₀* = argmin_z ‖y − A G(z)‖ from ẑ₀ in the last third,
                           z ~ N((τ² √ᾱ′ z₀* + (1 − ᾱ′) z″)/(τ² + 1 − ᾱ′), τ² (1 − ᾱ′)/(τ² + 1 − ᾱ′) I),
        at the end:        argmin_z ‖y − A G(z)‖ from the last ẑ₀.

        form "paper":  τ² = γ (1 − ᾱ′)/ᾱ · (1 − ᾱ/ᾱ′),        form "code":  τ² = γ (1 − ᾱ′)/(1 − ᾱ) · (1 − ᾱ/ᾱ′).

    The first line is in the authors' code, Algorithm 1 does without (ζ = 0). Their minimisers come from AdamW, stopped
    after 500 to 2000 steps or at a small misfit; here they are those nearest to where they start, by Gauss-Newton steps
    of conjugate gradients, one where A (or A∘G) is linear. Their code takes ẑ₀ after five more DDIM steps, here it is
    that of the step, as in the algorithm. Heuristic, and for data with little noise: they are fitted as they are. A
    published ζ is for data of images in the values of the autoencoder (see :class:`DPS`).

    Needs a :class:`recon.priors.LatentPrior` with an encoder; A may be nonlinear.

    Parameters
    ----------
    zeta
        ζ ≥ 0.
    gamma
        γ > 0: the larger, the closer a new state is to z₀*.
    every
        Some steps are those so many apart.
    form
        See above.
    newton_steps
        Gauss-Newton steps where an operator is nonlinear; one is shortened until the misfit falls.
    cg_rtol, cg_max_iter
        Where conjugate gradients stop.

    Source: Song, Kwon, Zhang, Hu, Qu and Shen, Solving inverse problems with latent diffusion models via hard data
    consistency, ICLR 2024, Algorithm 1 and section 3.
    """

    names = ("resample",)
    kind: ClassVar[BiasClass] = "heuristic"

    integrator: Integrator = DDIM()
    zeta: float = 0.5
    gamma: float = 40.0
    every: int = 10
    form: Literal["paper", "code"] = "code"
    newton_steps: int = 5
    cg_rtol: float = 1e-4
    cg_max_iter: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form not in ("paper", "code"):
            raise ValueError(f"ReSample expects form 'paper' or 'code', got {self.form!r}.")
        if not 0 <= self.zeta < inf:
            raise ValueError(f"ReSample expects zeta >= 0, got {self.zeta!r}.")
        if not 0 < self.gamma < inf:
            raise ValueError(f"ReSample expects gamma > 0, got {self.gamma!r}.")
        if not 0 < self.cg_rtol < 1:
            raise ValueError(f"ReSample expects 0 < cg_rtol < 1, got {self.cg_rtol!r}.")
        for name in ("every", "newton_steps", "cg_max_iter"):
            checked_count(getattr(self, name), "ReSample", name)

    def require(self, problem: Problem) -> None:
        super().require(problem)
        if not isinstance(problem.prior, Latents):
            raise CapabilityError(f"ReSample needs a LatentPrior, got {self.prior(problem).name}.")
        if problem.prior.latent.encoder is None:
            raise CapabilityError(f"ReSample needs the encoder of the autoencoder; {problem.prior.name} has none.")

    def guide(self, problem: Problem, u: Tensor, level: Level, noise: Noise) -> Guess:
        prior = self.prior(problem)
        if self.zeta == 0:
            return Guess(prior(u, level.at))
        z0, pullback = prior.linearise(u, level.at, once=True)
        found = data_gradient(problem, prior, z0, pullback, level)
        by = level.each(lambda sigma, s: -self.zeta / (1 + (prior.scale * sigma) ** 2))
        by = by.to(found.norm) if isinstance(by, Tensor) else by
        return Guess(z0, found.direction, by * found.factor)

    def step(self, problem: Problem, state: SamplerState) -> SamplerState:
        prior, level, noise = problem.prior, self.level(problem, state), self.noise(problem, state)
        assert isinstance(prior, Latents)
        moved = super().step(problem, state)
        left, third = self.steps - 1 - state.step, self.steps // 3
        last = left == 0
        due = ~last & (left <= self.steps - third) & (left % self.every == 0)
        if not bool((due | last).any()):
            return moved
        z, pixels, u = moved.estimate, due & (left >= third), moved.u
        found = z
        if bool(pixels.any()):
            fitted = self._fit(prior.operator, prior.decoder(z), problem)
            found = torch.where(_marked(pixels, z), prior.encode(fitted), found)
        if not bool(pixels.all()):
            found = torch.where(_marked(pixels, z), found, self._fit(problem.operator, z, problem))
        drawn = self._resampled(prior, u, found, level, noise)
        u = torch.where(_marked(due, z), drawn, torch.where(_marked(last, z), found, u))
        return moved._replace(u=u, estimate=torch.where(_marked(last | due, z), found, z))

    def _resampled(self, prior: Latents, u: Tensor, found: Tensor, level: Level, noise: Noise) -> Tensor:
        """A draw around z₀*, as z₀ + s z: with ρ² = τ²/ᾱ′ the mean of z₀* and u weighted by ρ² and s²."""
        now, then = (width(prior, s).square().reciprocal() for s in (level.sigma, level.lower))
        tau = self.gamma * (1 - then) / (now if self.form == "paper" else 1 - now) * (1 - now / then)
        rho, s = tau / then / prior.scale**2, level.lower.square()
        total = torch.where(rho + s > 0, rho + s, 1)
        return wide(rho / total, u) * found + wide(s / total, u) * u + wide((rho * s / total).sqrt(), u) * noise(16)

    def _fit(self, operator: Operator, x: Tensor, problem: Problem) -> Tensor:
        """argmin ‖y − A(x)‖ near x."""
        data, ndim = len(operator.range_shape), x.ndim - 1
        for _ in range(1 if isinstance(operator, LinearOperator) else self.newton_steps):
            A = tangent(operator, x)
            r = residual(problem, A.value)
            move, info = cg(_gram(A), A.adjoint(r), ndim, rtol=self.cg_rtol, max_iter=self.cg_max_iter)
            move = sound(move, info)
            if isinstance(operator, LinearOperator):
                return x + move
            size, best = item_norm(r, data), x
            for share in (0.0625, 0.25, 1.0):
                trial = x + share * move
                fits = item_norm(residual(problem, operator(trial)), data)
                better = ~(fits >= size)
                best = torch.where(_marked(better, x), trial, best)
                size = torch.where(better, fits, size)
            x = best
        return x

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        linear, bent = latent_problems()
        yield cls(steps=30, every=5, seed=1, cg_rtol=1e-10), linear
        yield cls(steps=6, form="paper", zeta=0.0, every=1, cg_rtol=1e-10), linear
        yield cls(steps=12, every=3, newton_steps=2, cg_rtol=1e-8), bent


def _gram(A: Tangent) -> Callable[[Tensor], Tensor]:
    """v ↦ AᴴA v."""
    return lambda v: A.adjoint(A.forward(v))


def _marked(items: Tensor, like: Tensor) -> Tensor:
    """One flag per item, shaped to broadcast."""
    return items.to(like.device).reshape(-1, *(1,) * (like.ndim - 1))
