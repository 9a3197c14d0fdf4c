"""A problem with what CVXPY needs to solve it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import cvxpy as cp
import numpy as np
import torch
from torch import Tensor

from recon.operators import BeerLambertNoise, GaussianNoise, LinearOperator, PoissonNoise, SquaredL2, sart_weights
from recon.operators.data_term import DataTerm
from recon.operators.noise import NoiseModel
from recon.priors import VariationalPrior
from recon.solvers import Problem

from ..priors.optima import matrix
from .convex_costs import Constraint, Cost, Fit, minimum, squares
from .problem_parts import blur, scene


@dataclass(frozen=True)
class Known:
    """A problem and its least objective, one per item."""

    problem: Problem
    optima: Tensor


@dataclass(frozen=True)
class Question:
    """What is asked with an operator of any scale: how data arise and are compared, the prior, and both in CVXPY.

    ``term`` and ``fit`` take the operator's scale: noise grows with the data, so that all scales are as hard; for the
    same reason images that attenuate a beam shrink.
    """

    operator: Callable[[float], LinearOperator]
    term: Callable[[float], NoiseModel | DataTerm]
    fit: Callable[[float], Fit]
    prior: VariationalPrior | None = None
    cost: Cost | None = None
    constraints: Constraint | None = None
    extra: int = 0
    complex_: bool = False
    images: Callable[[tuple[int, ...], bool], Tensor] | None = None

    def at(self, scale: float, rows: bool = False) -> Known:
        """The problem with ‖K‖ about ``scale``, solved.

        With ``rows`` its squares count by the inverse row sums of A, as they do for SIRT.
        """
        A, term = self.operator(scale), self.term(scale)
        image = (self.images or scene)(A.domain_shape, self.complex_)
        clean = A(image / scale if isinstance(term, BeerLambertNoise) else image)
        noise = term if isinstance(term, NoiseModel) else GaussianNoise(0.05 * scale)
        data = noise.sample(clean, torch.Generator().manual_seed(1))
        if isinstance(term, NoiseModel):
            problem = Problem(A, data, term, self.prior)
        else:
            problem = Problem(A, data, prior=self.prior, fidelity=term)
        items = data.reshape(-1, *A.range_shape)
        fit = self.fit(scale)
        if rows:
            weights = sart_weights(A, data).rows.expand(A.range_shape)
            problem = Problem(A, data, prior=self.prior, fidelity=SquaredL2(A.range_shape, data, weights))
            root = weights.sqrt().reshape(-1).numpy()
            fit = lambda z, y: cp.sum_squares(cp.multiply(root, z - y)) / 2  # noqa: E731
        optima = [self._solve(A, y.reshape(-1).numpy(), fit) for y in items]
        return Known(problem, torch.tensor(optima, dtype=torch.float64).reshape(problem.batch))

    def _solve(self, A: LinearOperator, y: np.ndarray, fit: Fit) -> float:
        size = prod(A.domain_shape)
        z = cp.Variable(size * (1 + self.extra), complex=self.complex_)
        K = matrix(A, torch.complex128 if self.complex_ else torch.float64)
        misfit = fit(K @ z[:size], y)
        bounds = [] if self.constraints is None else self.constraints(z)
        if isinstance(misfit, list):
            bounds, misfit = [*bounds, *misfit], 0
        return minimum(misfit + (0 if self.cost is None else self.cost(z)), bounds)


def gaussian(scale: float) -> GaussianNoise:
    return GaussianNoise(0.05 * scale)


def poisson(scale: float) -> PoissonNoise:
    return PoissonNoise(gain=scale / 40, background=0.3 * scale)


def ask(prior: VariationalPrior | None, cost: Cost | None, **given: object) -> Question:
    """Gaussian deblurring with a prior."""
    settings: dict[str, object] = {"operator": blur, "term": gaussian, "fit": squares, **given}
    return Question(prior=prior, cost=cost, **settings)  # type: ignore[arg-type]
