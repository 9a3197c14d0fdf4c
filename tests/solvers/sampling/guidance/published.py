"""Published recursions, carried through for Gaussian priors in their own coordinates, with their own α and β.

A step of a recursion is an affine map of a variance-preserving state x_t = √ᾱ x₀ + (1 − ᾱ)^½ z plus Gaussian noise; so
mean and covariance of what it draws follow from matrices, without anything of the package but the prior's moments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from recon.operators import Dense, LinearOperator
from recon.solvers import Sampler
from tests.solvers.sampling.audit import Case, Law, case, operators, propagate

ALPHA_BAR = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)
SIGMA_Y = 0.1


def decomposed(name: str, n: int = 4) -> LinearOperator:
    """One of the operators, with a singular value decomposition."""
    operator = operators(n)[name]
    return operator if "svd" in operator.capabilities else Dense(operator)


class Affine(NamedTuple):
    """x ↦ M x + b."""

    M: Tensor
    b: Tensor

    def __call__(self, other: Affine) -> Affine:
        """This map after another one."""
        return Affine(self.M @ other.M, self.M @ other.b + self.b)

    def __add__(self, other: Affine) -> Affine:  # type: ignore[override]
        return Affine(self.M + other.M, self.b + other.b)

    def __sub__(self, other: Affine) -> Affine:
        return self + (-1.0) * other

    def __rmul__(self, factor: float | Tensor) -> Affine:  # type: ignore[override]
        """A number or a matrix times this map."""
        if isinstance(factor, Tensor) and factor.ndim == 2:
            return Affine(factor @ self.M, factor @ self.b)
        return Affine(factor * self.M, factor * self.b)


class Question(NamedTuple):
    """A case in matrices."""

    A: Tensor
    y: Tensor
    mean: Tensor
    C: Tensor

    @property
    def d(self) -> int:
        return len(self.mean)

    @property
    def eye(self) -> Tensor:
        return torch.eye(self.d, dtype=torch.float64)

    @property
    def state(self) -> Affine:
        return Affine(self.eye, torch.zeros(self.d, dtype=torch.float64))

    @property
    def data(self) -> Affine:
        """y as a map that does not look at the state."""
        return Affine(torch.zeros(len(self.y), self.d, dtype=torch.float64), self.y)

    def denoised(self, alpha: Tensor) -> Affine:
        """x̂₀ = E[x₀ | x_t] by Tweedie's formula, from the score of N(√ᾱ μ, ᾱ C + (1 − ᾱ) I)."""
        score = -torch.linalg.inv(alpha * self.C + (1 - alpha) * self.eye)
        return (1 / alpha.sqrt()) * (self.state + (1 - alpha) * Affine(score, -score @ (alpha.sqrt() * self.mean)))


Step = Callable[[Question, Tensor, Tensor], tuple[Affine, Tensor]]
"""(question, ᾱ_t, ᾱ of the next step) ↦ the map, and a root of the covariance of the noise."""


def question(exact: Case) -> Question:
    problem = exact.problem
    prior = problem.prior
    return Question(exact.A, problem.data[0].flatten(), prior.mean.flatten(), prior.covariance.dense())


def published(q: Question, steps: int, step: Step, start: Law | None = None) -> Law:
    """What x_0 is distributed like, where x_T is white."""
    mean, cov = torch.zeros(q.d, dtype=torch.float64), q.eye
    if start is not None:
        mean, cov = start.mean, start.cov
    alphas = ALPHA_BAR[torch.linspace(999, 0, steps, dtype=torch.float64).round().long()]
    after = torch.cat([alphas[1:], torch.ones(1, dtype=torch.float64)])
    for now, then in zip(alphas, after, strict=True):
        (M, b), root = step(q, now, then)
        mean, cov = M @ mean + b, M @ cov @ M.T + root @ root.T
    return Law(mean, cov)


def ddpm(q: Question, now: Tensor, then: Tensor, x0: Affine) -> tuple[Affine, Tensor]:
    """The ancestral step with an estimate of x₀ in the place of the prior's."""
    beta = 1 - now / then
    mean = (then.sqrt() * beta / (1 - now)) * x0 + ((1 - beta).sqrt() * (1 - then) / (1 - now)) * q.state
    return mean, ((1 - then) / (1 - now) * beta).sqrt() * q.eye


def noise_of(q: Question, now: Tensor, x0: Affine) -> Affine:
    """ε̂ = (x_t − √ᾱ x̂₀)/(1 − ᾱ)^½."""
    return (1 / (1 - now).sqrt()) * (q.state - now.sqrt() * x0)


def agrees(
    solver: Sampler,
    operator: str | LinearOperator,
    step: Step,
    start: Callable[[Question], Law] | None = None,
    tolerance: float = 1e-8,
) -> None:
    """The solver's law on one of the operators is that of the published recursion."""
    exact = case(operators(4)[operator] if isinstance(operator, str) else operator, SIGMA_Y)
    q = question(exact)
    wanted = published(q, solver.steps, step, None if start is None else start(q))
    found = propagate(solver, exact.problem)
    scale = float(wanted.mean.norm() + wanted.cov.norm())
    assert float((found.mean - wanted.mean).norm()) < tolerance * scale
    assert float((found.cov - wanted.cov).norm()) < tolerance * scale
