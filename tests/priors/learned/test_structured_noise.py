"""Structured noise: its closed forms, and the pair that samplers draw."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from recon.operators import CorrelatedNoise, Diagonal, Identity, Operator, SignalPlusNoise
from recon.operators.linear import CapabilityError
from recon.priors import (
    GaussianMixturePrior,
    GaussianPrior,
    LatentPrior,
    PretrainedDiffusion,
    StructuredNoise,
    VPDiffusion,
)
from recon.priors.learned.joint import JointPrior
from recon.solvers import DPS, MMPS, Problem, sample
from recon.solvers.sampling.schedule import noise_levels
from recon.testing import check_noise, check_operator

SHAPE = (2, 2)
ROOT = torch.randn(4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
C = ROOT @ ROOT.mT / 4
GAUSSIANS = {
    "dense": (GaussianPrior(0.3, covariance=C, shape=SHAPE), C),
    "pixels": (GaussianPrior(0.3, std=0.5, shape=SHAPE), 0.25 * torch.eye(4, dtype=torch.float64)),
    "fourier": (GaussianPrior(0.3, spectrum=torch.tensor([[2.0, 1.0], [0.5, 0.2]], dtype=torch.float64)), None),
}


@pytest.mark.parametrize("form", GAUSSIANS)
def test_the_likelihood_of_gaussian_noise_is_the_marginal_density(form: str) -> None:
    prior, dense = GAUSSIANS[form]
    dense = prior.covariance.dense() if dense is None else dense
    noise = StructuredNoise(prior, 0.2)
    y, z = torch.randn(2, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    law = MultivariateNormal(z + 0.3, dense + 0.04 * torch.eye(4))
    expected = law.log_prob(z + 0.3) - law.log_prob(y)
    torch.testing.assert_close(noise.fidelity(y.reshape(SHAPE), SHAPE)(z.reshape(SHAPE)), expected)


def test_samples_have_the_mean_and_covariance_that_the_likelihood_says() -> None:
    prior, dense = GAUSSIANS["dense"]
    assert dense is not None
    noise = StructuredNoise(prior, 0.2)
    check_noise(
        noise,
        clean=torch.ones(SHAPE, dtype=torch.float64),
        moments=lambda z: (z + 0.3, (dense.diagonal() + 0.04).reshape(SHAPE)),
        only=("mean_and_variance", "score"),
    )


def test_it_is_correlated_noise_where_its_prior_is_gaussian() -> None:
    prior = GaussianPrior(0.0, covariance=C, shape=SHAPE)
    y, z = torch.randn(2, 3, *SHAPE, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    same = CorrelatedNoise(C + 0.04 * torch.eye(4)).fidelity(y, SHAPE)
    torch.testing.assert_close(StructuredNoise(prior, 0.2).fidelity(y, SHAPE)(z), same(z))


def test_mixtures_are_drawn_from_and_have_no_likelihood() -> None:
    parts = [GaussianPrior(m, std=0.1, shape=SHAPE) for m in (-1.0, 1.0)]
    noise = StructuredNoise(GaussianMixturePrior((0.25, 0.75), parts), 0.05)
    drawn = noise.sample(torch.zeros(2000, *SHAPE), torch.Generator().manual_seed(0)).mean((1, 2))
    assert float((drawn > 0).double().mean()) == pytest.approx(0.75, abs=0.04)
    assert float((drawn.abs() - 1).abs().max()) < 0.3
    problem = Problem(Identity(SHAPE), drawn[:4].reshape(1, *SHAPE), noise, parts[0])
    with pytest.raises(TypeError, match="likelihood of noise with a GaussianMixturePrior is an integral"):
        problem.likelihood(torch.zeros(1, *SHAPE))


def test_the_pair_has_the_moments_of_both_at_the_level_of_both_processes() -> None:
    """Networks trained on other values: both processes have the same variance at the same level."""
    image, noise = GaussianPrior(0.5, std=2.0, shape=(3,)), GaussianPrior(-0.2, covariance=C, shape=SHAPE)
    image.scale, image.shift = 2.0, -1.0
    noise.scale, noise.shift = 0.5, 0.3
    pair = JointPrior(image, noise, (3,), SHAPE)
    x, n = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, *SHAPE, dtype=torch.float64)
    w = pair.join(x, n)
    torch.testing.assert_close(pair.split(w), (x, n))
    values = pair.scale * w + pair.shift
    torch.testing.assert_close(values, torch.cat([2 * x - 1, (0.5 * n + 0.3).flatten(1)], dim=1))
    sigma = torch.linspace(0.1, 2.0, 5, dtype=torch.float64)
    mean = pair.split(pair(w, sigma))
    torch.testing.assert_close(mean[0], image(x, sigma))
    torch.testing.assert_close(mean[1], noise(n, 4 * sigma))  # 2·σ in values of both, which is 4σ in units of n


def test_the_derivative_has_a_block_for_each() -> None:
    root = torch.randn(3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    image = GaussianPrior(0.5, covariance=root @ root.mT, shape=(3,))
    noise = GaussianPrior(-0.2, covariance=C, shape=SHAPE)
    noise.scale, noise.shift = 0.5, 0.3
    pair = JointPrior(image, noise, (3,), SHAPE)
    u, w = torch.randn(2, 2, 7, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    sigma = torch.tensor([0.3, 1.5], dtype=torch.float64)
    mean, pullback = pair.linearise(u, sigma)
    torch.testing.assert_close(mean, pair(u, sigma))
    jacobians = [torch.autograd.functional.jacobian(lambda v, i=i: pair(v, sigma[i]), u[i]) for i in range(2)]
    torch.testing.assert_close(pullback(w), torch.stack([J.mT @ v for J, v in zip(jacobians, w, strict=True)]))


def test_levels_are_those_that_both_networks_know() -> None:
    def network(x: Tensor, t: Tensor) -> Tensor:
        return x

    ddpm = VPDiffusion(network, (3,), value_range=(-1.0, 1.0))
    pair = JointPrior(GaussianPrior(shape=(3,)), ddpm, (3,), (3,))
    assert pair.levels is not None
    assert ddpm.levels is not None
    torch.testing.assert_close(pair.levels, ddpm.levels)
    assert pair.sigma_range == pytest.approx(ddpm.sigma_range)


class Bend(Operator):
    def __init__(self) -> None:
        super().__init__((3,), (2,))

    def apply(self, x: Tensor) -> Tensor:
        return x[..., :2].exp() * x[..., 2:]


def test_operators_of_the_pair_are_derived_from_those_of_the_image() -> None:
    noise = StructuredNoise(GaussianPrior(0.0, std=1.0, shape=(2,)), 0.1)
    noise.prior.scale = 0.5
    bent = Problem(Bend(), torch.zeros(1, 2, dtype=torch.float64), noise, GaussianPrior(shape=(3,))).lifted
    check_operator(bent.operator)
    w = torch.randn(5, dtype=torch.float64)
    torch.testing.assert_close(bent.operator(w), Bend()(w[:3]) + 2 * w[3:])
    linear = Problem(Diagonal(torch.ones(2)), torch.zeros(1, 2), noise, GaussianPrior(shape=(2,))).lifted
    assert isinstance(linear.operator, SignalPlusNoise)
    assert linear.lifted is linear


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: StructuredNoise(GaussianPrior(), 0.0), "StructuredNoise expects sigma > 0, got 0"),
        (lambda: StructuredNoise(0.3), "expects a diffusion prior of the noise, got float"),
        (
            lambda: Problem(Identity((3,)), torch.zeros(3), StructuredNoise(GaussianPrior(shape=SHAPE))),
            r"prior for arrays of shape \(2, 2\), data have \(3,\)",
        ),
        (
            lambda: StructuredNoise(VPDiffusion(lambda x, t: x, (3,))).sample(torch.zeros(3)),
            "draw n with sample_prior",
        ),
        (
            lambda: JointPrior(
                VPDiffusion(lambda x, t: x, (3,)), GaussianPrior(covariance=1j * torch.zeros(3, 3)), (3,), (3,)
            ),
            "VPDiffusion is for real images, GaussianPrior for complex noise",
        ),
    ],
)  # type: ignore[no-untyped-def]
def test_refusals(make, sentence: str) -> None:
    with pytest.raises((ValueError, TypeError), match=sentence):
        make()


def test_latents_and_structured_noise_are_refused_together() -> None:
    latent = LatentPrior(GaussianPrior(shape=SHAPE), Identity(SHAPE))
    problem = Problem(Identity((2, 2)), torch.zeros(1, 2, 2), StructuredNoise(GaussianPrior(), 0.1), latent)
    with pytest.raises(CapabilityError, match="LatentPrior has latents in their place"):
        MMPS(steps=2).solve(problem)


@pytest.mark.parametrize(
    "noise", [GaussianPrior(std=0.1), VPDiffusion(lambda x, t: 0 * x, (32, 32))], ids=["any level", "VP"]
)
def test_levels_are_those_at_which_both_priors_hold(noise) -> None:
    """Of the image where it says them; a network's lie where it was trained, not where DDPM was."""
    pair = JointPrior(PretrainedDiffusion("small_images"), noise, (32, 32), (32, 32))
    levels = noise_levels(pair, None, 10)[:-1]
    low, high = pair.sigma_range
    assert low * 0.999 < float(levels[-1]) < float(levels[0]) < high * 1.001
    assert bool((levels[1:] < levels[:-1]).all())
    problem = Problem(Identity((32, 32)), torch.rand(1, 32, 32), StructuredNoise(noise, 0.1), pair.image)
    assert bool(DPS(steps=2).solve(problem).image.isfinite().all())
    drawn = sample(DPS(steps=2), problem, 2)
    with pytest.raises(CapabilityError, match="known of noise with a covariance, not of StructuredNoise"):
        drawn.data_consistency(problem)
