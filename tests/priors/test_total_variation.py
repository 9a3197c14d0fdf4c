"""Total variation of images whose variation is known, and its solution of a problem with a known answer."""

from __future__ import annotations

from math import cos, pi, sin, sqrt

import cvxpy as cp
import pytest
import torch

from recon.operators import GaussianNoise, Identity
from recon.priors import Box, NonNegative, TotalVariation
from recon.solvers import PDHG, Gap, MaxIter, Problem

from .optima import blurred, difference, differences, lengths, optimum, reaches, scene


def test_a_square_costs_its_perimeter() -> None:
    x = torch.zeros(12, 12, dtype=torch.float64)
    x[3:8, 2:10] = 2.0
    perimeter = 2 * (5 + 8)
    assert float(TotalVariation(0.5, isotropic=False).cost(x)) == pytest.approx(0.5 * 2 * perimeter)
    # isotropic: at the far corner both differences meet in one pixel, √2 instead of 2
    assert float(TotalVariation(0.5).cost(x)) == pytest.approx(0.5 * 2 * (perimeter - 2 + sqrt(2)))


def test_complex_images_count_the_modulus_of_differences() -> None:
    x = torch.tensor([1.0, 1j, -1.0], dtype=torch.complex128)
    assert float(TotalVariation().cost(x)) == pytest.approx(2 * sqrt(2))


def test_weights_and_axes() -> None:
    x = torch.tensor([[0.0, 1.0], [0.0, 1.0]], dtype=torch.float64)
    weights = torch.tensor([[1.0, 0.0], [3.0, 0.0]])
    assert float(TotalVariation(weights=weights).cost(x)) == pytest.approx(4)
    assert float(TotalVariation(axes=(0,)).cost(x)) == pytest.approx(0, abs=1e-100)


@pytest.mark.parametrize("shape", [(7,), (4, 5), (3, 4, 2)])
def test_any_number_of_dimensions(shape: tuple[int, ...]) -> None:
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = sum(float(x.diff(dim=axis).abs().sum()) for axis in range(len(shape)))
    assert float(TotalVariation(isotropic=False).cost(x)) == pytest.approx(expected)


def test_denoising_a_step_in_one_dimension() -> None:
    """Each side of a step of height h and length n moves by λσ²/n towards the other (Strong and Chan, 2003)."""
    y = torch.tensor([0.0] * 4 + [1.0] * 6, dtype=torch.float64)
    problem = Problem(Identity((10,)), y, GaussianNoise(0.5), TotalVariation(0.8))
    result = PDHG(stop=MaxIter(5000) | Gap(1e-9)).solve(problem)
    shift = 0.8 * 0.25
    expected = torch.tensor([shift / 4] * 4 + [1 - shift / 6] * 6, dtype=torch.float64)
    torch.testing.assert_close(result.image, expected, atol=1e-5, rtol=0)


def test_sums_and_factors() -> None:
    prior = 2 * (TotalVariation(0.5) + Box(-1, 1))
    x = torch.tensor([0.0, 0.5, -0.5], dtype=torch.float64)
    assert float(prior.cost(x)) == pytest.approx(2 * 0.5 * 1.5)
    assert float(prior.cost(4 * x)) == float("inf")
    assert float(NonNegative().cost(x)) == float("inf")
    with pytest.raises(ValueError, match="TotalVariation can be multiplied by a positive number, got -1"):
        -1 * TotalVariation()


@pytest.mark.parametrize("isotropic", [True, False])
def test_disc(isotropic: bool) -> None:
    """Differences along axes see four diameters, 8R; Euclidean lengths a sixth more than the circle."""
    n, R = 129, 40.0
    place = torch.arange(n, dtype=torch.float64) - n // 2
    x = (place[:, None].square() + place.square() < R * R).double()
    value = float(TotalVariation(isotropic=isotropic).cost(x))
    if isotropic:
        assert value == pytest.approx(1.15 * 2 * pi * R, rel=0.01)
    else:
        assert value == 4 * (2 * 40 - 1)  # the pixels ±39 … ±39 of the middle row, ±0 of the last


@pytest.mark.parametrize("angle", [0.0, 0.4, pi / 4])
def test_lengths_do_not_depend_on_the_direction(angle: float) -> None:
    """Of exp(−(u/a)² − (v/b)²) with turned axes, ∫|∇x| is met with an error of order h², alike in all directions."""
    errors = []
    for n in (64, 128):
        h = 4 / n
        y, z = torch.meshgrid(*(((torch.arange(n, dtype=torch.float64) + 0.5) * h - 2,) * 2), indexing="ij")
        u, v = cos(angle) * z + sin(angle) * y, cos(angle) * y - sin(angle) * z
        x = torch.exp(-((u / 0.5) ** 2) - (v / 0.3) ** 2)
        exact = 2 * x * torch.hypot(u / 0.25, v / 0.09)  # the slope of a smooth function: sums over pixels are exact
        errors.append(abs(float((TotalVariation(spacing=h).cost(x) - exact.sum()) / exact.sum())))
    assert errors[0] < 0.01
    assert errors[1] < 0.35 * errors[0]


