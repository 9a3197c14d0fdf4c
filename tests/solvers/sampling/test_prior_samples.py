from itertools import pairwise

import pytest
import torch

from recon.operators import Diagonal
from recon.priors import GaussianPrior, LatentPrior, TotalVariation, VPDiffusion
from recon.solvers import KarrasSchedule, VPSchedule, sample_prior
from recon.solvers.sampling.random import normal


def propagated(prior: GaussianPrior, d: int, schedule, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and covariance of ancestral samples: every step is affine in the state and in the noise."""
    sigmas = schedule(steps)
    mean, cov = torch.zeros(d, dtype=torch.float64), (1 + sigmas[0] ** 2) * torch.eye(d, dtype=torch.float64)
    points = torch.cat([torch.zeros(1, d), torch.eye(d)]).double()
    for sigma, lower in pairwise(sigmas):
        ratio = (lower / sigma) ** 2
        x0 = prior(points, sigma)
        out = x0 + ratio * (points - x0)
        M = (out[1:] - out[0]).T
        mean = out[0] + M @ mean
        cov = M @ cov @ M.T + lower**2 * (1 - ratio) * torch.eye(d, dtype=torch.float64)
    return mean, cov


def test_unconditional_samples_have_the_covariance_of_the_prior() -> None:
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(6, 6, generator=generator, dtype=torch.float64) / 6**0.5
    C, m = root @ root.T, torch.randn(6, generator=generator, dtype=torch.float64)
    prior = GaussianPrior(m, covariance=C)
    errors = []
    for steps in (128, 512):
        mean, cov = propagated(prior, 6, KarrasSchedule(2e-3, 80.0), steps)
        torch.testing.assert_close(mean, m, atol=2e-3, rtol=0)
        errors.append(float((cov - C).norm() / C.norm()))
    assert errors[1] < 0.025
    assert 3 < errors[0] / errors[1] < 5  # first order in 1/steps


def test_sampling_follows_that_recursion() -> None:
    C = torch.diag(torch.tensor([2.0, 0.5, 0.1], dtype=torch.float64))
    prior, schedule = GaussianPrior(0.7, covariance=C), VPSchedule()
    x = sample_prior(prior, 3000, steps=40, noise_schedule=schedule, dtype=torch.float64)
    mean, cov = propagated(prior, 3, schedule, 40)
    spread = cov.diagonal().sqrt()
    assert float(((x.mean(0) - mean) / spread).abs().max()) < 4 / 3000**0.5
    assert float(((torch.cov(x.T) - cov) / (spread[:, None] * spread)).abs().max()) < 4 * (2 / 3000) ** 0.5


def test_image_i_does_not_depend_on_how_many_are_drawn() -> None:
    prior = GaussianPrior(0.2, std=0.5, shape=(3, 4))
    few, many = sample_prior(prior, 2, steps=20, seed=3), sample_prior(prior, 5, steps=20, seed=3)
    torch.testing.assert_close(few, many[:2], rtol=1e-6, atol=1e-6)
    assert float((sample_prior(prior, 2, steps=20, seed=4) - few).abs().min()) > 0
    with pytest.raises(ValueError, match=r"GaussianPrior has no shape of its own; give shape="):
        sample_prior(GaussianPrior(), 2)
    assert sample_prior(GaussianPrior(), 2, shape=(3,), steps=4, dtype=torch.complex64).is_complex()


def test_the_start_is_white_in_the_coordinates_of_the_network() -> None:
    seen = []

    def network(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        seen.append(x[:, 0])
        return torch.zeros_like(x)

    prior = VPDiffusion(network, (3, 4), value_range=(0.0, 10.0), network_range=(-1.0, 1.0))
    sample_prior(prior, 2, steps=2, seed=5, dtype=torch.float64)
    streams = torch.arange(2)
    torch.testing.assert_close(seen[0], normal(5, streams, 0 * streams, (3, 4), torch.float64))


def test_latents_are_drawn_and_decoded() -> None:
    latents = GaussianPrior(1.0, std=0.5, shape=(2, 3))
    prior = LatentPrior(latents, Diagonal(torch.full((2, 3), 3.0)))
    x = sample_prior(prior, 2, steps=5, seed=4)
    torch.testing.assert_close(x, 3 * sample_prior(latents, 2, steps=5, seed=4))
    with pytest.raises(TypeError, match="draws from diffusion priors, got TotalVariation"):
        sample_prior(TotalVariation(0.1), 2)
