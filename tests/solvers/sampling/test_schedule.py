from dataclasses import dataclass

import pytest
import torch

from recon.priors import GaussianPrior, VPDiffusion
from recon.solvers import KarrasSchedule, Level, NoiseSchedule, VPSchedule
from recon.solvers.sampling.schedule import levels_at, noise_levels

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


def test_a_step_lies_between_neighbouring_levels_of_each_item() -> None:
    """One number where all items are at the same step, and the same levels where they are not."""
    sigmas = KarrasSchedule(0.1, 10.0)(4)
    for steps in ([0, 0], [2, 2], [3, 3], [0, 2, 3]):
        level = levels_at(sigmas, steps)
        assert level.sigma.tolist() == sigmas[steps].tolist()
        assert level.lower.tolist() == sigmas[torch.tensor(steps) + 1].tolist()
        assert level.upper.tolist() == [float(sigmas[step - 1]) if step else torch.inf for step in steps]
        products = [float(sigmas[step] * sigmas[step + 1]) for step in steps]
        assert level.per_item(lambda sigma, lower: sigma * lower).tolist() == products
        if len(set(steps)) == 1:
            assert level.each(lambda sigma, lower: sigma * lower) == products[0]
            assert level.at == float(sigmas[steps[0]])
        else:
            assert level.each(lambda sigma, lower: sigma * lower).tolist() == products
            assert level.at is level.sigma


def test_levels_know_when_all_items_have_the_same() -> None:
    two = torch.full((3,), 2.0, dtype=torch.float64)
    assert Level(two, two / 2, two * 2).numbers == (2.0, 1.0)
    assert Level(two, torch.arange(3.0), two * 2).numbers is None


@pytest.mark.parametrize("levels", [[0.1, 0.5, 1.0], [1.0, 0.5, 0.1], [1.0, 0.0], [1.0, 1.0, 0.0]])
def test_schedules_that_do_not_fall_to_zero_are_refused(levels: list[float]) -> None:
    class Own(NoiseSchedule):
        def __call__(self, steps: int) -> torch.Tensor:
            return torch.tensor(levels, dtype=torch.float64)

    with pytest.raises(ValueError, match="of 2 steps gives 3 falling noise levels, the last one 0; Own gave"):
        noise_levels(GaussianPrior(), Own(), 2)


def test_schedules_need_be_neither_hashable_nor_in_double_precision() -> None:
    @dataclass
    class Own(NoiseSchedule):
        top: torch.Tensor

        def __call__(self, steps: int) -> torch.Tensor:
            return self.top * torch.linspace(1, 0, steps + 1)

    own, prior = Own(torch.tensor(2.0, requires_grad=True)), GaussianPrior()
    for _ in range(2):
        levels = noise_levels(prior, own, 4)
        assert levels.tolist() == [2.0, 1.5, 1.0, 0.5, 0.0]
        assert levels.dtype == torch.float64
        assert not levels.requires_grad


def test_levels_moved_are_those_of_each_item() -> None:
    def at(*pair: float) -> tuple[float, float, float]:
        level = Level.shared(*pair, 3.0, 2)
        new = level.moved(lambda sigma, s: sigma + s, lambda sigma, s: s / 2)
        return float(new.sigma[1]), float(new.lower[1]), float(new.upper[1])

    sigma, lower = torch.tensor([2.0, 1.0], dtype=torch.float64), torch.tensor([1.0, 0.0], dtype=torch.float64)
    level = Level(sigma, lower, torch.full_like(sigma, 3.0))
    new = level.moved(lambda sigma, s: sigma + s, lambda sigma, s: s / 2)
    for i, pair in enumerate([(2.0, 1.0), (1.0, 0.0)]):
        assert (float(new.sigma[i]), float(new.lower[i]), float(new.upper[i])) == at(*pair)
    later = level.moved(lambda sigma, s: s or sigma, lambda sigma, s: s, lambda sigma, s: sigma)
    assert later.upper.tolist() == [2.0, 1.0]
    assert [level.ends, Level.shared(1.0, 0.0, 2.0, 2).ends, Level(sigma, 0 * lower, sigma).ends] == [False, True, True]
