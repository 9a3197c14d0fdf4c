"""SCAD and MCP by accelerated gradients: the same stationary points in fewer iterations than proximal gradient."""

from __future__ import annotations

import pytest

from recon.operators.functionals import MCP, SCAD, Functional
from recon.operators.operator import Shape
from recon.priors.prior import Term, VariationalPrior
from recon.solvers import GhadimiLan, MaxIter, Problem, ProximalGradient, Reason, Residuals

from .nonconvex import sparse_regression


class Folded(VariationalPrior):
    """A penalty as a prior."""

    def __init__(self, penalty: type[Functional], lam: float) -> None:
        super().__init__(lam)
        self.penalty = penalty

    def unit_terms(self, shape: Shape) -> tuple[Term, ...]:
        functional = SCAD(shape, 0.1) if self.penalty is SCAD else MCP(shape, 0.8)
        return (Term(functional),)


@pytest.mark.parametrize("penalty", [SCAD, MCP])
def test_half_the_iterations_of_proximal_gradient(penalty: type[Functional]) -> None:
    given, truth = sparse_regression()
    problem = Problem(given.operator, given.data, prior=Folded(penalty, 0.1))
    stop = MaxIter(20000) | Residuals(1e-8)
    slow = ProximalGradient(stop=stop, check_every=1, steps="constant").solve(problem)
    fast = GhadimiLan(stop=stop, check_every=1).solve(problem)
    assert slow.reason is Reason.CONVERGED
    assert fast.reason is Reason.CONVERGED
    assert int(fast.iterations) <= int(slow.iterations) / 2
    assert float((fast.image - truth).norm() / truth.norm()) < 0.05
    assert float(fast.last("objective")) == pytest.approx(float(slow.last("objective")), rel=1e-4)
