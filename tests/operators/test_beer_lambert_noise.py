"""Counts behind an absorber against the Poisson mass function."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Poisson

from recon.operators import BeerLambertNoise


@pytest.mark.parametrize("background", [0.0, 2.5])
def test_fidelity_is_the_negative_log_mass_less_its_least(background: float) -> None:
    blank = torch.tensor([50.0, 20.0, 9.0])
    counts, z = torch.tensor([14.0, 0.0, 12.0]), torch.tensor([1.1, 0.3, 0.2])
    best = torch.maximum(counts, torch.tensor(background)).clamp_min(1e-30)  # no z gives a mean below the background
    mean = blank * torch.exp(-z) + background
    expected = (Poisson(best).log_prob(counts) - Poisson(mean).log_prob(counts)).sum()
    torch.testing.assert_close(BeerLambertNoise(blank, background).fidelity(counts, (3,))(z), expected)


def test_one_blank_per_bin() -> None:
    noise = BeerLambertNoise(torch.tensor([10.0, 1000.0]), background=torch.tensor([[0.0], [500.0]]))
    clean = torch.full((4000, 2, 2), 0.7)
    mean = noise.sample(clean, torch.Generator().manual_seed(0)).mean(0)
    wanted = torch.tensor([[10.0, 1000.0], [10.0, 1000.0]]) * 0.496585 + torch.tensor([[0.0], [500.0]])
    torch.testing.assert_close(mean, wanted, rtol=0, atol=2.0)


def test_negative_line_integrals_are_brighter_than_the_blank() -> None:
    drawn = BeerLambertNoise(1000.0).sample(torch.full((2000,), -0.5), torch.Generator().manual_seed(0))
    assert float(drawn.mean()) == pytest.approx(1648.7, abs=5)


def test_most_likely_measurement() -> None:
    noise = BeerLambertNoise(torch.tensor([50.0, 20.0, 9.0]), 2.0)
    z = noise.most_likely(torch.tensor([2.0 + 50 * 0.5, 22.0, 1.0]))
    torch.testing.assert_close(z, torch.tensor([2.0, 1.0, 18.0]).log())


def test_refusals() -> None:
    with pytest.raises(ValueError, match="BeerLambertNoise expects a positive blank, got 0"):
        BeerLambertNoise(0.0)
    with pytest.raises(ValueError, match="BeerLambertNoise expects a nonnegative background, got -2"):
        BeerLambertNoise(10.0, -2.0)
    with pytest.raises(ValueError, match="TransmissionPoisson expects nonnegative counts"):
        BeerLambertNoise(10.0).fidelity(torch.tensor([-1.0]), (1,))
    with pytest.raises(ValueError, match=r"BeerLambertNoise expects whole numbers of counts, got 3.25; divide by the"):
        BeerLambertNoise(10.0).fidelity(torch.tensor([3.25]), (1,))
    with pytest.raises(ValueError, match="BeerLambertNoise expects real line integrals"):
        BeerLambertNoise(10.0).sample(torch.tensor([1j]))
