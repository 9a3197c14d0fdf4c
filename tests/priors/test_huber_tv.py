"""Huber total variation: values and gradients by hand, its two limits, optima of an independent solver."""

from __future__ import annotations

import cvxpy as cp
import pytest
import torch

from recon.operators import GaussianNoise, Gradient, Identity
from recon.priors import HuberTV, Tikhonov, TotalVariation
from recon.solvers import FISTA, LBFGS, PDHG, Gap, GhadimiLan, MaxIter, Problem, Residuals, solve

from .optima import blurred, differences, lengths, optimum, reaches, scene


def test_by_hand() -> None:
    """Slopes of 5 and of 0.5 for δ = 1: 5 − 1/2 and 0.5²/2; a corner of differences 3 and 4 has the slope 5."""
    line = torch.tensor([0.0, 5.0, 5.5], dtype=torch.float64)
    assert float(HuberTV(2.0, 1.0).cost(line)) == pytest.approx(2 * (4.5 + 0.125))
    corner = torch.tensor([[0.0, 3.0], [4.0, 4.0]], dtype=torch.float64)
    assert float(HuberTV(delta=1.0).cost(corner)) == pytest.approx((5 - 0.5) + (1 - 0.5))
    turned = line * torch.exp(torch.tensor(0.4j, dtype=torch.complex128))
    torch.testing.assert_close(HuberTV(2.0, 1.0).cost(turned), HuberTV(2.0, 1.0).cost(line))


@pytest.mark.parametrize("complex_", [False, True])
def test_tends_to_total_variation_and_to_squared_slopes(complex_: bool) -> None:
    x = scene((6, 5), complex_)
    tv = float(TotalVariation(spacing=0.5).cost(x))
    for delta in (1e-2, 1e-3):
        value = float(HuberTV(delta=delta, spacing=0.5).cost(x))
        assert tv - 30 * delta / 2 <= value <= tv
    quadratic = float(Tikhonov(1.0, Gradient((6, 5), spacing=0.5)).cost(x))
    assert float(HuberTV(100.0, 100.0, spacing=0.5).cost(x)) == pytest.approx(quadratic, rel=1e-12)


@pytest.mark.parametrize("solver", [PDHG, FISTA], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize(
    ("shape", "settings", "complex_"),
    [
        ((6, 5), {}, False),
        ((6, 5), {"spacing": (2.0, 0.5), "axis_weights": (0.5, 1.0)}, True),
        ((3, 4, 3), {"weights": torch.linspace(0.5, 2.0, 3, dtype=torch.float64)}, False),
    ],
    ids=["image", "complex, other pixels", "volume with weights"],
)
def test_reaches_the_optimum_of_an_independent_solver(solver, shape, settings, complex_) -> None:  # type: ignore[no-untyped-def]
    delta = 0.2
    spacing = settings.get("spacing", (1.0,) * len(shape))
    scale = settings.get("axis_weights", (1.0,) * len(shape))
    D = differences(shape, tuple(h / a for h, a in zip(spacing, scale, strict=True)))
    w = settings.get("weights", torch.ones(())).expand(shape).reshape(-1).numpy()

    def penalty(x: cp.Variable) -> cp.Expression:
        return 5.0 * w @ cp.huber(lengths([d @ x for d in D], complex_), delta) / (2 * delta)

    problem = blurred(shape, HuberTV(5.0, delta, **settings), complex_)
    reaches(problem, optimum(problem, penalty), solver(stop=MaxIter(20000) | Gap(5e-7), check_every=50))


def test_gradient_methods_take_it_whole() -> None:
    problem = blurred((6, 5), HuberTV(5.0, 0.2))
    best = float(solve(problem, stop=MaxIter(20000) | Gap(1e-9)).last("objective"))
    for solver in (LBFGS(stop=MaxIter(500) | Residuals(1e-9)), GhadimiLan(stop=MaxIter(5000) | Residuals(1e-9))):
        assert float(problem.objective(solver.solve(problem).image)) == pytest.approx(best, rel=1e-7)


def test_no_stairs_on_a_slope() -> None:
    """A slope below δ is denoised as by a quadratic, without plateaus."""
    clean = torch.linspace(0, 1, 40, dtype=torch.float64)
    y = clean + 0.05 * torch.randn(40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    plateaus = []
    for prior in (TotalVariation(60.0), HuberTV(60.0, 0.1)):
        image = solve(Problem(Identity((40,)), y, GaussianNoise(0.05), prior), stop=MaxIter(20000) | Gap(1e-7)).image
        plateaus.append(int((image.diff().abs() < 1e-4).sum()))
    assert plateaus[0] > 15
    assert plateaus[1] <= 1


def test_delta_must_be_positive() -> None:
    with pytest.raises(ValueError, match=r"expects delta > 0, got 0"):
        HuberTV(delta=0.0)
