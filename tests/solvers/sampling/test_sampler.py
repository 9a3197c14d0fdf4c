import pickle
from dataclasses import fields

import pytest
import torch
from torch import Tensor

from recon.operators import CapabilityError, Diagonal, GaussianNoise, LaplaceNoise
from recon.operators.functionals import SquaredL2
from recon.priors import DenoiserPrior, GaussianMixturePrior, GaussianPrior, TotalVariation, VPDiffusion
from recon.solvers import DPS, MMPS, MaxIter, Problem, Reason, Sampler, unroll

SAMPLERS = [DPS(steps=12, zeta=0.2, seed=0), MMPS(steps=12, seed=0, cg_rtol=1e-8)]
by_name = pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda s: s.name)


def mixture_problem(items: int) -> Problem:
    prior = GaussianMixturePrior(
        (0.4, 0.6), [GaussianPrior(-1.0, std=0.3, shape=(2, 3)), GaussianPrior(1.0, std=0.5, shape=(2, 3))]
    )
    gains = torch.tensor([[1.0, 0.0, 0.5], [2.0, 1.0, 0.0]], dtype=torch.float64)
    y = torch.randn(items, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return Problem(Diagonal(gains), gains * y, GaussianNoise(0.3), prior)


@by_name
def test_an_item_gives_the_same_sample_alone_and_among_sixteen(sampler: Sampler) -> None:
    problem = mixture_problem(16)
    together = sampler.solve(problem)
    assert set(together.reasons) == {Reason.COMPLETED}
    for i in (0, 7, 15):
        alone = type(sampler)(**{**_settings(sampler), "streams": (i,)}).solve(problem.select(torch.tensor([i])))
        torch.testing.assert_close(together.image[i], alone.image[0], rtol=1e-9, atol=1e-9)
    assert torch.equal(together.image, sampler.solve(problem).image)
    reshaped = Problem(problem.operator, problem.data.reshape(4, 4, 2, 3), problem.noise, problem.prior)
    assert torch.equal(sampler.solve(reshaped).image.reshape(16, 2, 3), together.image)


@by_name
def test_seeds_and_streams_change_the_sample(sampler: Sampler) -> None:
    problem = mixture_problem(1)
    first = sampler.solve(problem).image
    for change in ({"seed": 1}, {"streams": (1,)}, {"streams": (2**32,)}):
        other = type(sampler)(**{**_settings(sampler), **change}).solve(problem).image
        assert float((other - first).abs().min()) > 0


class Exploding(GaussianPrior):
    """Not a number below noise level 1, for images whose first pixel is large."""

    def expectation(self, u: Tensor, sigma: float | Tensor) -> Tensor:
        mean = super().expectation(u, sigma)
        bad = (mean[..., :1, :1] > 5) & (torch.as_tensor(sigma) < 1)
        return mean * torch.where(bad, torch.nan, 1.0)


@by_name
def test_a_diverging_item_leaves_the_others_alone(sampler: Sampler) -> None:
    gains = torch.ones(2, 3, dtype=torch.float64)
    y = torch.randn(4, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y[2] += 50
    problem = Problem(Diagonal(gains), y, GaussianNoise(0.3), Exploding(0.0, std=2.0, shape=(2, 3)))
    steep = type(sampler)(**{**_settings(sampler), **({"zeta": 5.0} if sampler.name == "DPS" else {})})
    result = steep.solve(problem)
    assert result.reasons == (Reason.COMPLETED, Reason.COMPLETED, Reason.DIVERGED, Reason.COMPLETED)
    assert 0 < int(result.iterations[2]) < sampler.steps
    assert bool(torch.isfinite(result.image).all())
    good = torch.tensor([0, 1, 3])
    settings = {**_settings(steep), "streams": (0, 1, 3)}
    alone = type(sampler)(**settings).solve(problem.select(good))
    torch.testing.assert_close(result.image[good], alone.image, rtol=1e-9, atol=1e-9)


def test_numbers_that_overflow_are_divergence_not_an_unguided_sample() -> None:
    problem = mixture_problem(2).to(dtype=torch.float32)
    data = problem.data.clone()
    data[1] = 1e30
    result = MMPS(steps=12).solve(Problem(problem.operator, data, problem.noise, problem.prior))
    assert result.reasons == (Reason.COMPLETED, Reason.DIVERGED)


@by_name
def test_measurements_and_misfit(sampler: Sampler) -> None:
    problem = mixture_problem(3)
    result = sampler.solve(problem)
    r = problem.data - problem.operator(result.image)
    torch.testing.assert_close(result.last("misfit"), r.square().sum((-1, -2)) / (0.3**2 * 6))
    assert set(result.history) == sampler.measures | {"iteration", "seconds"}


@by_name
def test_an_initial_image_sets_the_start(sampler: Sampler) -> None:
    problem = mixture_problem(2)
    state = sampler.init(problem, torch.full((2, 2, 3), 7.0, dtype=torch.float64))
    blank = sampler.init(problem, torch.zeros(2, 2, 3, dtype=torch.float64))
    torch.testing.assert_close(state.u - blank.u, torch.full((2, 2, 3), 7.0, dtype=torch.float64))
    free = sampler.init(problem).u
    sigma = sampler.level(problem, state).sigma[0]
    torch.testing.assert_close(free / (1 + sigma**2).sqrt(), blank.u / sigma)


@by_name
def test_unrolled_steps_give_the_same_sample_with_gradients(sampler: Sampler) -> None:
    problem = mixture_problem(2)
    data = problem.data.clone().requires_grad_()
    x = unroll(sampler, Problem(problem.operator, data, problem.noise, problem.prior), sampler.steps)
    torch.testing.assert_close(x.detach(), sampler.solve(problem).image)
    (gradient,) = torch.autograd.grad(x.square().sum(), data)
    h = torch.zeros_like(problem.data)
    h[1, 0, 0] = 1e-5

    def value(y: Tensor) -> Tensor:
        return sampler.solve(Problem(problem.operator, y, problem.noise, problem.prior)).image.square().sum()

    slope = (value(problem.data + h) - value(problem.data - h)) / 2e-5
    assert float(gradient[1, 0, 0]) == pytest.approx(float(slope), rel=1e-4)
    with pytest.raises(ValueError, match="has 12 steps; the schedule has been run through"):
        unroll(sampler, problem, 13)


@by_name
def test_single_precision_follows_double(sampler: Sampler) -> None:
    problem = mixture_problem(2)
    single = sampler.solve(problem.to(dtype=torch.float32)).image
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), sampler.solve(problem).image, rtol=1e-3, atol=1e-3)


