"""Accelerated gradients without convexity, against proximal gradient and closed forms."""

from __future__ import annotations

import pytest
import torch

from recon.operators import CapabilityError, GaussianNoise, PoissonNoise
from recon.operators.diagonal import Diagonal
from recon.priors import NonNegative, Tikhonov
from recon.solvers import GhadimiLan, MaxIter, Problem, ProximalGradient, Reason, Residuals

from .known_optima import wavelet_mri
from .nonconvex import MinimaxConcave, MinimaxConcavePenalty, sparse_regression


def test_half_the_iterations_of_proximal_gradient() -> None:
    problem, truth = sparse_regression()
    stop = MaxIter(20000) | Residuals(1e-8)
    slow = ProximalGradient(stop=stop, check_every=1, steps="constant").solve(problem)
    fast = GhadimiLan(stop=stop, check_every=1).solve(problem)
    assert slow.reason is Reason.CONVERGED
    assert fast.reason is Reason.CONVERGED
    assert int(fast.iterations) <= int(slow.iterations) / 2
    assert float(fast.last("objective")) == pytest.approx(float(slow.last("objective")), rel=1e-9)
    assert float((fast.image - truth).norm() / truth.norm()) < 0.05


def test_stationary_point_of_a_separable_problem() -> None:
    data = torch.tensor([[0.2, 0.9, 1.6, -2.5, 4.0]], dtype=torch.float64)
    problem = Problem(Diagonal(torch.ones(5, dtype=torch.float64)), data, prior=MinimaxConcave(1.0, 2.5))
    result = GhadimiLan(stop=MaxIter(500) | Residuals(1e-12), check_every=1).solve(problem)
    expected = MinimaxConcavePenalty((5,), 1.0, 2.5).prox(data, 1.0)
    torch.testing.assert_close(result.image, expected, rtol=1e-9, atol=1e-9)


def test_convex_problems_reach_their_optimum() -> None:
    known = wavelet_mri()
    result = GhadimiLan(stop=MaxIter(2000) | Residuals(1e-8)).solve(known.problem)
    assert float(known.problem.objective(result.image)) == pytest.approx(known.optimum, rel=1e-6)


def test_without_restart_and_with_it_quadratics_agree_with_the_closed_form() -> None:
    w, y = torch.linspace(0.1, 1.0, 7, dtype=torch.float64), torch.ones(2, 7, dtype=torch.float64)
    problem = Problem(Diagonal(w), y, GaussianNoise(0.5), Tikhonov(0.4))
    for restart in (True, False):
        result = GhadimiLan(stop=MaxIter(4000) | Residuals(1e-10), restart=restart).solve(problem)
        torch.testing.assert_close(result.image, w * y / 0.25 / (w.square() / 0.25 + 0.4), rtol=1e-8, atol=1e-8)


def test_refuses_what_it_cannot_do_by_name() -> None:
    w = Diagonal(torch.ones(3))
    with pytest.raises(CapabilityError, match="GhadimiLan needs Lipschitz gradients; PoissonKL has none"):
        GhadimiLan().solve(Problem(w, torch.ones(3), PoissonNoise(background=1.0), NonNegative()))

    class Unsplit(MinimaxConcavePenalty):
        capabilities = frozenset({"prox"})

    class Prior(MinimaxConcave):
        def unit_terms(self, shape):  # type: ignore[no-untyped-def]
            from recon.priors.prior import Term

            return (Term(Unsplit(shape, 1.0, 2.5)),)

    with pytest.raises(CapabilityError, match="convex or declare smooth_split; Unsplit is neither"):
        GhadimiLan().solve(Problem(w, torch.ones(3), prior=Prior(1.0, 2.5)))
