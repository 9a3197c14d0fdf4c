"""Priors on magnitudes against search over complex numbers and an independent solver."""

from __future__ import annotations

from math import pi

import cvxpy as cp
import pytest
import torch
from torch import Tensor

from recon.operators import CapabilityError, Fourier, Gradient
from recon.priors import (
    LowRank,
    Magnitude,
    Sparsity,
    Tikhonov,
    TotalVariation,
    VariationalPrior,
)
from recon.solvers import PDHG, Problem


def random(*shape: int, dtype: torch.dtype = torch.complex128, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    "prior",
    [
        Sparsity(0.6),
        Sparsity(0.4, "l0"),
        Sparsity(0.5, "scad", knee=0.3),
        Tikhonov(0.7, center=torch.tensor([-1.0], dtype=torch.float64)),
    ],
    ids=["l1", "l0", "scad", "pulled below zero"],
)
@pytest.mark.parametrize("v", [0.3 + 0.1j, -0.8 + 1.1j, 0.05j, 2.0 + 0j])
def test_prox_is_the_best_complex_number_on_a_polar_grid(prior: VariationalPrior, v: complex) -> None:
    phase = torch.tensor(v, dtype=torch.complex128).angle()
    radii = torch.cat([torch.zeros(1, dtype=torch.float64), torch.linspace(0, 2.5, 5001, dtype=torch.float64)])
    angles = phase + torch.arange(12, dtype=torch.float64) * pi / 6
    grid = torch.polar(radii[:, None].expand(-1, 12), angles.expand(len(radii), 12)).reshape(-1, 1)
    lifted, tau = Magnitude(prior, 1.3), 0.9
    values = lifted.cost(grid, (1,)) + (grid[:, 0] - v).abs().square() / (2 * tau)
    found = lifted.prox(torch.tensor([v], dtype=torch.complex128), tau).x
    cost = float(lifted.cost(found)) + abs(complex(found) - v) ** 2 / (2 * tau)
    assert cost <= float(values.min()) + 1e-12
    assert cost == pytest.approx(float(values.min()), abs=1e-6)


def test_prox_of_total_variation_and_l1_is_that_of_an_independent_solver() -> None:
    v, tau = random(5, 6), 0.8
    prior = Magnitude(0.5 * TotalVariation() + 0.3 * Sparsity(), tol=1e-13, max_iter=20000)
    D = Gradient((5, 6))(torch.eye(30, dtype=torch.float64).reshape(30, 5, 6)).reshape(30, 2, 30).permute(1, 2, 0)
    z = cp.Variable(30, nonneg=True)
    tv = cp.sum(cp.norm(cp.vstack([D[0].numpy() @ z, D[1].numpy() @ z]), 2, axis=0))
    fit = cp.sum_squares(z - v.abs().reshape(-1).numpy()) / (2 * tau)
    reference = cp.Problem(cp.Minimize(0.5 * tv + 0.3 * cp.sum(z) + fit))
    reference.solve(solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    found = prior.prox(v, tau)
    cost = float(prior.cost(found.x)) + float((found.x - v).abs().square().sum()) / (2 * tau)
    assert cost == pytest.approx(reference.value, abs=1e-8)
    assert float(found.gap) <= 1e-13 * float(v.abs().square().sum()) / (2 * tau)
    torch.testing.assert_close(found.x.angle()[found.x.abs() > 1e-6], v.angle()[found.x.abs() > 1e-6])
    again = prior.prox(v, tau, start=found)
    assert again.iterations == 0


def test_prox_that_would_leave_the_nonnegative_numbers_does_not() -> None:
    """Singular value thresholding makes entries of a nonnegative matrix negative; magnitudes cannot be."""
    v = torch.tensor([[2.0, 0.0, 0.0], [2.0, 0.0, 3.0], [0.0, 3.0, 4.0]], dtype=torch.float64)
    assert float(LowRank(1.2).prox(v, 1.0).x.min()) < -0.3
    lifted = Magnitude(LowRank(1.2), tol=1e-12, max_iter=10000)
    found = lifted.prox(v.to(torch.complex128), 1.0).x
    z = cp.Variable((3, 3), nonneg=True)
    reference = cp.Problem(cp.Minimize(1.2 * cp.normNuc(z) + cp.sum_squares(z - v.numpy()) / 2))
    reference.solve(solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    cost = float(lifted.cost(found)) + float((found - v).abs().square().sum()) / 2
    assert cost == pytest.approx(reference.value, abs=1e-8)


def test_items_have_their_own_steps_and_weights() -> None:
    x = random(2, 4, 4)
    lam, tau = torch.tensor([0.3, 1.5], dtype=torch.float64), torch.tensor([0.5, 2.0], dtype=torch.float64)
    prior = Magnitude(Sparsity().with_lam(lam))
    batch = prior.prox(x, tau, shape=(4, 4)).x
    for item in range(2):
        alone = Magnitude(Sparsity(float(lam[item]))).prox(x[item], float(tau[item])).x
        torch.testing.assert_close(batch[item], alone)
    (term,) = prior.terms((4, 4))
    torch.testing.assert_close(term.functional.select(torch.tensor([1])).prox(x[1:], 2.0)[0], batch[1])


def test_missed_tolerances_are_told() -> None:
    with pytest.warns(UserWarning, match="did not reach tol = 1e-12 in 3 iterations"):
        Magnitude(TotalVariation(), tol=1e-12, max_iter=3).prox(random(8, 8), 5.0)


def test_what_is_refused() -> None:
    with pytest.raises(
        CapabilityError, match=r"MCP of Sparsity \+ TotalVariation is not convex, nor a sum over pixels by itself"
    ):
        Magnitude(Sparsity(penalty="mcp") + TotalVariation()).terms((4, 4))
    with pytest.raises(CapabilityError, match="Magnitude lifts priors with an explicit cost, got str"):
        Magnitude("tv")  # type: ignore[arg-type]
    problem = Problem(Fourier((4, 4)), random(4, 4), prior=Magnitude(TotalVariation()))
    with pytest.raises(CapabilityError, match="PDHG needs convex terms; LiftedMagnitude is not convex"):
        PDHG().solve(problem)
