"""Stochastic PDHG: keyed draws, inequalities, subsets that add up to the whole."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from recon.operators import (
    Blur,
    CapabilityError,
    GaussianNoise,
    Identity,
    LinearOperator,
    ParallelBeam,
    PoissonNoise,
    RayTransform,
    Stack,
    Volume,
)
from recon.operators.diagonal import Diagonal
from recon.operators.functionals import TransmissionPoisson
from recon.priors import Box, NonNegative, TotalVariation
from recon.solvers import PDHG, Gap, MaxIter, Problem, Reason, StochasticPDHG
from recon.solvers.optimisation.data_parts import data_parts


def _rays() -> RayTransform:
    return RayTransform(Volume((8, 8)), ParallelBeam([0.3 * a for a in range(10)], 13), model="joseph")


def _scan(noise: GaussianNoise | PoissonNoise) -> Problem:
    generator = torch.Generator().manual_seed(0)
    A = _rays()
    x = torch.rand((3, 8, 8), generator=generator, dtype=torch.float64)
    return Problem(A, noise.sample(A(x), generator), noise, TotalVariation(0.2) + NonNegative())


def test_draws_depend_on_seed_and_iteration_only_and_have_their_probabilities() -> None:
    odds = (0.125,) * 4 + (0.5,)
    solver = StochasticPDHG(seed=5)
    draws = [solver.draws(k, odds, 4) for k in range(4000)]
    assert draws[7] == StochasticPDHG(seed=5).draws(7, odds, 4)
    assert draws[7:17] != [StochasticPDHG(seed=6).draws(k, odds, 4) for k in range(7, 17)]
    assert all(len(d) == 8 for d in draws)
    counts = torch.bincount(torch.tensor(draws).reshape(-1), minlength=5) / 32000
    torch.testing.assert_close(counts, torch.tensor(odds), atol=0.01, rtol=0)
    first, second = torch.tensor(draws[:-1])[:, 4:].reshape(-1), torch.tensor(draws[1:])[:, :4].reshape(-1)
    assert 0.3 < float((first == second).double().mean()) < 0.34  # Σp² = 0.3125: streams do not overlap


@pytest.mark.parametrize("ratio", [0.1, 1.0, 10.0])
def test_steps_satisfy_their_inequality_throughout(ratio: float) -> None:
    problem = _scan(GaussianNoise(0.1))
    solver = StochasticPDHG(subsets=3, ratio=ratio)
    odds = solver.probabilities(3, 1)
    assert sum(odds) == pytest.approx(1)
    state = solver.init(problem)
    for _ in range(12):
        tau, sigmas = state.steps
        for sigma, norm, p in zip(sigmas, state.norms, odds, strict=True):
            assert bool((tau * sigma * norm**2 < p).all())
        state = solver.step(problem, state)


@pytest.mark.parametrize("noise", [GaussianNoise(0.1), PoissonNoise(0.05, 0.1)], ids=["Gaussian", "Poisson"])
def test_the_parts_add_up_to_the_whole(noise: GaussianNoise | PoissonNoise) -> None:
    problem = _scan(noise)
    x = 1 + torch.rand((3, 8, 8), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    parts = data_parts(problem, 3, "test")
    images = tuple(block.operator(x) for block in parts.blocks)
    torch.testing.assert_close(parts.join(images), problem.linear(x))
    total = torch.stack([block.functional(z) for block, z in zip(parts.blocks, images, strict=True)]).sum(0)
    torch.testing.assert_close(total, problem.likelihood(problem.linear(x)))
    whole = problem.likelihood.prox_conjugate(problem.linear(x), 0.7)
    pieces = (b.functional.prox_conjugate(z, 0.7) for b, z in zip(parts.blocks, images, strict=True))
    torch.testing.assert_close(parts.join(tuple(pieces)), whole)


def test_transmission_parts_take_their_share_of_blank_and_background() -> None:
    A = _rays()
    counts = torch.arange(130, dtype=torch.float64).reshape(1, 10, 13)
    blank = torch.linspace(100, 200, 13, dtype=torch.float64)
    f = TransmissionPoisson(A.range_shape, counts, blank)
    problem = Problem(A, counts, prior=NonNegative(), fidelity=f)
    x = torch.rand((1, 8, 8), generator=torch.Generator().manual_seed(1), dtype=torch.float64) / 10
    parts = data_parts(problem, 4, "test")
    total = torch.stack([block.functional(block.operator(x)) for block in parts.blocks]).sum(0)
    torch.testing.assert_close(total, f(A(x)))


WRAPS = [lambda A: A, lambda A: 2 * A, lambda A: A @ Diagonal(torch.full((8, 8), 0.5))]


@pytest.mark.parametrize("wrap", [pytest.param(wrap, marks=pytest.mark.slow) for wrap in WRAPS[:2]] + WRAPS[2:])
def test_reaches_what_pdhg_reaches_item_by_item(wrap) -> None:  # type: ignore[no-untyped-def]
    base = _scan(GaussianNoise(0.1))
    A: LinearOperator = wrap(base.linear)
    problem = Problem(A, base.data, GaussianNoise(0.1), base.prior)
    wanted = PDHG(stop=MaxIter(5000) | Gap(1e-5)).solve(problem)
    solver = StochasticPDHG(subsets=5, stop=MaxIter(2000) | Gap(1e-4))
    found = solver.solve(problem)
    assert set(found.reasons) == {Reason.CONVERGED}
    torch.testing.assert_close(found.last("objective"), wanted.last("objective"), rtol=1.2e-4, atol=0)
    alone = solver.solve(problem.select(torch.tensor([1])))
    torch.testing.assert_close(alone.image[0], found.image[1], rtol=1e-10, atol=1e-12)


def test_poisson_counts_reach_the_proven_optimum() -> None:
    problem = _scan(PoissonNoise(0.05, 0.1))
    problem = Problem(problem.linear, problem.data, problem.noise, TotalVariation(0.2) + Box(0, 3.0))
    result = StochasticPDHG(subsets=5, stop=MaxIter(3000) | Gap(1e-3)).solve(problem)
    assert set(result.reasons) == {Reason.CONVERGED}


def test_refuses_by_name() -> None:
    blur = Blur(torch.ones(3, 3) / 9, (5, 6))
    with pytest.raises(CapabilityError, match="comes in parts, a RayTransform or a Stack; Blur does not: use PDHG"):
        StochasticPDHG().solve(Problem(blur, torch.ones(5, 6), prior=NonNegative()))
    stack = Stack(Identity((5, 6)), blur)
    with pytest.raises(ValueError, match="a stack of 2 operators in as many subsets, got 3"):
        StochasticPDHG(subsets=3).solve(Problem(stack, torch.ones(60), prior=NonNegative()))
    with pytest.raises(ValueError, match="at most as many subsets as views, 10, got 11"):
        StochasticPDHG(subsets=11).solve(_scan(GaussianNoise(0.1)))
    for wrong in ({"subsets": 0}, {"seed": 0.5}, {"ratio": -1.0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            dataclasses.replace(StochasticPDHG(), **wrong)
