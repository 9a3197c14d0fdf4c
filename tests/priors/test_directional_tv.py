"""Total variation with directions: stripes, limits, fields from references, optima of an independent solver."""

from __future__ import annotations

from math import cos, sin

import cvxpy as cp
import numpy as np
import pytest
import torch

from recon.operators import GaussianNoise, Identity
from recon.priors import DirectionalTV, TotalVariation
from recon.solvers import Problem, solve

from .optima import blurred, differences, lengths, optimum, reaches, scene


def along(angle: float, length: float, shape: tuple[int, int]) -> torch.Tensor:
    """The same direction everywhere, (rows, columns)."""
    vector = torch.tensor([sin(angle), cos(angle)], dtype=torch.float64)
    return (length * vector).reshape(2, 1, 1).expand(2, *shape)


def test_a_stripe_whose_normal_is_known() -> None:
    """Differences along ξ count 1 − |ξ|², those across it in full."""
    x = torch.zeros(6, 8, dtype=torch.float64)
    x[:, 3:5] = 2.0
    assert float(TotalVariation().cost(x)) == 24
    assert float(DirectionalTV(direction=along(0.0, 0.9, (6, 8))).cost(x)) == pytest.approx(24 * (1 - 0.81))
    assert float(DirectionalTV(direction=along(np.pi / 2, 0.9, (6, 8))).cost(x)) == pytest.approx(24)
    slanted = DirectionalTV(direction=along(np.pi / 4, 1.0, (6, 8)))  # (1, 1)/√2 keeps half of each difference, turned
    assert float(slanted.cost(x)) == pytest.approx(24 / np.sqrt(2))


def test_no_direction_is_total_variation() -> None:
    x = scene((6, 5), complex_=True)
    for options in ({}, {"spacing": (2.0, 0.5)}, {"axis_weights": (0.3, 1.0)}, {"boundary": "circular"}):
        flat = DirectionalTV(0.7, torch.ones(6, 5), **options)
        still = DirectionalTV(0.7, scene((6, 5)), eta=0.0, **options)
        for prior in (flat, still):
            torch.testing.assert_close(prior.cost(x), TotalVariation(0.7, **options).cost(x))


def test_field_of_a_reference() -> None:
    """ξ = ηDv/(|Dv|² + ε²)^½: along the slope, of length η·4/5 where ε is three quarters of it; any unit of v."""
    v = 4.0 * torch.arange(5, dtype=torch.float64).expand(4, 5)
    field = DirectionalTV(reference=v, eta=0.5, edge=3.0).field((4, 5))
    torch.testing.assert_close(field[1, :, :4], torch.full((4, 4), 0.4, dtype=torch.float64))
    assert not bool(field[0].any())
    assert not bool(field[1, :, 4].any())
    scaled = DirectionalTV(reference=1e-3 * scene((6, 5)))
    torch.testing.assert_close(scaled.field((6, 5)), DirectionalTV(reference=scene((6, 5))).field((6, 5)))


def test_smoothed_field_of_stripes_is_their_normal() -> None:
    """On slanted waves with noise, the structure tensor finds the normal within 0.1 rad everywhere inside."""
    rows, columns = torch.meshgrid(*(torch.arange(32, dtype=torch.float64),) * 2, indexing="ij")
    angle = 0.5
    waves = torch.cos(0.8 * (rows * sin(angle) + columns * cos(angle)))
    v = waves + 0.1 * torch.randn(32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    field = DirectionalTV(reference=v, smoothing=4.0, eta=0.9).field((32, 32))[:, 4:-4, 4:-4]
    found = torch.atan(field[0] / field[1])
    assert float((found - angle).abs().max()) < 0.1
    assert float(field.norm(dim=0).max()) <= 0.9
    assert float(field.norm(dim=0).min()) > 0.8


@pytest.mark.parametrize("complex_", [False, True])
def test_reaches_the_optimum_of_an_independent_solver(complex_: bool) -> None:
    shape = (6, 5)
    grid = torch.meshgrid(*(torch.linspace(0, 1, n, dtype=torch.float64) for n in shape), indexing="ij")
    direction = 0.9 * torch.stack([torch.sin(3 * grid[1]), torch.cos(3 * grid[1])])
    w = torch.linspace(0.5, 2.0, 5, dtype=torch.float64)
    prior = DirectionalTV(5.0, direction=direction, weights=w, spacing=(1.0, 0.7))
    D, xi = differences(shape, (1.0, 0.7)), direction.reshape(2, -1).numpy()
    along_xi = sum(np.diag(xi[a]) @ D[a] for a in range(2))
    parts = [D[a] - np.diag(xi[a]) @ along_xi for a in range(2)]
    weights = w.expand(6, 5).reshape(-1).numpy()

    def penalty(x: cp.Variable) -> cp.Expression:
        return 5.0 * weights @ lengths([P @ x for P in parts], complex_)

    problem = blurred(shape, prior, complex_)
    reaches(problem, optimum(problem, penalty))


def test_volumes() -> None:
    """In space, a plane whose normal is known counts 1 − |ξ|²."""
    x = torch.zeros(4, 3, 5, dtype=torch.float64)
    x[2:] = 1.0
    direction = torch.zeros(3, 4, 3, 5, dtype=torch.float64)
    direction[0] = 0.9
    assert float(DirectionalTV(direction=direction).cost(x)) == pytest.approx(15 * (1 - 0.81))
    assert float(DirectionalTV(reference=x, eta=0.9, edge=1e-6).cost(x)) == pytest.approx(15 * (1 - 0.81))


def test_edges_of_another_contrast_help() -> None:
    """A noisy image whose edges a clear one shows errs less than with total variation, at the best λ of each."""
    clean = scene((24, 24))
    y = clean + 0.2 * torch.randn(24, 24, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    errors = []
    for make in (TotalVariation, lambda lam: DirectionalTV(lam, 3.0 - 2.0 * clean)):
        problems = [Problem(Identity((24, 24)), y, GaussianNoise(0.2), make(lam)) for lam in (2.0, 5.0, 12.0)]
        errors.append(min(float((solve(p).image - clean).norm()) for p in problems))
    assert errors[1] < 0.8 * errors[0], errors


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "DirectionalTV expects a reference image or a direction field, one of them."),
        ({"reference": torch.ones(4, 4), "eta": 1.0}, "DirectionalTV expects 0 <= eta < 1, got 1.0."),
        ({"reference": torch.ones(4, 4), "edge": 0.0}, "DirectionalTV expects edge > 0, got 0.0."),
        (
            {"reference": torch.ones(4, 4, dtype=torch.complex64)},
            "DirectionalTV expects a real reference, got complex numbers; pass its magnitude.",
        ),
        ({"direction": torch.ones(4, 4)}, "DirectionalTV expects a direction of shape (2, 4, 4), got (4, 4)."),
        (
            {"direction": torch.ones(2, 4, 4)},
            "AnisotropicGradient expects a real direction of length at most 1 at each pixel.",
        ),
    ],
)
def test_what_is_refused(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        DirectionalTV(**settings).terms((4, 4))  # type: ignore[arg-type]
    assert str(caught.value) == sentence
