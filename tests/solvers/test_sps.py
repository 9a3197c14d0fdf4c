"""Paraboloidal surrogates of transmission data: monotone, above, and at the right optimum."""

from __future__ import annotations

from math import pi

import pytest
import torch
from torch import Tensor

from recon.operators import CapabilityError, GaussianNoise, ParallelBeam, RayTransform, Volume
from recon.operators.diagonal import Diagonal
from recon.operators.functionals import TransmissionPoisson
from recon.priors import Box, NonNegative
from recon.solvers import LBFGS, SPS, MaxIter, Problem, Residuals
from recon.solvers.optimisation.sps import _optimal


def _scan(background: float) -> tuple[Problem, Tensor]:
    A = RayTransform(Volume((16, 16)), ParallelBeam([pi * a / 18 for a in range(18)], 24), model="joseph")
    x = torch.full((2, 16, 16), 0.01, dtype=torch.float64)
    x[0, 4:10, 3:9], x[1, 8:12, 8:12] = 0.15, 0.3
    generator = torch.Generator().manual_seed(0)
    counts = torch.poisson(200 * torch.exp(-A(x)) + background, generator)
    return Problem(A, counts, fidelity=TransmissionPoisson((18, 24), counts, 200.0, background)), x


@pytest.mark.parametrize("background", [0.0, 20.0])
def test_optimal_curvatures_are_monotone_and_reach_the_optimum(background: float) -> None:
    problem, _ = _scan(background)
    result = SPS(stop=MaxIter(800), check_every=1).solve(problem)
    values = result.history["objective"]
    assert bool((values[1:] <= values[:-1] * (1 + 1e-12)).all())
    bounded = Problem(problem.operator, problem.data, fidelity=problem.fidelity, prior=NonNegative())
    best = LBFGS(stop=MaxIter(2000) | Residuals(1e-8)).solve(bounded)
    torch.testing.assert_close(result.last("objective"), best.last("objective"), rtol=3e-3, atol=0)


@pytest.mark.parametrize("background", [0.0, 3.0])
def test_parabolas_of_the_optimal_curvature_are_above_and_no_smaller_one_is(background: float) -> None:
    y = torch.tensor([0.0, 1.0, 5.0, 30.0, 80.0], dtype=torch.float64)
    lines = torch.tensor([1e-9, 0.01, 0.3, 1.0, 4.0], dtype=torch.float64)
    grid = torch.linspace(0, 8, 4001, dtype=torch.float64)
    for count in y:
        f = TransmissionPoisson((1,), count.reshape(1, 1).expand(5, 1), 50.0, background)
        at = lines[:, None]
        slope = f.grad(at)
        c = _optimal(f, at, slope)
        for item in range(5):
            g = TransmissionPoisson((1,), count.reshape(1), 50.0, background)
            t = grid[:, None] - at[item]
            bound = f(at)[item] + (slope[item] * t + c[item] / 2 * t.square())[:, 0]
            assert bool((g(grid[:, None]) <= bound + 1e-9 * (1 + bound.abs())).all())
            if float(c[item]) > 1e-6 and float(at[item]) > 0.1:
                lower = f(at)[item] + (slope[item] * t + 0.99 * c[item] / 2 * t.square())[:, 0]
                assert bool((g(grid[:, None]) > lower).any())


def test_subsets_go_as_far_in_one_pass_as_many_steps() -> None:
    problem, _ = _scan(20.0)
    for curvature in ("optimal", "precomputed", "newton"):
        slow = SPS(stop=MaxIter(16), curvature=curvature).solve(problem)  # type: ignore[arg-type]
        fast = SPS(stop=MaxIter(4), curvature=curvature, subsets=6).solve(problem)  # type: ignore[arg-type]
        assert bool((fast.last("objective") < slow.last("objective")).all())


def test_newton_curvatures_are_mltr() -> None:
    """Nuyts' update without background: μ + Aᵀ(ψ − y)/Aᵀ(γψ), ψ the expected counts."""
    problem, _ = _scan(0.0)
    A, y = problem.linear, problem.data
    x = torch.full((2, 16, 16), 0.02, dtype=torch.float64)
    mean = 200 * torch.exp(-A(x))
    expected = (x + A.adjoint(mean - y) / A.adjoint(A(torch.ones_like(x)) * mean)).clamp(min=0)
    found = SPS(stop=MaxIter(1), curvature="newton").solve(problem, x).image
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_noiseless_counts_are_explained() -> None:
    w = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    x = torch.tensor([[0.3, 1.2, 0.8], [2.0, 0.0, 0.1]], dtype=torch.float64)
    for background, curvature in ((0.0, "optimal"), (5.0, "optimal"), (5.0, "precomputed"), (5.0, "newton")):
        counts = 100 * torch.exp(-w * x) + background
        f = TransmissionPoisson((3,), counts, 100.0, background)
        solver = SPS(stop=MaxIter(300), curvature=curvature)  # type: ignore[arg-type]
        found = solver.solve(Problem(Diagonal(w), counts, fidelity=f)).image
        torch.testing.assert_close(found, x, rtol=1e-6, atol=1e-6)


def test_refusals() -> None:
    problem, _ = _scan(0.0)
    with pytest.raises(CapabilityError, match="counts behind an absorber"):
        SPS().solve(Problem(problem.operator, problem.data, GaussianNoise(1.0)))
    with pytest.raises(CapabilityError, match="takes no other prior, got Box"):
        SPS().solve(Problem(problem.operator, problem.data, fidelity=problem.fidelity, prior=Box(0.0, 1.0)))
    with pytest.raises(ValueError, match="curvature among optimal, precomputed, newton, got 'exact'"):
        SPS(curvature="exact")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="SPS expects no more subsets than views, 18, got 19"):
        SPS(subsets=19).solve(problem)
    y = torch.ones(1, 3)
    f = TransmissionPoisson((3,), y, 2.0)
    with pytest.raises(CapabilityError, match="entries >= 0, not all 0, which Diagonal has not"):
        SPS().solve(Problem(Diagonal(torch.tensor([1.0, -1.0, 1.0])), y, fidelity=f))
