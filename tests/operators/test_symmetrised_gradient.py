"""Symmetrised differences of fields whose derivatives are known."""

from __future__ import annotations

from math import sqrt

import torch

from recon.operators import Gradient, SymmetrisedGradient


def field() -> torch.Tensor:
    """w = (i·j, i²) on 4 × 5 pixels of sizes 2 and ½."""
    i, j = torch.meshgrid(torch.arange(4.0), torch.arange(5.0), indexing="ij")
    return torch.stack([i * j, i * i])


def test_derivatives_by_hand() -> None:
    E = SymmetrisedGradient((4, 5), spacing=(2.0, 0.5))
    first, second, mixed = E(field())
    i, j = torch.meshgrid(torch.arange(4.0), torch.arange(5.0), indexing="ij")
    expected = torch.where(i < 2, j / 2, 0)  # w_a has no entries in the last row: differences end before it
    torch.testing.assert_close(first, expected)
    assert not bool(second.any())
    torch.testing.assert_close(mixed, torch.where((i < 3) & (j < 4), (i / 0.5 + (2 * i + 1) / 2) / sqrt(2), 0))


def test_annihilates_rotations_and_nothing_else_among_affine_fields() -> None:
    i, j = torch.meshgrid(torch.arange(4.0), torch.arange(5.0), indexing="ij")
    E = SymmetrisedGradient((4, 5), spacing=(2.0, 0.5))
    assert not bool(E(torch.stack([0.5 * j, -2.0 * i]) + 3).abs().max() > 1e-6)
    assert bool(E(torch.stack([0.5 * j, 2.0 * i])).abs().max() > 1)


def test_entries_beyond_the_far_edge_are_not_looked_at() -> None:
    E, w = SymmetrisedGradient((4, 5)), torch.zeros(2, 4, 5)
    w[0, -1], w[1, :, -1] = 7.0, 7.0
    assert not bool(E(w).any())


def test_of_gradients_are_second_differences() -> None:
    x = torch.rand(3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    out = SymmetrisedGradient((3, 4, 5))(Gradient((3, 4, 5))(x))
    torch.testing.assert_close(out[1, :, :2], x.diff(n=2, dim=1))
    torch.testing.assert_close(out[5, :, :3, :4], sqrt(2) * x.diff(dim=1).diff(dim=2))
    assert not bool(out[1, :, 2:].any())
