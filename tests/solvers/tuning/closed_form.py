"""Tikhonov regularisation in closed form: a solver without error, and what criteria are on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from recon.operators import Diagonal, GaussianNoise
from recon.operators.functionals import SquaredL2
from recon.priors import Tikhonov
from recon.solvers import MaxIter, Problem, Solver
from recon.solvers.stopping import Rule

ONCE = MaxIter(1)


class State(NamedTuple):
    image: Tensor


@dataclass(frozen=True, kw_only=True)
class ClosedForm(Solver):
    """(w AᴴA + λI)⁻¹ w Aᴴy."""

    stop: Rule = ONCE
    measures: ClassVar[frozenset[str]] = frozenset({"change"})

    def init(self, problem: Problem, initial: Tensor | None = None) -> State:
        return State(problem.zeros() if initial is None else initial)

    def step(self, problem: Problem, state: State) -> State:
        f, (term,) = problem.likelihood, problem.terms
        assert isinstance(f, SquaredL2)
        assert isinstance(term.functional, SquaredL2)
        ratio = term.functional.weight / f.weight
        return State(problem.linear.solve_normal(problem.linear.adjoint(problem.data), ratio))

    def image(self, state: State) -> Tensor:
        return state.image


SIGMA = 0.01
S = torch.logspace(0, -3, 40, dtype=torch.float64)
X = torch.randn(3, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * torch.logspace(
    0, -1, 40, dtype=torch.float64
)
Y = S * X + SIGMA * torch.randn(3, 40, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
PROBLEM = Problem(Diagonal(S), Y, GaussianNoise(SIGMA), Tikhonov())
EXACT = ClosedForm()


def shrinkage(t: Tensor, s: Tensor = S, sigma: float = SIGMA) -> Tensor:
    """s²/(s² + λσ²) for λ = e^t, ``(len(t), len(s))``."""
    return s**2 / (s**2 + t.exp()[:, None] * sigma**2)


def misfit(t: Tensor, y: Tensor, s: Tensor = S, sigma: float = SIGMA) -> Tensor:
    """‖(A x_λ − y)/σ‖² of one item."""
    return ((1 - shrinkage(t, s, sigma)) * y / sigma).square().sum(1)


def least(values: Tensor, t: Tensor) -> float:
    """The minimiser of values on a fine grid t, by the parabola through the least three."""
    k = int(values.argmin())
    a, b, c = values[k - 1 : k + 2].tolist()
    return float(t[k] + (t[1] - t[0]) * 0.5 * (a - c) / (a - 2 * b + c))
