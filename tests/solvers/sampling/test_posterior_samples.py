import pytest
import torch

from recon.operators import Diagonal, GaussianNoise
from recon.priors import GaussianPrior
from recon.solvers import DPS, MMPS, KarrasSchedule, PosteriorSamples, Problem, Reason, Result, sample

GAINS = torch.tensor([1.0, 0.0, 0.5], dtype=torch.float64)


def problem(*batch: int) -> Problem:
    root = torch.randn(3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = torch.randn(*batch, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return Problem(Diagonal(GAINS), GAINS * y, GaussianNoise(0.2), GaussianPrior(0.3, covariance=root @ root.T))


def test_a_sample_depends_on_its_item_and_number_only() -> None:
    sampler = DPS(steps=10, zeta=0.2, seed=4)
    whole = sample(sampler, problem(2, 3), 3)
    assert whole.samples.shape == (3, 2, 3, 3)
    assert whole.mean.shape == whole.std.shape == (2, 3, 3)
    fewer = sample(sampler, problem(2, 3), 2)
    torch.testing.assert_close(fewer.samples, whole.samples[:2], rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(whole.samples[0], sampler.solve(problem(2, 3)).image, rtol=1e-9, atol=1e-9)
    part = Problem(Diagonal(GAINS), problem(2, 3).data[1], GaussianNoise(0.2), problem().prior)
    parts = sample(sampler, part, 3, items=range(3, 6))
    torch.testing.assert_close(parts.samples, whole.samples[:, 1], rtol=1e-9, atol=1e-9)
    single = sample(sampler, Problem(part.operator, part.data[0], part.noise, part.prior), 3, items=[3])
    torch.testing.assert_close(single.samples, whole.samples[:, 1, 0], rtol=1e-9, atol=1e-9)
    assert len({float(v) for v in whole.samples.flatten()}) == 3 * 2 * 3 * 3


def test_mean_and_spread_are_those_of_the_posterior() -> None:
    p, n = problem(), 600
    found = sample(MMPS(steps=80, cg_rtol=1e-8, noise_schedule=KarrasSchedule()), p, n)
    exact = p.prior.posterior(p.operator, p.data, 0.2)
    spread = exact.covariance.dense().diagonal().sqrt()
    assert float(((found.mean - exact.mean) / spread).abs().max()) < 4 / n**0.5 + 0.02
    assert float((found.std / spread - 1).abs().max()) < 4 / (2 * n) ** 0.5 + 0.06


def test_noise_levels_per_item_go_with_their_items() -> None:
    p, sigma = problem(2), torch.tensor([0.1, 3.0])
    both = Problem(p.operator, p.data, GaussianNoise(sigma), p.prior)
    found = sample(MMPS(steps=15, cg_rtol=1e-10), both, 2)
    for i in range(2):
        one = Problem(p.operator, p.data[i], GaussianNoise(float(sigma[i])), p.prior)
        alone = sample(MMPS(steps=15, cg_rtol=1e-10), one, 2, items=[i])
        torch.testing.assert_close(found.samples[:, i], alone.samples, rtol=1e-6, atol=1e-6)


def test_samples_that_diverged_are_left_out() -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, 8.0], [5.0, 100.0]])[..., None]
    complete = torch.tensor([[True, True], [True, True], [True, False]])
    result = Result(x, (Reason.COMPLETED,) * 5 + (Reason.DIVERGED,), torch.full((3, 2), 9), {})
    found = PosteriorSamples(x, complete, result)
    torch.testing.assert_close(found.mean, torch.tensor([[3.0], [5.0]]))
    torch.testing.assert_close(found.std, torch.tensor([[2.0], [18.0**0.5]]))
    one = PosteriorSamples(x, complete & torch.tensor([True, False]), result)
    assert bool(one.mean[1].isnan().all())
    assert bool(PosteriorSamples(x[:1], complete[:1], result).std.isnan().all())


def test_spread_of_complex_samples_is_that_of_the_complex_number() -> None:
    x = torch.tensor([[1 + 1j], [1 - 1j], [-1 + 1j], [-1 - 1j]])
    result = Result(x, (Reason.COMPLETED,) * 4, torch.full((4,), 9), {})
    found = PosteriorSamples(x, torch.ones(4, dtype=torch.bool), result)
    assert found.std.dtype == torch.float32
    torch.testing.assert_close(found.std, torch.tensor([(8 / 3) ** 0.5]))


def test_misuse_gets_one_sentence() -> None:
    sampler = DPS(steps=5)
    with pytest.raises(ValueError, match="at least one sample, got 0"):
        sample(sampler, problem(2), 0)
    with pytest.raises(ValueError, match=r"expected 2 item numbers between 0 and 2\^32 - 1, got \[0\]"):
        sample(sampler, problem(2), items=[0])
    with pytest.raises(ValueError, match="leave streams of the sampler out"):
        sample(DPS(steps=5, streams=(1, 2)), problem(2))
