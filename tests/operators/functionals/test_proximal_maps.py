"""Proximal maps and conjugates in closed form, entry by entry."""

from __future__ import annotations

import pytest
import torch

from recon.operators import L1, BoxIndicator, GroupL1, PoissonKL, SquaredL2

GRID = torch.linspace(-8, 8, 160001, dtype=torch.float64)[:, None]


@pytest.mark.parametrize(
    "functional",
    [
        L1((1,), 0.7),
        SquaredL2((1,), torch.tensor([1.5], dtype=torch.float64), 2.0),
        BoxIndicator((1,), -0.5, 2.0),
        PoissonKL((1,), torch.tensor([2.0], dtype=torch.float64), 0.5, 0.3),
        PoissonKL((1,), torch.tensor([0.0], dtype=torch.float64), 1.0, 0.1),
        2.5 * L1((1,), 0.2),
    ],
    ids=["L1", "SquaredL2", "Box", "PoissonKL", "PoissonKL without counts", "scaled"],
)
@pytest.mark.parametrize("point", [-3.0, -0.1, 0.4, 5.0])
@pytest.mark.parametrize("tau", [0.3, 2.0])
def test_prox_is_the_minimiser_found_by_search(functional, point: float, tau: float) -> None:  # type: ignore[no-untyped-def]
    x = torch.tensor([point], dtype=torch.float64)
    values = functional(GRID) + (GRID[:, 0] - point).square() / (2 * tau)
    best = GRID[values.argmin()]
    assert float((functional.prox(x, tau) - best).abs()) < 2e-4


def test_group_shrinkage() -> None:
    x = torch.tensor([[3.0, 0.1], [4.0, 0.1]], dtype=torch.float64)
    shrunk = GroupL1((2, 2)).prox(x, 1.0)
    torch.testing.assert_close(shrunk, torch.tensor([[2.4, 0.0], [3.2, 0.0]], dtype=torch.float64))
    assert float(GroupL1((2, 2), torch.tensor([2.0, 0.0]))(x)) == pytest.approx(10)


def test_conjugates_of_norms_are_indicators_of_balls() -> None:
    y = torch.tensor([[0.6, 0.0], [0.8, 0.0]], dtype=torch.float64)
    assert float(GroupL1((2, 2)).conjugate(y)) == 0
    assert float(GroupL1((2, 2)).conjugate(1.001 * y)) == float("inf")
    assert float(L1((2, 2), 0.7).conjugate(y)) == float("inf")
