"""SCAD and MCP: prox against a grid to 1e-4; accelerated gradients in half the iterations of proximal gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from recon.operators import LinearOperator
from recon.priors import Sparsity
from recon.solvers import GhadimiLan, MaxIter, Problem, ProximalGradient, Reason, Residuals

from .conftest import Figure

PENALTIES = [Sparsity(0.1, "scad", knee=0.1), Sparsity(0.1, "mcp", saturation=0.8)]
NAMES = ["SCAD", "MCP"]


@pytest.mark.parametrize("prior", PENALTIES, ids=NAMES)
def test_prox_is_the_best_on_a_grid(prior: Sparsity, figure: Figure) -> None:
    grid = torch.linspace(-3, 3, 120001, dtype=torch.float64)[:, None]
    cost = prior.cost(grid, (1,))
    worst = 0.0
    for v in torch.linspace(-2, 2, 81, dtype=torch.float64):
        for tau in (0.3, 1.0):
            best = grid[(cost + (grid[:, 0] - v).square() / (2 * tau)).argmin()]
            worst = max(worst, abs(float(prior.prox(v[None], tau).x - best)))
    figure(f"{NAMES[PENALTIES.index(prior)]} prox, largest difference", f"{worst:.1e}")
    assert worst <= 1e-4


def regression() -> tuple[LinearOperator, Tensor, Tensor]:
    """160 noisy measurements of 400 numbers, 12 of them not zero, through correlated Gaussian rows."""
    draw = torch.Generator().manual_seed(0)
    index = torch.arange(400)
    mix = torch.linalg.cholesky(0.5 ** (index[:, None] - index).abs().double())
    matrix = torch.randn(160, 400, generator=draw, dtype=torch.float64) @ mix.T / 160**0.5
    x = torch.zeros(400, dtype=torch.float64)
    x[torch.randperm(400, generator=draw)[:12]] = 3 * torch.randn(12, generator=draw, dtype=torch.float64)
    A = LinearOperator.from_functions(lambda v: v @ matrix.T.to(v), lambda w: w @ matrix.to(w), (400,), (160,))
    return A, A(x) + 0.05 * torch.randn(160, generator=draw, dtype=torch.float64), x


@pytest.mark.parametrize("prior", PENALTIES, ids=NAMES)
def test_half_the_iterations_of_proximal_gradient(prior: Sparsity, figure: Figure) -> None:
    A, data, truth = regression()
    problem = Problem(A, data, prior=prior)
    stop = MaxIter(20000) | Residuals(1e-8)
    plain = ProximalGradient(stop=stop, check_every=1, steps="constant").solve(problem)
    fast = GhadimiLan(stop=stop, check_every=1).solve(problem)
    name = NAMES[PENALTIES.index(prior)]
    figure(
        f"{name} iterations, GhadimiLan against proximal gradient", f"{int(fast.iterations)}, {int(plain.iterations)}"
    )
    assert plain.reason is fast.reason is Reason.CONVERGED
    assert int(fast.iterations) <= int(plain.iterations) / 2
    assert float((fast.image - truth).norm() / truth.norm()) < 0.05
    assert float(fast.last("objective")) == pytest.approx(float(plain.last("objective")), rel=1e-4)
