"""Condat-Vũ and PD3O: steps by hand, step sizes as inequalities, limits that are other methods."""

from __future__ import annotations

import pytest
import torch

from recon.operators import CapabilityError, GaussianNoise, Gradient, PoissonNoise
from recon.operators.diagonal import Diagonal
from recon.priors import NonNegative, TotalVariation
from recon.solvers import PD3O, CondatVu, MaxIter, Problem
from recon.solvers.optimisation.saddle import prior_part, split
from recon.solvers.optimisation.smooth_primal_dual import SmoothPrimalDual

from .known_optima import matrix

WEIGHTS = torch.linspace(0.2, 1.0, 30, dtype=torch.float64).reshape(5, 6)


def _problem(scale: float = 1.0) -> Problem:
    data = torch.rand((3, 5, 6), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    data = data * torch.tensor([1.0, 100.0, 1e-3], dtype=torch.float64)[:, None, None]
    return Problem(Diagonal(scale * WEIGHTS), data, GaussianNoise(0.1), 0.3 * TotalVariation() + NonNegative())


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("ratio", [0.01, 1.0, 100.0])
@pytest.mark.parametrize(
    "cls", [PD3O, CondatVu, lambda **kw: CondatVu(relaxation=1.7, **kw)], ids=["PD3O", "CondatVu", "relaxed"]
)
def test_steps_satisfy_their_inequalities_throughout(cls, ratio: float, scale: float) -> None:  # type: ignore[no-untyped-def]
    problem = _problem(scale)
    solver = cls(ratio=ratio)
    norms = [
        torch.linalg.matrix_norm(torch.from_numpy(matrix(b.operator, torch.float64)), 2)
        for b in prior_part(split(problem)).blocks
    ]
    beta = 100 * scale**2
    state = solver.init(problem)
    for _ in range(50):
        tau, sigmas = state.steps
        total = torch.stack([s * norm**2 for s, norm in zip(sigmas, norms, strict=True)]).sum(0)
        assert bool((tau > 0).all() and (total > 0).all())
        if isinstance(solver, CondatVu):
            margin = 1 / tau - total
            assert bool((margin >= beta / 2).all())
            assert bool((solver.relaxation < 2 - beta / 2 / margin).all())
        else:
            assert bool((tau < 2 / beta).all())
            assert bool((tau * total <= 1).all())
        state = solver.step(problem, state)


@pytest.mark.parametrize("solver", [CondatVu(adaptive=False), PD3O(adaptive=False)], ids=lambda s: s.name)
def test_a_step_by_hand(solver: SmoothPrimalDual) -> None:
    problem = _problem().select(torch.tensor([0]))
    A, y, D = problem.linear, problem.data, Gradient((5, 6))
    state = solver.step(problem, solver.init(problem, 0.3 * y))
    x0, p0, (tau, (sigma,)) = state.at.x, state.at.duals[0], state.steps

    def gradient(x: torch.Tensor) -> torch.Tensor:
        return 100 * A.adjoint(A(x) - y)

    x1 = (x0 - tau * (gradient(x0) + D.adjoint(p0))).clamp(min=0)
    ahead = 2 * x1 - x0
    if isinstance(solver, PD3O):
        ahead = ahead + tau * (gradient(x0) - gradient(x1))
    p1 = p0 + sigma * D(ahead)
    p1 = p1 / (p1.norm(dim=1, keepdim=True) / 0.3).clamp(min=1)
    new = solver.step(problem, state)
    torch.testing.assert_close(solver.image(new), x1)
    torch.testing.assert_close(new.duals[0], p1)


def test_pd3o_without_operators_is_proximal_gradient() -> None:
    data = torch.rand((2, 5, 6), generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 0.3
    problem = Problem(Diagonal(WEIGHTS), data, prior=NonNegative())
    image = PD3O(stop=MaxIter(400)).solve(problem).image
    torch.testing.assert_close(image, (data / WEIGHTS).clamp(min=0), rtol=1e-6, atol=1e-8)


def test_refuses_by_name() -> None:
    rough = Problem(Diagonal(torch.ones(3)), torch.ones(3), PoissonNoise(), TotalVariation())
    for solver in (CondatVu(), PD3O()):
        with pytest.raises(CapabilityError, match=f"{solver.name} needs a data term with a Lipschitz gradient"):
            solver.solve(rough)
        with pytest.raises(ValueError, match=f"{solver.name} expects ratio > 0, got 0"):
            type(solver)(ratio=0)
    with pytest.raises(ValueError, match=r"CondatVu expects relaxation in \(0, 2\), got 2\.5"):
        CondatVu(relaxation=2.5)
