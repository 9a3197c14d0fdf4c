import pytest
import torch

from recon.metrics import coverage
from recon.operators import Diagonal, GaussianNoise, Identity, PoissonNoise
from recon.priors import GaussianPrior, VPDiffusion
from recon.solvers import DPS, MMPS, KarrasSchedule, PosteriorSamples, Problem, Reason, Result, sample
from recon.solvers.sampling import pixelwise

GAINS = torch.tensor([1.0, 0.0, 0.5], dtype=torch.float64)


def problem(*batch: int) -> Problem:
    root = torch.randn(3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = torch.randn(*batch, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return Problem(Diagonal(GAINS), GAINS * y, GaussianNoise(0.2), GaussianPrior(0.3, covariance=root @ root.T))


def test_mean_and_spread_are_those_of_the_posterior() -> None:
    p, n = problem(), 600
    found = sample(MMPS(steps=80, cg_rtol=1e-8, noise_schedule=KarrasSchedule()), p, n)
    exact = p.prior.posterior(p.operator, p.data, 0.2)
    spread = exact.covariance.dense().diagonal().sqrt()
    assert float(((found.mean - exact.mean) / spread).abs().max()) < 4 / n**0.5 + 0.02
    assert float((found.std / spread - 1).abs().max()) < 4 / (2 * n) ** 0.5 + 0.06


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


def normal(*size: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_blocks_of_pixels_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x = normal(7, 2, 3, 5, dtype=torch.complex128)
    complete = torch.ones(7, 2, dtype=torch.bool)
    complete[3, 1] = False
    found = PosteriorSamples(x, complete, Result(x, (), complete.long(), {}))
    wanted = [found.mean, found.std, found.quantiles([0.2, 0.5]), found.region(0.5).radius, *found.diversity]
    monkeypatch.setattr(pixelwise, "AT_ONCE", 7 * 4)
    values = [found.mean, found.std, found.quantiles([0.2, 0.5]), found.region(0.5).radius, *found.diversity]
    for a, b in zip(values, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    kept = x[complete[:, 1], 1]
    torch.testing.assert_close(found.mean[1], kept.mean(0))
    torch.testing.assert_close(found.std[1], kept.std(0))


def test_quantiles_are_those_another_draw_lies_below() -> None:
    """Samples 1 to 9: Q(k/10) = k, linear between, and the extremes beyond."""
    x = torch.arange(9, 0, -1.0).reshape(9, 1, 1).expand(9, 2, 3)
    found = PosteriorSamples.of(x, ndim=1)
    assert found.quantiles(0.5).shape == (2, 3)
    values = found.quantiles((0.1, 0.25, 0.5, 0.9, 0.99, 0))
    assert values.shape == (6, 2, 3)
    torch.testing.assert_close(values[:, 0, 0], torch.tensor([1.0, 2.5, 5, 9, 9, 1]))
    low, high = found.interval(0.8)
    assert (float(low[1, 2]), float(high[1, 2])) == pytest.approx((1, 9))


def test_diversity_of_known_covariances() -> None:
    """(tr C)²/tr C² = (4 + 2·1)²/(16 + 2·1) = 2; samples on a line have 1; of a collapsed sampler 0."""
    x = normal(1200, 1, 3) * torch.tensor([2.0, 1.0, 1.0]) + 5
    participation, dimension, distance = PosteriorSamples.of(x, ndim=1).diversity
    assert float(participation) == pytest.approx(2, rel=0.08)
    assert float(dimension) == pytest.approx(2, rel=0.08)
    pairs = (x[:600] - x[600:]).square().sum(-1).sqrt().mean() / 3**0.5
    assert float(distance) == pytest.approx(float(pairs), rel=0.08)
    line = PosteriorSamples.of(torch.linspace(0, 1, 9).double()[:, None, None] * normal(1, 4), ndim=1).diversity
    assert float(line.participation) == pytest.approx(1)
    same = PosteriorSamples.of(torch.ones(9, 2, 4), ndim=1).diversity
    assert (same.participation.tolist(), same.distance.tolist()) == ([0, 0], [0, 0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_few_samples_do_not_hide_the_dimension(dtype: torch.dtype) -> None:
    """White images of 40 real numbers: eight samples spread in at most seven directions, and tell of about 40."""
    pixels = 40 if dtype == torch.float64 else 20
    found = PosteriorSamples.of(normal(8, 500, pixels, dtype=dtype), ndim=1)
    participation, dimension, _ = found.diversity
    assert float(participation.max()) < 7
    x = found.samples
    for item in range(10):
        C = torch.cov((torch.view_as_real(x[:, item]).flatten(1) if x.is_complex() else x[:, item]).T)
        assert float(participation[item]) == pytest.approx(float(C.trace() ** 2 / C.square().sum()), rel=1e-9)
    assert float(dimension.median()) == pytest.approx(40, rel=0.15)


def test_consistency_with_the_data_is_counted_where_the_operator_reaches() -> None:
    """Samples whose data are off by 3σ in every pixel that is seen; a masked pixel says nothing."""
    p = problem(2)
    clean = p.data / torch.where(GAINS == 0, 1, GAINS)
    off = torch.where(GAINS == 0, 100, 3 * 0.2 / torch.where(GAINS == 0, 1, GAINS))
    found = PosteriorSamples.of(torch.stack([clean + off, clean - off, clean]), ndim=1)
    torch.testing.assert_close(found.data_consistency(p), torch.full((2,), 6.0, dtype=torch.float64))
    counts = PoissonNoise(2.0)
    q = Problem(Identity((3,)), torch.tensor([[10.0, 20.0, 30.0]]), counts, p.prior)
    x = torch.tensor([[[8.0, 18.0, 32.0]]])
    wanted = ((4 / torch.tensor([8.0, 18, 32])) / 2).mean().double()[None]
    torch.testing.assert_close(PosteriorSamples.of(x, ndim=1).data_consistency(q), wanted)
    with pytest.raises(ValueError, match=r"samples of images \(2, 3\) expected, got \(1, 3\)"):
        PosteriorSamples.of(x, ndim=1).data_consistency(p)


def test_samples_of_the_posterior_explain_the_data() -> None:
    """E‖A X − y‖²/σ²m = (tr(A C Aᵀ) + ‖A m − y‖²)/σ²m with the posterior's mean and covariance."""
    p = problem()
    exact = p.prior.posterior(p.operator, p.data, 0.2)
    found = PosteriorSamples.of(exact.sample(3000, torch.Generator().manual_seed(0)), ndim=1)
    spread = (GAINS.square() * exact.covariance.dense().diagonal()).sum()
    wanted = (spread + (GAINS * exact.mean - p.data).square().sum()) / (0.04 * 2)
    assert float(found.data_consistency(p)) == pytest.approx(float(wanted), rel=0.08)


def test_images_one_by_one() -> None:
    x = normal(4, 2, 3)
    found = PosteriorSamples.of(x, ndim=1)
    assert (len(found), [torch.equal(one, x[i]) for i, one in enumerate(found)]) == (4, [True] * 4)
    first = found[0]
    first += 1
    assert torch.equal(found[0], x[0]), "a sample handed out is a copy"


def test_samples_that_are_not_finite_are_not_complete() -> None:
    x = normal(4, 2, 3)
    x[1, 0, 2] = torch.nan
    found = PosteriorSamples.of(x, ndim=1)
    assert found.count.tolist() == [3, 4]
    torch.testing.assert_close(found.mean[0], x[[0, 2, 3], 0].mean(0))


def test_levels_need_enough_samples() -> None:
    few = PosteriorSamples.of(normal(9, 2, 3), ndim=1)
    with pytest.raises(ValueError, match=r"a level of 0.9 needs at least 19 complete samples, got 9; form='student'"):
        few.interval(0.9)
    few.interval(0.8)
    few.interval(0.99, "student")
    few.region(0.9)
    with pytest.raises(ValueError, match=r"a level of 0.95 needs at least 19 complete samples, got 9"):
        few.region(0.95)
    with pytest.raises(ValueError, match="a level between 0 and 1, got 90"):
        few.interval(90)
    with pytest.raises(ValueError, match="'quantile' or 'student', got 'hpd'"):
        few.interval(0.5, "hpd")
    with pytest.raises(ValueError, match="a 'ball' or an 'ellipsoid', got 'box'"):
        few.region(0.5, "box")
    with pytest.raises(ValueError, match=r"numbers from 0 to 1, got 1\.5"):
        few.quantiles(1.5)
    with pytest.raises(ValueError, match="of 3-dimensional images expected, got 3"):
        PosteriorSamples.of(normal(9, 2, 3), ndim=3)


def test_parts_that_are_known_to_be_zero_do_not_count_as_covered() -> None:
    """As those of real images that were drawn as complex ones."""
    draw = torch.Generator().manual_seed(0)
    samples, truth = torch.randn(9, 2, 50, generator=draw), torch.randn(2, 50, generator=draw)
    real, padded = PosteriorSamples.of(samples, ndim=1), PosteriorSamples.of(samples + 0j, ndim=1)
    assert torch.equal(padded.level_of(truth + 0j), real.level_of(truth))
    assert coverage(samples + 0j, truth + 0j) == coverage(samples, truth)
    assert padded.level_of(truth + 1j).shape == (2, 50, 2)


def test_a_real_truth_of_complex_samples_has_no_imaginary_part() -> None:
    x = torch.randn(20, 1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.complex128)
    truth = torch.zeros(1, 4, 4, dtype=torch.float64)
    found = PosteriorSamples.of(x)
    torch.testing.assert_close(found.level_of(truth), found.level_of(truth + 0j))
    assert float(found.level_of_image(truth)) == float(found.level_of_image(truth + 0j))
    for wrong, sentence in (
        (truth[..., :3], r"images of the samples' shape \(1, 4, 4\), got \(1, 4, 3\)"),
        (truth[0], r"got \(4, 4\)"),
        (truth.numpy(), "are a tensor, got ndarray"),
    ):
        for ask in (found.level_of, found.level_of_image):
            with pytest.raises((ValueError, TypeError), match=sentence):
                ask(wrong)
    assert coverage(x[:, 0], truth[0]) == coverage(x[:, 0], truth[0] + 0j) > 0.5
    assert coverage(x[:, 0].real, truth[0] + 0j) == coverage(x[:, 0].real, truth[0])
    with pytest.raises(TypeError, match="the samples are real"):
        PosteriorSamples.of(x.real).level_of(truth + 0j)
    with pytest.raises(ValueError, match=r"the region is one of images \(1, 4, 4\)"):
        found.region(0.5).contains(truth[..., :3])
    assert PosteriorSamples.of(torch.arange(48).reshape(3, 1, 4, 4)).std.dtype == torch.get_default_dtype()


def test_samples_that_went_astray_are_told_of() -> None:
    nothing = VPDiffusion(lambda x, t: x * torch.nan, (4, 4), value_range=(-1.0, 1.0))
    problem = Problem(Identity((4, 4)), torch.zeros(1, 4, 4), GaussianNoise(0.5), nothing)
    with pytest.warns(UserWarning, match="2 of 2 samples went astray"):
        found = sample(DPS(steps=3), problem, 2)
    assert not bool(found.complete.any())
    assert bool(found.mean.isnan().all())
