"""Norms by Lanczos iterations."""

from __future__ import annotations

import pytest
import torch

from recon.operators import CartesianMRI
from recon.operators.spectrum import lanczos_norm, norm_below


@pytest.mark.parametrize("n", [5, 64, 256])
@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_partial_isometries_never_seem_larger_than_one(n: int, dtype: torch.dtype) -> None:
    """Krylov spaces of theirs end after two steps; noise of rounding was taken for directions: ‖A‖ = 2.9."""
    mask = torch.rand(n, n, generator=torch.Generator().manual_seed(n)) < 0.3
    A, like = CartesianMRI(mask), torch.zeros((), dtype=dtype)
    for iterations in (1, 3, 10):
        assert norm_below(A, like, iterations) <= 1 + 1e-5
    assert lanczos_norm(A, 1e-3, like) == pytest.approx(1, abs=1e-5)
