"""Total variation of images whose variation is known, and its solution of a problem with a known answer."""

from __future__ import annotations

from math import sqrt

import pytest
import torch

from recon.operators import GaussianNoise, Identity
from recon.priors import Box, NonNegative, TotalVariation
from recon.solvers import PDHG, Gap, MaxIter, Problem


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
