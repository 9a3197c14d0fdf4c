import pytest
import torch

from recon.priors import GaussianPrior, VPDiffusion
from recon.solvers import KarrasSchedule, VPSchedule
from recon.solvers.sampling.schedule import noise_levels

BETAS = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
ALPHAS = torch.cumprod(1 - BETAS, 0)


def test_vp_levels_are_those_of_ddpm() -> None:
    sigmas = VPSchedule()(1000)
    assert sigmas.shape == (1001,)
    torch.testing.assert_close(1 / (1 + sigmas[:-1] ** 2), ALPHAS.flip(0))
    assert float(sigmas[-1]) == 0
    few = VPSchedule()(4)
    torch.testing.assert_close(1 / (1 + few[:-1] ** 2), ALPHAS[[999, 666, 333, 0]])


def test_karras_levels() -> None:
    sigmas = KarrasSchedule(0.1, 10.0, 2.0)(3)
    middle = ((10**0.5 + 0.1**0.5) / 2) ** 2
    torch.testing.assert_close(sigmas, torch.tensor([10.0, middle, 0.1, 0.0], dtype=torch.float64))


def test_levels_of_training_come_first() -> None:
    network = VPDiffusion(lambda x, t: x, (2, 2), train_steps=10, network_range=(0.0, 4.0))
    assert torch.equal(noise_levels(network, None, 10)[:-1], network.levels.flip(0))
    levels = noise_levels(network, None, 3)[:-1]
    assert torch.equal(levels, network.levels[[9, 4, 0]])  # 4.5 rounds to even
    assert torch.equal(noise_levels(GaussianPrior(), None, 5), VPSchedule()(5))
    assert torch.equal(noise_levels(GaussianPrior(), KarrasSchedule(), 5), KarrasSchedule()(5))
    with pytest.raises(ValueError, match="a process of 10 levels allows at most that many steps, got 11"):
        noise_levels(network, None, 11)
    with pytest.raises(ValueError, match="VPDiffusion holds for sigma from"):
        noise_levels(network, KarrasSchedule(), 5)


def test_misuse_gets_one_sentence() -> None:
    with pytest.raises(ValueError, match="at least 2 steps, got 1"):
        VPSchedule()(1)
    with pytest.raises(ValueError, match="at least 2 steps, got 1"):
        KarrasSchedule()(1)
    with pytest.raises(ValueError, match="0 < sigma_min < sigma_max"):
        KarrasSchedule(sigma_min=0.0)
    with pytest.raises(ValueError, match="0 < first <= last < 1"):
        VPSchedule(beta_min=0.5, beta_max=0.1)
