"""Regularisation by denoising diffusion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor

from recon.operators.linear import LinearOperator
from recon.operators.tensors import item_norm, per_item
from recon.solvers.problem import Problem
from recon.solvers.sampling.integrators.integrator import wide
from recon.solvers.sampling.sampler import Sampler, SamplerState
from recon.solvers.sampling.scatter import residual, scatter
from recon.solvers.sampling.small_problems import bent_problem, gaussian_problems, noisy_problems
from recon.solvers.solver import BiasClass

Weighting = Literal["linear", "sqrt", "square", "log", "truncated", "two_thirds", "constant"]

WEIGHTS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda s: s,
    "sqrt": torch.sqrt,
    "square": torch.square,
    "log": torch.log1p,
    "truncated": lambda s: s.clamp(max=1),
    "two_thirds": lambda s: s ** (2 / 3),
    "constant": torch.ones_like,
}
"""w(s) for the noise levels s = √(1 − ᾱ)/√ᾱ of the network."""

FIRST, SECOND, EPSILON = 0.9, 0.99, 1e-8


@dataclass(frozen=True, kw_only=True)
class REDDiff(Sampler):
    """Stochastic descent of a variational bound over the mean μ of a narrow Gaussian, one noise level after another:

        g = data term + λ w(s) (ε̂ − z),   ε̂ − z = (μ − D(u, σ))/σ,   u = μ + σ z,

    with s = scale·σ the level in network values n = scale·μ + shift, in which g is a gradient, and z white noise. D is
    not differentiated. The data term is that of

        form "paper":  ‖Σ_y^−½ (y − A μ)‖²/2, next to the sum over pixels,
        form "code":   scale² ‖y − A μ‖²/2, of data in network values, over the number of measurements, the other
                       term over the number of pixels, so that the level of the noise plays no part.

    A point estimate: μ, with the random numbers of its descent in it. Under a Gaussian prior N(m, C) and at one level
    σ, the mean of μ descends ½‖Σ_y^−½ (y − A μ)‖² + ½ λ w s (μ − m)ᵀ (C + σ²I)⁻¹ (μ − m), where scale is 1.

    Parameters
    ----------
    lam
        λ ≥ 0.
    weighting
        w(s): ``"linear"`` s, ``"sqrt"``, ``"square"``, ``"log"`` log(1 + s), ``"truncated"`` min(s, 1),
        ``"two_thirds"`` s^⅔ or ``"constant"``. The paper derives the linear one.
    optimiser
        ``"adam"`` with β = (0.9, 0.99) per pixel, or ``"gradient"``, plain descent.
    rate
        Step length, in network values.

    It starts at A⁺y where A has a closed form of that, else at the best multiple of Aᴴy. The code adds noise of
    standard deviation 1e-4 to μ and takes means over the batch as well, which Adam does not see.

    Source: Mardani, Song, Kautz and Vahdat, A variational perspective on solving inverse problems with diffusion
    models, ICLR 2024, Algorithm 1, and their code.
    """

    names = ("red_diff", "reddiff")
    kind: ClassVar[BiasClass] = "point estimate"

    lam: float = 0.25
    form: Literal["paper", "code"] = "code"
    weighting: Weighting = "linear"
    optimiser: Literal["adam", "gradient"] = "adam"
    rate: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.lam < inf or not 0 < self.rate < inf:
            raise ValueError(f"REDDiff expects lam >= 0 and rate > 0, got {self.lam!r} and {self.rate!r}.")
        if self.form not in ("paper", "code"):
            raise ValueError(f"REDDiff expects form 'paper' or 'code', got {self.form!r}.")
        if self.weighting not in get_args(Weighting):
            listed = ", ".join(map(repr, get_args(Weighting)))
            raise ValueError(f"REDDiff expects weighting among {listed}, got {self.weighting!r}.")
        if self.optimiser not in ("adam", "gradient"):
            raise ValueError(f"REDDiff expects optimiser 'adam' or 'gradient', got {self.optimiser!r}.")

    @property
    def memory(self) -> int:
        return 2 if self.optimiser == "adam" else 0

    def init(self, problem: Problem, initial: Tensor | None = None) -> SamplerState:
        state = super().init(problem, initial)
        x = backprojected(problem) if initial is None else initial
        return state._replace(u=x, estimate=x)

    def gradient(self, problem: Problem, state: SamplerState) -> Tensor:
        """g, in network values."""
        prior, mu = self.prior(problem), state.u
        sigma = self.level(problem, state).sigma
        clean = problem.operator(mu)
        r = residual(problem, clean)
        z = self.noise(problem, state)(0)
        x0 = prior(mu + wide(sigma, mu) * z, sigma)
        weight = self.lam * WEIGHTS[self.weighting](prior.scale * sigma) / sigma
        pull = wide(weight, mu) * (mu - x0)
        if self.form == "paper":
            fit: Tensor = problem.operator.vjp(mu, scatter(problem, clean).inverse(r))
            return pull - fit / prior.scale
        fit = problem.operator.vjp(mu, r)
        return pull / mu[0].numel() - prior.scale * fit / r[0].numel()

    def step(self, problem: Problem, state: SamplerState) -> SamplerState:
        g = self.gradient(problem, state)
        rate = self.rate / self.prior(problem).scale
        if self.optimiser == "gradient":
            mu = state.u - rate * g
            return self.advance(state, mu, mu)
        mean, square = state.memory
        mean = FIRST * mean + (1 - FIRST) * g
        squared = torch.complex(g.real.square(), g.imag.square()) if g.is_complex() else g.square()
        square = SECOND * square + (1 - SECOND) * squared
        k = (state.step + 1).to(torch.float64)
        first, second = wide(1 - FIRST**k, g), wide(1 - SECOND**k, g)
        if g.is_complex():  # real and imaginary parts are parameters of their own
            parts = (_adam(m, v, first, second) for m, v in ((mean.real, square.real), (mean.imag, square.imag)))
            move = torch.complex(*parts)
        else:
            move = _adam(mean, square, first, second)
        mu = state.u - rate * move
        return self.advance(state, mu, mu, memory=(mean, square))

    @classmethod
    def examples(cls) -> Iterator[tuple[Sampler, Problem]]:
        for problem in gaussian_problems():
            yield cls(steps=30, seed=1), problem
        yield cls(steps=30, optimiser="gradient", rate=2e-3, form="paper", weighting="log"), next(gaussian_problems())
        for problem in (*noisy_problems(), bent_problem()):
            yield cls(steps=30, form="paper", rate=0.05), problem


def _adam(mean: Tensor, square: Tensor, first: Tensor, second: Tensor) -> Tensor:
    size = (square / second).clamp(min=torch.finfo(square.dtype).tiny).sqrt()
    return mean / first / (size + EPSILON)


def backprojected(problem: Problem) -> Tensor:
    """A⁺y where there is a closed form, else the multiple of Aᴴy that fits the data best, of the tangent at 0."""
    operator, y = problem.operator, residual(problem, torch.zeros_like(problem.data))
    if isinstance(operator, LinearOperator) and "pinv" in operator.capabilities:
        return operator.pinv(y)
    zero = problem.zeros()
    b = operator.vjp(zero, y)
    n, m = b.ndim - 1, y.ndim - 1
    size = item_norm(operator.jvp(zero, b), m).square()
    share = item_norm(b, n).square() / torch.where(size > 0, size, 1)
    out: Tensor = per_item(share, b, n) * b
    return out
