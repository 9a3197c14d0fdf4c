"""Graph Laplacians against matrices built edge by edge."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from recon.operators import GraphLaplacian


def dense(psi: np.ndarray, sigma: float, radius: int) -> np.ndarray:
    """diag(W1) − W with W written entry by entry."""
    places = list(product(*(range(n) for n in psi.shape)))
    W = np.zeros((len(places), len(places)))
    for i, p in enumerate(places):
        for j, q in enumerate(places):
            if i != j and max(abs(a - b) for a, b in zip(p, q, strict=True)) <= radius:
                W[i, j] = np.exp(-(abs(psi[p] - psi[q]) ** 2) / sigma)
    return np.diag(W.sum(1)) - W


@pytest.mark.parametrize(
    ("shape", "radius", "complex_"), [((5, 4), 2, False), ((7,), 3, False), ((3, 2, 4), 1, False), ((4, 4), 2, True)]
)
def test_is_the_matrix_written_edge_by_edge(shape: tuple[int, ...], radius: int, complex_: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    psi = torch.rand(shape, generator=generator, dtype=torch.complex128 if complex_ else torch.float64)
    L, n = GraphLaplacian(psi, 0.3, radius), psi.numel()
    matrix = L(torch.eye(n, dtype=torch.float64).reshape(n, *shape)).reshape(n, n).T.numpy()
    expected = dense(psi.numpy(), 0.3, radius)
    np.testing.assert_allclose(matrix, expected, atol=1e-13)
    np.testing.assert_allclose(matrix.sum(1), 0, atol=1e-13)
    np.testing.assert_allclose(L.degrees().reshape(-1).numpy(), np.diag(expected), atol=1e-13)
    values = np.linalg.eigvalsh(expected)
    assert values[0] > -1e-12
    assert L.norm_bound() >= values[-1] * (1 - 1e-12)
    assert L.least(1) == pytest.approx(values[1], rel=1e-6)


def test_flat_references_give_the_sum_of_differences_in_the_window() -> None:
    """Of 24 neighbours each of the same weight: 24x minus their sum."""
    x = torch.rand(9, 9, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    L = GraphLaplacian(torch.full((9, 9), 2.0), 0.1, 2)
    assert float(L(x)[4, 4]) == pytest.approx(25 * float(x[4, 4]) - float(x[2:7, 2:7].sum()))


def test_regions_that_do_not_look_alike_are_not_linked() -> None:
    """Two levels 1 apart for σ = 0.01: images constant on each cost nothing, and are the kernel."""
    psi = (torch.arange(6) > 2).double().expand(5, 6)
    L = GraphLaplacian(psi, 0.01)
    assert int(L.components().max()) == 1
    assert torch.equal(L.components(), psi.long())
    assert not bool(L(7 * psi - 2).abs().max() > 1e-12)
    assert L.least(2) > 0.1


def test_large_images_are_bounded_by_their_weakest_link() -> None:
    psi = torch.linspace(0, 1, 40, dtype=torch.float64).expand(40, 40)
    bound = GraphLaplacian(psi, 0.1, 1).least(1)
    eye = torch.eye(1600, dtype=torch.float64).reshape(-1, 40, 40)
    values = torch.linalg.eigvalsh(GraphLaplacian(psi, 0.1, 1)(eye).reshape(1600, 1600))
    assert 0 < bound <= float(values[1])


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="expects sigma > 0, got 0"):
        GraphLaplacian(torch.ones(3, 3), 0)
    with pytest.raises(ValueError, match="radius of at least 1, got 0"):
        GraphLaplacian(torch.ones(3, 3), radius=0)
