"""Sparsity: costs by hand, exact proximal maps, optima of an independent solver, and what it refuses."""

from __future__ import annotations

from itertools import combinations

import cvxpy as cp
import pytest
import torch
from torch import Tensor

from recon.operators import Blur, CapabilityError, GaussianNoise, Identity, UndecimatedWavelet, Wavelet
from recon.priors import NonNegative, Sparsity, WaveletSparsity
from recon.solvers import PDHG, Gap, GhadimiLan, MaxIter, Problem, ProximalGradient, Residuals


def random(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def matrix(op) -> Tensor:
    n = int(torch.tensor(op.domain_shape).prod())
    return op(torch.eye(n, dtype=torch.float64).reshape(n, *op.domain_shape)).reshape(n, -1).T


def test_l1_of_a_wavelet_transform_is_wavelet_sparsity() -> None:
    x = random(3, 8, 10, dtype=torch.complex128)
    for approximation in (True, False):
        ours = Sparsity(0.3, transform="wavelet", wavelet="db2", level=2, approximation=approximation)
        other = WaveletSparsity(0.3, "db2", 2, approximation)
        torch.testing.assert_close(ours.cost(x, (8, 10)), other.cost(x, (8, 10)))
        torch.testing.assert_close(ours.prox(x, 0.7, shape=(8, 10)).x, other.prox(x, 0.7, shape=(8, 10)).x)


def test_undecimated_sparsity_is_the_mean_over_shifts() -> None:
    x = random(8, 8)
    cost = Sparsity(2.0, transform="undecimated_wavelet", wavelet="haar", level=2, approximation=False).cost(x)
    one = WaveletSparsity(2.0, "haar", 2, approximation=False)
    shifts = [one.cost(x.roll((i, j), (0, 1))) for i in range(4) for j in range(4)]
    torch.testing.assert_close(cost, torch.stack(shifts).mean())


@pytest.mark.parametrize("penalty", ["l0", "k_sparse"])
def test_nonconvex_proximal_maps_behind_wavelets_find_the_best_support(penalty: str) -> None:
    W, tau = Wavelet((2, 2), "haar", 1), 0.8
    prior = Sparsity(0.5, penalty, "wavelet", wavelet="haar", level=1, k=2 if penalty == "k_sparse" else None)  # type: ignore[arg-type]
    for seed in range(5):
        x = random(2, 2, seed=seed)
        c = W(x).flatten()
        best = float("inf")
        for size in range(5):
            if penalty == "k_sparse" and size > 2:
                continue
            for support in combinations(range(4), size):
                rest = float(c.square().sum() - c[list(support)].square().sum()) / (2 * tau)
                best = min(best, rest + (0.5 * size if penalty == "l0" else 0.0))
        found = prior.prox(x, tau).x
        # exact zeros among coefficients of the inverse transform's output are lost to rounding: count them as such
        kept = W(found)
        kept = torch.where(kept.abs() < 1e-12, 0, kept)
        cost = float(prior.terms((2, 2))[0].functional(kept))
        assert cost + float((found - x).square().sum()) / (2 * tau) == pytest.approx(best, abs=1e-12)


def test_undecimated_deblurring_reaches_the_optimum_of_an_independent_solver() -> None:
    A = Blur(torch.tensor([[0.1, 0.2], [0.3, 0.4]], dtype=torch.float64), (6, 6), "circular")
    clean = torch.zeros(6, 6, dtype=torch.float64)
    clean[1:4, 2:5] = 1.0
    data = GaussianNoise(0.1).sample(A(clean), torch.Generator().manual_seed(0))
    prior = Sparsity(4.0, transform="undecimated_wavelet", wavelet="haar", level=2)
    problem = Problem(A, data, GaussianNoise(0.1), prior)
    frame = UndecimatedWavelet((6, 6), "haar", 2)
    weights = frame.shift_weights.expand(frame.range_shape).reshape(-1).numpy()
    x = cp.Variable(36)
    fit = cp.sum_squares(matrix(A).numpy() @ x - data.reshape(-1).numpy()) / (2 * 0.01)
    reference = cp.Problem(cp.Minimize(fit + 4.0 * weights @ cp.abs(matrix(frame).numpy() @ x)))
    reference.solve(solver=cp.CLARABEL, tol_gap_abs=1e-11, tol_gap_rel=1e-11, tol_feas=1e-11)
    result = PDHG(stop=MaxIter(6000) | Gap(1e-7)).solve(problem)
    assert float(problem.objective(result.image)) == pytest.approx(reference.value, rel=1e-6)
    assert float(result.last("relative_gap")) <= 1e-7


def test_joint_sparsity_of_channels_keeps_what_one_of_them_shows() -> None:
    x = torch.zeros(2, 8, dtype=torch.float64)
    x[:, 3], x[0, 5] = torch.tensor([3.0, 0.9]), 0.9
    found = Sparsity(penalty="l1", groups=True).prox(x, 1.0).x
    assert bool((found[:, 3] != 0).all())
    assert not bool(found[:, 5].any())
    coefficients = Sparsity(0.1, groups=True, transform="wavelet", wavelet="haar").terms((2, 8))[0].operator
    assert isinstance(coefficients, Wavelet)
    assert coefficients.axes == (1,)


@pytest.mark.parametrize("penalty", ["scad", "mcp"])
def test_folded_concave_denoising_leaves_large_entries_unbiased(penalty: str) -> None:
    x = torch.tensor([[0.0, 0.1, -0.2, 5.0, 0.0, -6.0]], dtype=torch.float64)
    prior = Sparsity(0.5, penalty, knee=0.5, saturation=1.5)  # type: ignore[arg-type]
    problem = Problem(Identity((6,)), x, prior=prior)
    for solver in (ProximalGradient(stop=MaxIter(200)), GhadimiLan(stop=Residuals(1e-10) | MaxIter(500))):
        image = solver.solve(problem).image
        torch.testing.assert_close(image, torch.where(x.abs() > 1, x, 0), atol=1e-6, rtol=0)
    biased = ProximalGradient(stop=MaxIter(200)).solve(Problem(Identity((6,)), x, prior=Sparsity(0.5))).image
    assert float((biased - x).abs().max()) == pytest.approx(0.5, abs=1e-6)


def test_solvers_that_need_convexity_refuse_penalties_that_are_not_convex() -> None:
    problem = Problem(Identity((6,)), torch.ones(6), prior=Sparsity(penalty="mcp") + NonNegative())
    with pytest.raises(CapabilityError, match="PDHG needs convex terms; MCP is not convex"):
        PDHG().solve(problem)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"penalty": "lasso"}, "Sparsity expects a penalty among l1, l0, scad, mcp, k_sparse, got 'lasso'."),
        ({"transform": "fft"}, "Sparsity expects a transform among none, wavelet, undecimated_wavelet, got 'fft'."),
        (
            {"penalty": "k_sparse"},
            "Sparsity expects k with the penalty 'k_sparse' and only then, got 'k_sparse', k=None.",
        ),
        ({"k": 3}, "Sparsity expects k with the penalty 'k_sparse' and only then, got 'l1', k=3."),
        (
            {"penalty": "mcp", "transform": "undecimated_wavelet"},
            "Sparsity of undecimated wavelets has the penalty 'l1', without groups.",
        ),
        (
            {"approximation": False},
            "Sparsity can leave approximations out of wavelet transforms and weighted penalties only.",
        ),
        (
            {"operator": Identity((6,)), "transform": "wavelet"},
            "Sparsity expects a transform or an operator, got 'wavelet' and Identity.",
        ),
    ],
)
def test_what_is_refused(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        Sparsity(**settings)  # type: ignore[arg-type]
    assert str(caught.value) == sentence


def test_images_of_another_shape_than_the_operators_are_refused() -> None:
    with pytest.raises(ValueError, match="takes images of shape"):
        Sparsity(operator=Identity((6,))).terms((7,))
    with pytest.raises(ValueError, match="along other axes only"):
        Sparsity(groups=True, transform="wavelet", wavelet="haar", axes=(0, 1)).terms((4, 8))
