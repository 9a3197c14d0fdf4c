"""The Neumann series and its error bound."""

from __future__ import annotations

import pytest
import torch

from recon.solvers import neumann

H = torch.diag(torch.tensor([0.2, 0.5, 1.0, 2.0], dtype=torch.float64))
TURN = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64))[0]
M = TURN @ H @ TURN.T
ALPHA, MU = 0.5, 0.2
B = torch.tensor([[1.0, 2.0, -1.0, 0.5], [0.0, 3.0, 1.0, 1.0]], dtype=torch.float64)


@pytest.mark.parametrize("count", [0, 1, 5, 40, 100])
def test_the_error_is_within_the_bound(count: int) -> None:
    wanted = torch.linalg.solve(M, B.T).T
    w, info = neumann(lambda v: v - ALPHA * v @ M, ALPHA * B, 1, 1e-300, count)
    error = (w - wanted).norm(dim=1)
    bound = (1 - ALPHA * MU) ** (count + 1) * wanted.norm(dim=1)
    assert bool((error <= bound * (1 + 1e-9)).all())
    assert info.iterations.tolist() == [count, count]
    if count == 40:
        assert bool((error > bound / 100).all())  # the bound is of the right order


def test_items_stop_at_their_tolerance() -> None:
    easy = torch.stack([TURN[:, 3], B[0]])  # an eigenvector of 2: J annihilates it
    w, info = neumann(lambda v: v - ALPHA * v @ M, ALPHA * easy, 1, 1e-8)
    assert info.iterations[0] <= 1 < info.iterations[1]
    assert bool((info.residual <= 1e-8).all())
    torch.testing.assert_close(w, torch.linalg.solve(M, easy.T).T, rtol=1e-6, atol=1e-7)
