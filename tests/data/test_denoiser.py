"""The denoiser that is shipped: small, accounted for, and worth its name at every level it was trained for."""

from __future__ import annotations

from pathlib import Path

import deepinv
import pytest
import torch

from recon.files import Images
from recon.metrics import psnr
from recon.operators import GaussianNoise, Identity, deepinv_denoiser
from recon.priors import DenoiserPrior, TotalVariation
from recon.solvers import ADMM, Gap, MaxIter, Problem

DATA = Path(__file__).resolve().parents[2] / "data"
WEIGHTS = DATA / "denoisers" / "drunet_small.pth"


@pytest.fixture(scope="module")
def prior() -> DenoiserPrior:
    with torch.random.fork_rng(devices=[]):
        network = deepinv.models.DRUNet(1, 1, nc=(16, 32, 48, 64), nb=2, pretrained=None).requires_grad_(False)
    return DenoiserPrior(deepinv_denoiser(network), weights=WEIGHTS)


@pytest.fixture(scope="module")
def photographs() -> torch.Tensor:
    return torch.stack([ref.load().data for ref in Images(str(DATA / "photos")).items()])


def test_the_weights_are_small_and_accounted_for() -> None:
    assert [path.name for path in WEIGHTS.parent.iterdir()] == [WEIGHTS.name]
    assert WEIGHTS.stat().st_size < 1_000_000
    assert f"`denoisers/{WEIGHTS.name}`" in (DATA / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("level", "gain"), [(15, 6.8), (25, 8.7), (50, 11.6)])
def test_it_takes_noise_out(prior: DenoiserPrior, photographs: torch.Tensor, level: int, gain: float) -> None:
    noise = GaussianNoise(level / 255)
    noisy = noise.sample(photographs, torch.Generator().manual_seed(0))
    before, after = (psnr(x, photographs, data_range=1.0).mean() for x in (noisy, prior.denoise(noisy, level / 255)))
    assert after - before > gain


def test_scaled_images_are_denoised_alike(prior: DenoiserPrior, photographs: torch.Tensor) -> None:
    """A network without biases is homogeneous in image and noise level together."""
    x = photographs[:2]
    torch.testing.assert_close(prior.denoise(0.25 * x, 0.025), 0.25 * prior.denoise(x, 0.1), rtol=0, atol=1e-5)


def test_it_is_better_than_total_variation(prior: DenoiserPrior, photographs: torch.Tensor) -> None:
    x, sigma = photographs[:2], 25 / 255
    noise = GaussianNoise(sigma)
    y = noise.sample(x, torch.Generator().manual_seed(1))
    problem = Problem(Identity(x.shape[1:]), y, noise, 7.0 * TotalVariation())  # the best of 5, 7 and 10
    smooth = ADMM(stop=MaxIter(100) | Gap(1e-2)).solve(problem).image
    network, variation = (psnr(z, x, data_range=1.0) for z in (prior.denoise(y, sigma), smooth))
    assert bool((network > variation + 0.8).all()), (network, variation)