@by_name
def test_no_items_and_pickling(sampler: Sampler) -> None:
    assert sampler.solve(mixture_problem(1).select(torch.arange(0))).image.shape == (0, 2, 3)
    assert pickle.loads(pickle.dumps(sampler)) == sampler


@by_name
def test_what_it_cannot_do_is_refused_by_name(sampler: Sampler) -> None:
    name, problem = sampler.name, mixture_problem(2)
    A, y, noise = problem.operator, problem.data, problem.noise

    def message(problem: Problem, settings: Sampler = sampler) -> str:
        with pytest.raises((TypeError, ValueError)) as caught:
            settings.solve(problem)
        return str(caught.value)

    wanted = f"{name} needs a diffusion prior such as VPDiffusion or GaussianPrior, got "
    assert message(Problem(A, y, noise)) == wanted + "none."
    assert message(Problem(A, y, noise, TotalVariation())) == wanted + "TotalVariation."
    assert message(Problem(A, y, noise, DenoiserPrior(lambda x, s: x))) == wanted + "DenoiserPrior."
    heavy = Problem(A, y, LaplaceNoise(), problem.prior)
    wanted = f"{name} is made for noise with a covariance (GaussianNoise, CorrelatedNoise, PoissonNoise or "
    assert message(heavy) == wanted + "BeerLambertNoise), got LaplaceNoise."
    fidelity = Problem(A, y, prior=problem.prior, fidelity=SquaredL2((2, 3), y))
    assert message(fidelity) == wanted + "BeerLambertNoise), got SquaredL2."
    assert "expects images of shape (..., 4), got" in message(Problem(A, y, noise, GaussianPrior(shape=(4,))))
    real = Problem(Diagonal(torch.ones(2, 3) + 0j), y + 0j, noise, VPDiffusion(lambda x, t: x, (2, 3)))
    assert message(real) == "VPDiffusion is a prior for real images, got complex128."
    half = message(problem.to(dtype=torch.float16))
    assert half == f"{name} samples in single or double precision; use problem.to(dtype=torch.float32)."
    streams = type(sampler)(**{**_settings(sampler), "streams": (1, 2, 3)})
    assert message(problem, streams) == f"{name} got 3 streams for 2 items."
    with pytest.raises(CapabilityError):
        sampler.solve(Problem(A, y, noise))


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="DPS expects steps >= 2, got 1"):
        DPS(steps=1)
    with pytest.raises(TypeError, match=r"an integer seed, got 0\.5"):
        DPS(seed=0.5)
    with pytest.raises(TypeError, match="expects a NoiseSchedule, got str"):
        DPS(noise_schedule="karras")
    with pytest.raises(TypeError, match="stop"):
        DPS(stop=MaxIter(3))
    assert DPS(steps=7).stop == MaxIter(7)


def _settings(sampler: Sampler) -> dict:
    return {f.name: getattr(sampler, f.name) for f in fields(sampler) if f.init}
