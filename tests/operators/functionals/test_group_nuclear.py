"""Nuclear norms of small matrices against LAPACK's singular values, where they are ordinary and where they are not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recon.operators import GroupL1, GroupNuclear

SHAPES = [(2, 3), (3, 2), (2, 2), (1, 4), (3, 3), (3, 4)]


def matrices(rows: int, columns: int, dtype: torch.dtype) -> torch.Tensor:
    """Ordinary ones, one of rank 1, one with equal singular values, zero, tiny and nearly singular ones."""
    x = torch.randn(8, rows, columns, dtype=dtype, generator=torch.Generator().manual_seed(0))
    x[1] = x[1, :, :1] * x[1, :1]
    x[2] = torch.eye(rows, columns, dtype=dtype)
    x[3] = 0
    x[4] *= 1e-12
    x[5] = x[1] + 1e-9 * x[5]
    return x


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_singular_values_and_prox(rows: int, columns: int, dtype: torch.dtype) -> None:
    x = matrices(rows, columns, dtype)
    f = GroupNuclear((rows, columns, 8), torch.linspace(0.5, 2, 8, dtype=torch.float64))
    item = x.movedim(0, -1)
    U, s, V = np.linalg.svd(x.numpy(), full_matrices=False)
    w = np.linspace(0.5, 2, 8)
    np.testing.assert_allclose(f.singular_values(item).sort(-1, descending=True)[0].numpy(), s, atol=1e-14, rtol=1e-12)
    assert float(f(item)) == pytest.approx((w[:, None] * s).sum(), rel=1e-12)
    shrunk = (U * np.maximum(s - 0.4 * w[:, None], 0)[:, None]) @ V
    np.testing.assert_allclose(f.prox(item, 0.4).movedim(-1, 0).numpy(), shrunk, atol=1e-9)
    clipped = (U * np.minimum(s, w[:, None])[:, None]) @ V
    np.testing.assert_allclose(f.prox_conjugate(item, 0.4).movedim(-1, 0).numpy(), clipped, atol=1e-9)


def test_rows_alone_are_euclidean_groups() -> None:
    x = torch.randn(2, 1, 5, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    f, g = GroupNuclear((1, 5, 6)), GroupL1((5, 6))
    torch.testing.assert_close(f(x), g(x[:, 0]))
    torch.testing.assert_close(f.prox(x, 0.7), g.prox(x[:, 0], 0.7).unsqueeze(1))


def test_matrices_that_are_not_finite_do_not_spoil_others() -> None:
    for rows in (2, 3):
        x = torch.randn(rows, 3, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        good = GroupNuclear((rows, 3, 4)).prox(x, 0.5)
        x[0, 0, 1] = torch.nan
        found = GroupNuclear((rows, 3, 4)).prox(x, 0.5)
        assert bool(found[..., 1].isnan().all())
        torch.testing.assert_close(found[..., [0, 2, 3]], good[..., [0, 2, 3]])


def test_one_step_per_matrix() -> None:
    x = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    f, tau = GroupNuclear((2, 3, 4)), torch.tensor([0.1, 0.5, 1.0, 2.0], dtype=torch.float64)
    found = f.prox(x, tau.reshape(1, 1, 4))
    for k in range(4):
        torch.testing.assert_close(found[..., k], f.prox(x, float(tau[k]))[..., k])
    with pytest.raises(ValueError, match="one step per matrix only"):
        f.prox(x, torch.ones(2, 3, 4, dtype=torch.float64))
