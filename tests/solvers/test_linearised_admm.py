"""Linearised ADMM: its step, its inequality, and that it is PDHG with the roles of x and y exchanged."""

from __future__ import annotations

import pytest
import torch

from recon.operators import GaussianNoise, Gradient
from recon.operators.diagonal import Diagonal
from recon.operators.tensors import per_item
from recon.priors import TotalVariation
from recon.solvers import Gap, LinearisedADMM, MaxIter, Problem
from recon.solvers.optimisation.saddle import split

from .known_optima import matrix


def _problem() -> Problem:
    weights = torch.linspace(0.2, 1.0, 30, dtype=torch.float64).reshape(5, 6)
    data = torch.rand((2, 5, 6), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return Problem(Diagonal(weights), data, GaussianNoise(0.1), TotalVariation(0.3))


def test_the_scaled_form_of_the_text_gives_the_same_iterates() -> None:
    """x⁺ = x − τ Σ Kᴴ(y + ρ(Kx − z)), z⁺ = prox_{f/ρ}(Kx⁺ + y/ρ), y⁺ = y + ρ(Kx⁺ − z⁺), with z kept explicitly."""
    problem, solver = _problem(), LinearisedADMM(adaptive=False)
    blocks, state = split(problem).blocks, solver.init(problem)
    tau, penalties = state.steps
    x = state.x
    z = [block.operator(x) for block in blocks]
    y = [torch.zeros_like(v) for v in z]
    for _ in range(25):
        force = [
            block.operator.adjoint(v + per_item(rho, v, v.ndim - 1) * (block.operator(x) - copy))
            for block, v, copy, rho in zip(blocks, y, z, penalties, strict=True)
        ]
        x = x - per_item(tau, x, 2) * torch.stack(force).sum(0)
        for i, (block, rho) in enumerate(zip(blocks, penalties, strict=True)):
            weight = per_item(rho, y[i], y[i].ndim - 1)
            image = block.operator(x)
            z[i] = block.functional.prox(image + y[i] / weight, 1 / rho)
            y[i] = y[i] + weight * (image - z[i])
        state = solver.step(problem, state)
        torch.testing.assert_close(state.x, x)
        for mine, theirs in zip(state.duals, y, strict=True):
            torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("ratio", [0.01, 1.0, 100.0])
def test_steps_satisfy_their_inequality_throughout(ratio: float) -> None:
    problem, solver = _problem(), LinearisedADMM(ratio=ratio)
    K = torch.cat([torch.from_numpy(matrix(op, torch.float64)) for op in (problem.linear, Gradient((5, 6)))])
    state, taus = solver.init(problem), []
    for _ in range(45):
        tau, penalties = state.steps
        weights = torch.cat([penalties[0][:, None].expand(2, 30), penalties[1][:, None].expand(2, 60)], dim=1)
        norm = torch.linalg.matrix_norm(weights.sqrt()[:, :, None] * K, 2)
        assert bool((tau * norm**2 <= 1).all())
        taus.append(tau)
        state = solver.step(problem, state)
    assert not torch.equal(taus[0], taus[-1])


def test_balancing_mends_a_bad_start() -> None:
    problem = _problem()
    counts = []
    for adaptive in (False, True):
        solver = LinearisedADMM(ratio=100.0, adaptive=adaptive, stop=MaxIter(1000) | Gap(1e-4), check_every=10)
        counts.append(int(solver.solve(problem).iterations.max()))
    assert counts[1] < counts[0] / 2
