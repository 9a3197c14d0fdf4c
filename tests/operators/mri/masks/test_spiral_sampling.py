"""Spirals on a grid."""

import pytest
import torch

from recon.operators import SpiralSampling


@pytest.mark.parametrize(("arms", "turns"), [(1, 6.0), (3, 2.5)])
def test_samples_lie_on_the_spirals_and_the_spirals_are_whole(arms, turns):
    n = 32
    mask = SpiralSampling(arms=arms, turns=turns)((n, n))
    y, x = torch.meshgrid(torch.arange(n) - n // 2.0, torch.arange(n) - n // 2.0, indexing="ij")
    t = torch.linspace(0, 1, 8001, dtype=torch.float64)
    distance = torch.full((n, n), torch.inf, dtype=torch.float64)
    for j in range(arms):
        phi = 2 * torch.pi * (turns * t + j / arms)
        for part in torch.stack([t * phi.sin(), t * phi.cos()]).mul(n / 2).split(1000, dim=1):
            d = torch.maximum((y[..., None] - part[0]).abs(), (x[..., None] - part[1]).abs()).amin(-1)
            distance = torch.minimum(distance, d)
    assert bool((distance[mask] <= 0.52).all())  # samples of the curve are up to 0.04 apart, of which half counts
    assert bool(mask[distance < 0.3].all())  # none of those that the curve passes well within is missing


@pytest.mark.parametrize(("R", "arms"), [(3.0, 1), (6.0, 4)])
def test_the_acceleration_is_met_from_below(R, arms):
    mask = SpiralSampling(R, arms)((90, 90))
    assert 0.99 * R < mask.numel() / int(mask.sum()) <= R + 0.01


def test_settings_out_of_range():
    with pytest.raises(ValueError, match="SpiralSampling expects at least one of arms, got 0"):
        SpiralSampling(arms=0)
    with pytest.raises(ValueError, match=r"SpiralSampling cannot take 900 of 900 samples for acceleration 1"):
        SpiralSampling(1.0)((30, 30))