@pytest.mark.parametrize("isotropic", [True, False])
def test_spacing_makes_values_independent_of_the_grid(isotropic: bool) -> None:
    """A cone of slope 1 on discs of the same size in mm, on pixels of 0.1 and of 0.05 mm: TV·h² is its area."""
    values = []
    for n in (40, 80):
        h = 4 / n
        place = (torch.arange(n, dtype=torch.float64) + 0.5) * h - 2
        cone = torch.relu(1 - torch.hypot(place[:, None], place))
        values.append(float(TotalVariation(spacing=h, isotropic=isotropic).cost(cone)) * h * h)
    exact = pi if isotropic else 4.0
    assert values == pytest.approx([exact, exact], rel=0.01)


def test_time_counts_by_its_weight() -> None:
    """A still series costs as much as its frames; a blinking one a_t per pixel and change besides, where it is flat."""
    frame = torch.zeros(5, 6, dtype=torch.float64)
    frame[1:3, 2:4] = 1.0
    still = frame.expand(4, 5, 6)
    prior = TotalVariation(axis_weights=(0.25, 1.0, 1.0))
    torch.testing.assert_close(prior.cost(still), 4 * TotalVariation().cost(frame))
    flash = torch.ones(4, 5, 6, dtype=torch.float64)
    flash[1] = 3.0
    assert float(prior.cost(flash)) == pytest.approx(0.25 * 30 * (2 + 2))
    assert float(TotalVariation(axes=(1, 2)).cost(flash)) == pytest.approx(0, abs=1e-100)


CASES = {
    "isotropic": ((6, 5), {}, False),
    "complex": ((6, 5), {}, True),
    "anisotropic": ((6, 5), {"isotropic": False, "spacing": (1.0, 0.5)}, True),
    "per pixel": ((6, 5), {"weights": torch.linspace(0.0, 2.0, 30, dtype=torch.float64).reshape(6, 5)}, False),
    "volume": ((3, 4, 4), {"spacing": (2.0, 1.0, 1.0)}, False),
    "series": ((3, 4, 4), {"axis_weights": (0.3, 1.0, 1.0)}, False),
    "frame by frame": ((3, 4, 4), {"axes": (1, 2)}, False),
}


@pytest.mark.parametrize("name", CASES)
def test_reaches_the_optimum_of_an_independent_solver(name: str) -> None:
    shape, settings, complex_ = CASES[name]
    axes = settings.get("axes", tuple(range(len(shape))))
    spacing = settings.get("spacing", (1.0,) * len(axes))
    scale = settings.get("axis_weights", (1.0,) * len(axes))
    D = [difference(shape, a, h / c) for a, h, c in zip(axes, spacing, scale, strict=True)]
    w = settings.get("weights", torch.ones(())).expand(shape).reshape(-1).numpy()

    def penalty(x: cp.Variable) -> cp.Expression:
        parts = [d @ x for d in D]
        return 5.0 * w @ (lengths(parts, complex_) if settings.get("isotropic", True) else sum(map(cp.abs, parts)))

    problem = blurred(shape, TotalVariation(5.0, **settings), complex_)
    least = optimum(problem, penalty)
    if name == "per pixel":  # a weight of 0 bounds nothing, and no gap can be proven
        result = PDHG(stop=MaxIter(500), check_every=100).solve(problem)
        assert float(result.last("objective")) == pytest.approx(least, rel=1e-6)
    else:
        reaches(problem, least)


def test_prox_is_as_close_to_the_minimiser_as_its_bound_says() -> None:
    """‖p − p*‖² ≤ 2τ·gap by strong convexity, and the gap is what was asked for; a warm start is the answer."""
    y = scene((6, 5)) + 0.3 * torch.randn(6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = cp.Variable(30)
    D = differences((6, 5))
    cost = cp.sum_squares(x - y.reshape(-1).numpy()) / (2 * 0.7) + 0.5 * cp.sum(lengths([d @ x for d in D]))
    cp.Problem(cp.Minimize(cost)).solve(solver=cp.CLARABEL, tol_gap_abs=1e-13, tol_gap_rel=1e-13, tol_feas=1e-13)
    best = torch.from_numpy(x.value).reshape(6, 5)
    for tol in (1e-4, 1e-8, 1e-12):
        found = TotalVariation(0.5).prox(y, 0.7, tol=tol, max_iter=20000)
        assert float(found.gap) <= tol * float(y.square().sum()) / 1.4
        assert float((found.x - best).square().sum()) <= 1.4 * float(found.gap) + 1e-15
    assert TotalVariation(0.5).prox(y, 0.7, tol=1e-11, start=found).iterations == 0
