"""A penalty that is not convex, with a split, and a sparse regression to try it on."""

from __future__ import annotations

import torch
from torch import Tensor

from recon.operators import LinearOperator
from recon.operators.functionals import L1, Functional
from recon.operators.operator import Shape
from recon.operators.tensors import item_sum, per_item
from recon.priors.prior import Term, VariationalPrior
from recon.solvers import Problem


class MinimaxConcavePenalty(Functional):
    """Σ λ|t| − t²/2γ up to |t| = γλ, constant beyond; prox for τ < γ."""

    capabilities = frozenset({"prox", "smooth_split"})
    convex = False

    def __init__(self, shape: Shape, level: float, gamma: float) -> None:
        super().__init__(shape)
        self.level, self.gamma = level, gamma

    def apply(self, x: Tensor) -> Tensor:
        a = x.abs().clamp(max=self.gamma * self.level)
        return item_sum(self.level * a - a.square() / (2 * self.gamma), self.ndim)

    def prox(self, x: Tensor, tau: float | Tensor) -> Tensor:
        step = per_item(tau, x, self.ndim) * torch.ones_like(x)
        assert bool((step < self.gamma).all())
        shrunk = torch.sign(x) * torch.relu(x.abs() - step * self.level) / (1 - step / self.gamma)
        return torch.where(x.abs() <= self.gamma * self.level, shrunk, x)

    def smooth_split(self) -> tuple[Functional, Functional]:
        weights = torch.tensor(self.level, dtype=torch.float64)
        return ConcavePart(self.domain_shape, self.level, self.gamma), L1(self.domain_shape, weights)


class ConcavePart(Functional):
    """The penalty minus λ|t|: differentiable, with a Lipschitz gradient."""

    capabilities = frozenset({"grad"})
    convex = False

    def __init__(self, shape: Shape, level: float, gamma: float) -> None:
        super().__init__(shape)
        self.level, self.gamma = level, gamma

    def apply(self, x: Tensor) -> Tensor:
        a = x.abs().clamp(max=self.gamma * self.level)
        return item_sum(self.level * (a - x.abs()) - a.square() / (2 * self.gamma), self.ndim)

    def grad(self, x: Tensor) -> Tensor:
        return -torch.sign(x) * (x.abs() / self.gamma).clamp(max=self.level)

    def lipschitz(self) -> float:
        return 1 / self.gamma


class MinimaxConcave(VariationalPrior):
    """The penalty as a prior."""

    def __init__(self, level: float, gamma: float) -> None:
        super().__init__()
        self.level, self.gamma = level, gamma

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        return (Term(MinimaxConcavePenalty(shape, self.level, self.gamma)),)


def sparse_regression() -> tuple[Problem, Tensor]:
    """160 noisy measurements of 400 numbers, 12 of them not zero, through correlated Gaussian rows."""
    generator = torch.Generator().manual_seed(0)
    n, m, k = 400, 160, 12
    index = torch.arange(n)
    mix = torch.linalg.cholesky(0.5 ** (index[:, None] - index).abs().double())
    matrix = torch.randn(m, n, generator=generator, dtype=torch.float64) @ mix.T / m**0.5
    x = torch.zeros(n, dtype=torch.float64)
    x[torch.randperm(n, generator=generator)[:k]] = 3 * torch.randn(k, generator=generator, dtype=torch.float64)
    data = matrix @ x + 0.05 * torch.randn(m, generator=generator, dtype=torch.float64)
    A = LinearOperator.from_functions(lambda v: v @ matrix.T.to(v), lambda w: w @ matrix.to(w), (n,), (m,))
    return Problem(A, data, prior=MinimaxConcave(0.1, 8.0)), x
