"""Samplers under a mixture prior, where the posterior is one too: weights of modes, and sliced distances."""

import torch

from recon.solvers import MMPS, KarrasSchedule, SplitGibbs, TwistedSMC
from tests.solvers.sampling.mixtures import (
    DATA,
    EXACT,
    OPERATOR,
    POSTERIOR,
    PRIOR,
    SIGMA,
    share,
    sliced_w2,
    two_modes,
)

REFERENCE = POSTERIOR.sample(20000, torch.Generator().manual_seed(0))


def test_the_reference_is_what_it_says() -> None:
    assert abs(EXACT - 0.932) < 1e-3
    assert abs(share(REFERENCE) - EXACT) < 0.006
    assert sliced_w2(POSTERIOR.sample(2000, torch.Generator().manual_seed(1)), REFERENCE) < 0.2


def test_sequential_monte_carlo_finds_the_posterior() -> None:
    solver = TwistedSMC(steps=100, particles=128, noise_schedule=KarrasSchedule(0.01, 80.0)).whole()
    x = _all(solver)
    assert abs(share(x) - EXACT) < 0.02
    assert sliced_w2(x, REFERENCE) < 0.3


def _all(solver: TwistedSMC) -> torch.Tensor:
    problem = two_modes(20)
    state = solver.init(problem)
    with torch.no_grad():
        for _ in range(solver.steps):
            state = solver.step(problem, state)
    return solver.image(state).flatten(0, 1)


def test_moment_matching_flattens_the_weights() -> None:
    x = MMPS(steps=60, noise_schedule=KarrasSchedule(0.01, 80.0)).solve(two_modes(1000)).image
    assert 0.58 < share(x) < 0.70
    assert sliced_w2(x, REFERENCE) > 0.9


def test_split_gibbs_has_the_weights_of_inflated_noise_where_modes_mix() -> None:
    """And keeps those at which they ceased to where ρ falls further: no chain crosses between modes then."""
    inflated = float(PRIOR.posterior(OPERATOR, DATA, (SIGMA**2 + 1.0**2 * 1.04) ** 0.5).weights[0])
    wide = SplitGibbs(rho=1.0, rho_start=4.0, steps=60).solve(two_modes(1500)).image
    assert abs(share(wide) - inflated) < 0.05
    narrow = SplitGibbs(rho=0.2, rho_start=10.0, steps=60).solve(two_modes(600)).image
    assert 0.58 < share(narrow) < 0.8 < float(PRIOR.posterior(OPERATOR, DATA, (0.25 + 0.0416) ** 0.5).weights[0])
