"""Noise models against the densities they name."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Normal, Poisson

from recon.operators import GaussianNoise, PoissonNoise


def test_gaussian_fidelity_is_the_negative_log_density_less_its_least() -> None:
    y, z = torch.tensor([0.3, -1.0, 2.0]), torch.tensor([0.1, 0.0, 1.5])
    expected = (Normal(y, 0.7).log_prob(y) - Normal(z, 0.7).log_prob(y)).sum()
    torch.testing.assert_close(GaussianNoise(0.7).fidelity(y, (3,))(z), expected)


def test_poisson_fidelity_is_the_negative_log_mass_less_its_least() -> None:
    noise = PoissonNoise(gain=0.5, background=0.2)
    counts, z = torch.tensor([4.0, 0.0, 7.0]), torch.tensor([1.5, 0.3, 3.0])
    best = torch.tensor([4.0, 1e-30, 7.0])  # the mean equal to the count
    expected = (Poisson(best).log_prob(counts) - Poisson((z + 0.2) / 0.5).log_prob(counts)).sum()
    torch.testing.assert_close(noise.fidelity(0.5 * counts, (3,))(z), expected)


def test_sigma_may_differ_from_item_to_item() -> None:
    noise = GaussianNoise(torch.tensor([0.0001, 10.0]))
    data = noise.sample(torch.zeros(2, 2000), torch.Generator().manual_seed(0))
    assert float(data[0].std()) == pytest.approx(0.0001, rel=0.1)
    assert float(data[1].std()) == pytest.approx(10, rel=0.1)
    value = noise.fidelity(torch.zeros(2, 3), (3,))(torch.ones(2, 3))
    torch.testing.assert_close(value, torch.tensor([1.5e8, 0.015]))


def test_complex_noise_has_sigma_in_each_part() -> None:
    data = GaussianNoise(0.5).sample(torch.zeros(20000, dtype=torch.complex128), torch.Generator().manual_seed(0))
    assert float(data.real.std()) == pytest.approx(0.5, rel=0.03)
    assert float(data.imag.std()) == pytest.approx(0.5, rel=0.03)


def test_a_seed_of_zero_is_a_seed() -> None:
    draws = [GaussianNoise().sample(torch.zeros(5), torch.Generator().manual_seed(s)) for s in (0, 0, 1)]
    assert draws[0].tolist() == draws[1].tolist() != draws[2].tolist()


def test_refusals() -> None:
    with pytest.raises(ValueError, match="GaussianNoise expects sigma > 0, got 0"):
        GaussianNoise(0.0)
    with pytest.raises(ValueError, match="PoissonNoise expects clean data with z"):
        PoissonNoise().sample(torch.tensor([-1.0]))
    with pytest.raises(ValueError, match="PoissonKL expects nonnegative data"):
        PoissonNoise().fidelity(torch.tensor([-1.0]), (1,))
