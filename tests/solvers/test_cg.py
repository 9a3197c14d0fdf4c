"""Conjugate gradients per item against dense solutions."""

from __future__ import annotations

import pytest
import torch

from recon.solvers import cg


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_solves_every_item_to_its_own_tolerance(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    root = torch.randn((4, 12, 12), generator=generator, dtype=dtype)
    scale = torch.tensor([1e-3, 1.0, 30.0, 1e4], dtype=torch.float64)[:, None, None]
    matrices = scale * (root @ root.mH + 0.5 * torch.eye(12, dtype=dtype))
    b = torch.randn((4, 12), generator=generator, dtype=dtype)
    x, info = cg(lambda v: (matrices @ v[..., None])[..., 0], b, 1, rtol=1e-12, max_iter=200)
    torch.testing.assert_close(x, torch.linalg.solve(matrices, b), rtol=1e-8, atol=1e-10)
    assert bool((info.residual <= 1e-12).all())
    for item in range(4):
        alone, _ = cg(lambda v, M=matrices[item]: M @ v, b[item], 1, rtol=1e-12, max_iter=200)
        torch.testing.assert_close(x[item], alone, rtol=1e-9, atol=1e-12)


def test_exact_after_as_many_iterations_as_distinct_eigenvalues() -> None:
    d = torch.tensor([1.0, 1.0, 2.0, 2.0, 7.0], dtype=torch.float64)
    x, info = cg(lambda v: d * v, torch.ones(5, dtype=torch.float64), 1, rtol=1e-12)
    torch.testing.assert_close(x, 1 / d)
    assert int(info.iterations) == 3


def test_says_what_it_reached_when_it_runs_out_of_iterations() -> None:
    d = torch.linspace(1, 1000, 50, dtype=torch.float64)
    b = torch.ones(50, dtype=torch.float64)
    x, info = cg(lambda v: d * v, b, 1, rtol=1e-12, max_iter=5)
    assert int(info.iterations) == 5
    torch.testing.assert_close(info.residual, (b - d * x).norm() / b.norm())
    assert float(info.residual) > 1e-3


def test_finished_items_keep_their_solution_and_zero_right_hand_sides_are_solved_at_once() -> None:
    d = torch.linspace(1, 3, 4, dtype=torch.float64)
    b = torch.stack([torch.zeros(4, dtype=torch.float64), torch.ones(4, dtype=torch.float64)])
    x, info = cg(lambda v: d * v, b, 1)
    assert info.iterations.tolist() == [0, 4]
    assert not bool(x[0].any())


def test_a_good_start_needs_only_the_reduction_asked_for() -> None:
    d = torch.linspace(1, 100, 30, dtype=torch.float64)
    b = torch.ones(30, dtype=torch.float64)
    start = 1 / d + 1e-6
    _, info = cg(lambda v: d * v, b, 1, x0=start, rtol=0.5)
    assert 0 < int(info.iterations) < 10
    assert float(info.residual) <= 0.5 * float((b - d * start).norm() / b.norm())
