"""Posterior sampling with latent diffusion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import ClassVar, Literal

import torch
from torch import Tensor

from recon.operators.linear import CapabilityError, LinearOperator
from recon.operators.tensors import checked_count, item_norm, per_item
from recon.priors.learned.latents import Latents
from recon.solvers.problem import Problem
from recon.solvers.sampling.guidance.coordinates import width
from recon.solvers.sampling.guidance.guided import Guess, Guided
from recon.solvers.sampling.guidance.pseudo_inverse import pseudo_inverse
from recon.solvers.sampling.integrators.integrator import Level, Noise
from recon.solvers.sampling.sampler import Sampler
from recon.solvers.sampling.scatter import residual
from recon.solvers.sampling.small_problems import latent_problems
from recon.solvers.sampling.tangent import tangent
from recon.solvers.solver import BiasClass


@dataclass(frozen=True, kw_only=True)
class PSLD(Guided):
    """DPS on the latents z of an autoencoder (decoder G, encoder E), which also draws ẑ₀ to where E puts an image that
    fits the data. In the prior's variance-preserving coordinates z_i, with ẑ₀ = D the denoised state, x̂ = G(ẑ₀), z′ the
    step to i − 1, and d = ẑ₀ − E(x̂ + A⁺(y − A x̂)):

        form "squared":  z_{i−1} = z′ − η ∇_{z_i} ‖y − A x̂‖² − γ ∇_{z_i} ‖d‖²,
        form "norm":     z_{i−1} = z′ − η ∇_{z_i} ‖y − A x̂‖ − γ ∇_{z_i} ‖d‖.

    The paper states the first (Algorithm 2), its code runs the second, with the η here called ω. Norms are per item;
    those of the code are over the batch. Both have Aᴴ for A⁺, the same where A Aᴴ = I, as their theory supposes.
    Heuristic. Noise enters through η and γ alone: for white noise, and for little of it. Norms are of data and latents
    in their units here; a published η is for data of images in the values of the autoencoder (see :class:`DPS`).

    Needs a :class:`recon.priors.LatentPrior` with an encoder, and an A that is linear in the image. A⁺ is its ``pinv``,
    or comes from conjugate gradients.

    Parameters
    ----------
    eta
        η ≥ 0, of the data.
    gamma
        γ ≥ 0, of the gluing.
    form
        See above.
    cg_rtol, cg_max_iter
        Where conjugate gradients for A⁺ stop.

    Source: Rout, Raoof, Daras, Caramanis, Dimakis and Shakkottai, Solving linear inverse problems provably via
    posterior sampling with latent diffusion models, NeurIPS 2023.
    """

    names = ("psld",)
    kind: ClassVar[BiasClass] = "heuristic"
    white: ClassVar[bool] = True

    eta: float = 1.0
    gamma: float = 0.1
    form: Literal["squared", "norm"] = "norm"
    cg_rtol: float = 1e-6
    cg_max_iter: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.form not in ("squared", "norm"):
            raise ValueError(f"PSLD expects form 'squared' or 'norm', got {self.form!r}.")
        for name in ("eta", "gamma"):
            if not 0 <= getattr(self, name) < inf:
                raise ValueError(f"PSLD expects {name} >= 0, got {getattr(self, name)!r}.")
        if not 0 < self.cg_rtol < 1:
            raise ValueError(f"PSLD expects 0 < cg_rtol < 1, got {self.cg_rtol!r}.")
        checked_count(self.cg_max_iter, "PSLD", "cg_max_iter")

    def require(self, problem: Problem) -> None:
        super().require(problem)
        prior = self._latents(problem)
        if prior.latent.encoder is None:
            raise CapabilityError(f"PSLD needs the encoder of the autoencoder; {prior.latent.name} has none.")
        if not isinstance(prior.operator, LinearOperator):
            raise CapabilityError(f"PSLD needs an operator linear in the image; {prior.operator.name} is nonlinear.")

    def guide(self, problem: Problem, u: Tensor, level: Level, noise: Noise) -> Guess:
        prior = self._latents(problem)
        z0, pullback = prior.linearise(u, level.at, once=True)
        A = tangent(problem.operator, z0)
        r = residual(problem, A.value)
        slope = -self.eta * self._unit(r) if self.form == "norm" else -2 * self.eta * r
        gradient = A.adjoint(slope) + self.gamma * self._glue(problem, prior, z0)
        per_u = width(prior, level.sigma) * width(prior, level.lower) / prior.scale**2
        return Guess(z0, pullback(gradient), -per_u)

    def _glue(self, problem: Problem, prior: Latents, z0: Tensor) -> Tensor:
        """The gradient of ‖d‖ or ‖d‖² with respect to ẑ₀."""
        A, G = prior.operator, tangent(prior.decoder, z0)
        assert isinstance(A, LinearOperator)
        x = G.value
        e, back, *_ = torch.func.vjp(prior.encode, x + self._pinv(A, residual(problem, A(x))))
        d = z0 - e
        slope = self._unit(d) if self.form == "norm" else 2 * d
        w = back(slope)[0]
        return slope - G.adjoint(w - self._pinv(A, A(w)))

    def _pinv(self, A: LinearOperator, y: Tensor) -> Tensor:
        return pseudo_inverse(A, y, self.cg_rtol, self.cg_max_iter)[0]

    @staticmethod
    def _unit(v: Tensor) -> Tensor:
        """v/‖v‖ per item, 0 for 0."""
        norm = item_norm(v, v.ndim - 1)
        out: Tensor = v / per_item(torch.where(norm > 0, norm, 1), v, v.ndim - 1)
        return out

    def _latents(self, problem: Problem) -> Latents:
        if not isinstance(problem.prior, Latents):
            given = "none" if problem.prior is None else problem.prior.name
            raise CapabilityError(f"{self.name} needs a LatentPrior, got {given}.")
        return problem.prior

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        linear, bent = latent_problems()
        yield cls(steps=30, eta=0.1, seed=1), linear
        yield cls(steps=30, eta=0.02, gamma=0.02, form="squared"), linear
        yield cls(steps=30, eta=0.05), bent
