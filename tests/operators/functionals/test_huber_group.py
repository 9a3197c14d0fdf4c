"""Huber functions of norms of groups against minimisers found along the radius."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import brentq

from recon.operators import GroupL1, HuberGroup

DELTA, WEIGHT = 0.4, 1.5


def slope(t: float) -> float:
    return WEIGHT * min(t / DELTA, 1.0)


@pytest.mark.parametrize("tau", [0.05, 0.7, 6.0])
@pytest.mark.parametrize("size", [1e-6, 0.1, 0.5, 1.2, 20.0])
def test_prox_is_the_root_of_its_optimality_condition(size: float, tau: float) -> None:
    """The prox keeps the direction; its length t solves t + τh'(t) = ‖x‖."""
    direction = torch.tensor([0.6, 0.0, 0.8j], dtype=torch.complex128)
    found = HuberGroup((3, 1), DELTA, WEIGHT).prox(size * direction[:, None], tau)[:, 0]
    t = brentq(lambda t: t + tau * slope(t) - size, 0, size, xtol=1e-15)
    torch.testing.assert_close(found, t * direction, atol=1e-12, rtol=0)


def test_value_gradient_and_conjugate_along_the_radius() -> None:
    f = HuberGroup((2, 1), DELTA, WEIGHT)
    direction = torch.tensor([[0.6], [0.8]], dtype=torch.float64)
    for t in (0.0, 0.1, 0.4, 0.7, 3.0):
        h = WEIGHT * (t * t / (2 * DELTA) if t <= DELTA else t - DELTA / 2)
        assert float(f(t * direction)) == pytest.approx(h, abs=1e-15)
        torch.testing.assert_close(f.grad(t * direction), slope(t) * direction)
    grid = np.linspace(0, 50, 500001)
    values = WEIGHT * np.where(grid <= DELTA, grid**2 / (2 * DELTA), grid - DELTA / 2)
    for s in (0.0, 0.3, 1.4):
        assert float(f.conjugate(s * direction)) == pytest.approx((s * grid - values).max(), abs=1e-6)
    assert float(f.conjugate(1.51 * direction)) == float("inf")


def test_narrow_functions_are_norms() -> None:
    x = torch.randn(3, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(HuberGroup((3, 7), 1e-12)(x), GroupL1((3, 7))(x))
    torch.testing.assert_close(HuberGroup((3, 7), 1e-12).prox(x, 0.7), GroupL1((3, 7)).prox(x, 0.7), atol=1e-10, rtol=0)


def test_one_step_per_group() -> None:
    with pytest.raises(ValueError, match="one step per group only"):
        HuberGroup((2, 3)).prox(torch.ones(2, 3), torch.ones(2, 3))
