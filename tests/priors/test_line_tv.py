"""Total variation along lines: the exact prox against independent methods, and optima of an independent solver."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
import pytest
import torch

from recon.operators import TotalVariation1D
from recon.priors import FusedLasso, LineTV, TotalVariation
from recon.solvers import FISTA, PDHG, Gap, MaxIter

from .optima import blurred, differences, optimum, reaches


def taut_string(y: np.ndarray, lam: float) -> np.ndarray:
    """The slopes of the string pulled taut between Y − λ and Y + λ, fixed at both ends, Y the partial sums of y."""
    n = len(y)
    total = np.concatenate([[0.0], np.cumsum(y)])
    low, high = total - lam, total + lam
    low[[0, n]] = high[[0, n]] = total[[0, n]]
    out, k, height = np.empty(n), 0, 0.0
    while k < n:
        steepest, flattest = np.inf, -np.inf
        up = down = k
        end = None
        for j in range(k + 1, n + 1):
            rise, fall = (high[j] - height) / (j - k), (low[j] - height) / (j - k)
            if fall > steepest:
                end, slope = up, steepest
                break
            if rise < flattest:
                end, slope = down, flattest
                break
            if rise <= steepest:
                steepest, up = rise, j
            if fall >= flattest:
                flattest, down = fall, j
        if end is None:
            end, slope = n, (total[n] - height) / (n - k)
        out[k:end] = slope
        height, k = height + slope * (end - k), end
    return out


@pytest.mark.parametrize("lam", [0.01, 0.3, 2.0, 50.0])
def test_prox_is_the_taut_string(lam: float) -> None:
    generator = torch.Generator().manual_seed(0)
    y = torch.randn(20, 60, generator=generator, dtype=torch.float64).cumsum(-1)
    found = LineTV(lam).prox(y, 1.0, shape=(60,)).x
    for line, x in zip(y.numpy(), found.numpy(), strict=True):
        np.testing.assert_allclose(x, taut_string(line, lam), atol=1e-10)


def test_prox_with_weights_is_the_minimiser_of_an_independent_solver() -> None:
    generator = torch.Generator().manual_seed(1)
    y = torch.randn(30, generator=generator, dtype=torch.float64).cumsum(0)
    w = torch.rand(30, generator=generator, dtype=torch.float64) + 0.1
    x = cp.Variable(30)
    cost = cp.sum_squares(x - y.numpy()) / (2 * 0.7) + 1.5 * w.numpy()[:-1] @ cp.abs(cp.diff(x))
    cp.Problem(cp.Minimize(cost)).solve(solver=cp.CLARABEL, tol_gap_abs=1e-13, tol_gap_rel=1e-13, tol_feas=1e-13)
    for prior in (LineTV(1.5, weights=w), TotalVariation(1.5, weights=w), TotalVariation(3.0, weights=w, spacing=2.0)):
        found = prior.prox(y, 0.7)
        np.testing.assert_allclose(found.x.numpy(), x.value, atol=1e-8)
        assert float(found.gap) == 0


def test_fused_lasso_prox_is_the_minimiser_of_an_independent_solver() -> None:
    y = torch.randn(30, generator=torch.Generator().manual_seed(2), dtype=torch.float64).cumsum(0)
    x = cp.Variable(30)
    cost = cp.sum_squares(x - y.numpy()) / (2 * 0.7) + 1.5 * (cp.sum(cp.abs(cp.diff(x))) + 0.4 * cp.norm1(x))
    cp.Problem(cp.Minimize(cost)).solve(solver=cp.CLARABEL, tol_gap_abs=1e-13, tol_gap_rel=1e-13, tol_feas=1e-13)
    np.testing.assert_allclose(FusedLasso(1.5, 0.4).prox(y, 0.7).x.numpy(), x.value, atol=1e-8)


def test_optimality_of_a_long_line() -> None:
    """Partial sums of y − x stay within λ and touch it, with the jump's sign, wherever x jumps."""
    y = torch.randn(20000, generator=torch.Generator().manual_seed(3), dtype=torch.float64).cumsum(0)
    x = LineTV(5.0).prox(y, 1.0).x
    u = (x - y).cumsum(0)
    jumps = x.diff()
    assert float(u.abs().max()) <= 5 + 1e-8
    assert abs(float(u[-1])) < 1e-8
    where = jumps.abs() > 1e-9
    assert bool(where.any())
    torch.testing.assert_close(u[:-1][where], 5.0 * jumps[where].sign(), atol=1e-8, rtol=0)


def test_axes_batches_and_bad_lines() -> None:
    y = torch.randn(2, 4, 5, 6, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    whole = TotalVariation1D((4, 5, 6), axis=1).prox(y, torch.tensor([0.3, 2.0], dtype=torch.float64))
    for i, tau in enumerate((0.3, 2.0)):
        alone = TotalVariation1D((5,)).prox(y[i, 2, :, 3].contiguous(), tau)
        torch.testing.assert_close(whole[i, 2, :, 3], alone)
    y[0, 0, 0, 0] = torch.nan
    again = TotalVariation1D((4, 5, 6), axis=1).prox(y, 0.3)
    assert int(again.isnan().sum()) == 5


def test_derivatives_are_those_of_differences() -> None:
    """Through the prox in y, in τ and in the weights, where no segment is about to change."""
    generator = torch.Generator().manual_seed(5)
    y = torch.randn(2, 9, generator=generator, dtype=torch.float64).cumsum(-1).requires_grad_()
    w = (torch.rand(9, generator=generator, dtype=torch.float64) + 0.2).requires_grad_()
    tau = torch.tensor([0.3, 0.9], dtype=torch.float64, requires_grad=True)

    def prox(y: torch.Tensor, w: torch.Tensor, tau: torch.Tensor) -> torch.Tensor:
        return TotalVariation1D((9,), weights=w).prox(y, tau)

    assert torch.autograd.gradcheck(prox, (y, w, tau))
    fixed = w.detach()
    assert torch.autograd.gradcheck(lambda y, tau: prox(y, fixed, tau), (y, tau), check_forward_ad=True)


@pytest.mark.parametrize("solver", [PDHG, FISTA], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize(
    "prior", [LineTV(4.0, 0), LineTV(4.0, (0, 1)), FusedLasso(4.0, 0.2, 0)], ids=["one axis", "two axes", "fused"]
)
def test_reaches_the_optimum_of_an_independent_solver(solver, prior) -> None:  # type: ignore[no-untyped-def]
    D = differences((6, 5))
    axes = prior.axes if isinstance(prior, LineTV) else (0,)
    sparse = 4.0 * 0.2 if isinstance(prior, FusedLasso) else 0.0

    def penalty(x: cp.Variable) -> cp.Expression:
        return sum(4.0 * cp.norm1(D[a] @ x) for a in axes) + sparse * cp.norm1(x)

    problem = blurred((6, 5), prior)
    reaches(problem, optimum(problem, penalty), solver(stop=MaxIter(20000) | Gap(5e-7), check_every=20))


def test_lines_along_all_axes_are_anisotropic_total_variation() -> None:
    x = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    torch.testing.assert_close(LineTV(0.3, (0, 1, 2)).cost(x), TotalVariation(0.3, isotropic=False).cost(x))


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match=r"LineTV expects distinct axes of images of shape \(4, 5\), got \(0, -2\)"):
        LineTV(axes=(0, -2)).terms((4, 5))
    with pytest.raises(ValueError, match="one step per item only"):
        TotalVariation1D((5,)).prox(torch.zeros(5), torch.ones(5))
    with pytest.raises(ValueError, match="sparsity > 0"):
        FusedLasso(sparsity=0.0)
