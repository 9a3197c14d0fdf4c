"""Latent diffusion: the problem of the latents, and images out of it."""

import pytest
import torch
from torch import Tensor, nn

from recon.operators import CapabilityError, Diagonal, GaussianNoise, LinearOperator, Mask
from recon.priors import GaussianPrior, LatentPrior
from recon.solvers import DPS, MMPS, Problem, sample
from recon.testing import check_operator

GENERATOR = torch.Generator().manual_seed(0)
W = torch.randn(6, 3, generator=GENERATOR, dtype=torch.float64)
"""Three latents to images of 2 × 3 pixels."""
MEAN, STD = torch.tensor([0.3, -0.2, 0.5], dtype=torch.float64), torch.tensor([0.9, 0.5, 1.2], dtype=torch.float64)
A = Mask(torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]], dtype=torch.float64))


def decode(z: Tensor) -> Tensor:
    return (z @ W.to(z).T).reshape(-1, 2, 3)


def encode(x: Tensor) -> Tensor:
    return x.reshape(len(x), 6) @ torch.linalg.pinv(W).to(x).T


LINEAR = LinearOperator.from_functions(
    lambda z: (z @ W.to(z).T).reshape(*z.shape[:-1], 2, 3),
    lambda x: x.reshape(*x.shape[:-2], 6) @ W.to(x),
    domain_shape=(3,),
    range_shape=(2, 3),
)


def question(decoder, items: int = 2, **options) -> Problem:
    prior = LatentPrior(GaussianPrior(MEAN, std=STD), decoder, **options)
    x = decode(torch.randn(items, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64))
    return Problem(A, A(x), GaussianNoise(0.3), prior)


def test_the_problem_of_the_latents() -> None:
    problem = question(LINEAR)
    latents = problem.lifted
    assert latents.shape == (3,)
    assert isinstance(latents.operator, LinearOperator)
    z = torch.randn(4, 3, dtype=torch.float64)
    torch.testing.assert_close(latents.operator(z), A(decode(z)))
    torch.testing.assert_close(problem.unlift(z), decode(z))
    torch.testing.assert_close(question(LINEAR, encoder=encode).lift(decode(z)), z)
    assert not isinstance(question(decode).lifted.operator, LinearOperator)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_samples_are_images_of_the_samples_of_latents(scale: float) -> None:
    sampler = MMPS(steps=20, cg_rtol=1e-10)
    drawn = sample(sampler, question(LINEAR, scale=scale), 3)
    assert drawn.samples.shape == (3, 2, 2, 3)
    narrow = GaussianPrior(MEAN, std=STD)
    plain = Problem((1 / scale) * (A @ LINEAR), question(LINEAR).data, GaussianNoise(0.3), narrow)
    latents = sample(sampler, plain, 3).samples
    torch.testing.assert_close(drawn.samples, decode(latents.reshape(-1, 3) / scale).reshape(3, 2, 2, 3))
    # as a function of unknown kind, by its derivatives
    torch.testing.assert_close(sample(sampler, question(decode, scale=scale), 3).samples, drawn.samples)
    assert drawn.calls["denoise"] == 20
    assert drawn.calls["vjp"] > 20


def test_the_posterior_is_that_of_the_latents() -> None:
    drawn = sample(MMPS(steps=200, cg_rtol=1e-8), question(LINEAR, 1), 1000)
    exact = GaussianPrior(MEAN, std=STD).posterior(A @ LINEAR, question(LINEAR, 1).data[0], 0.3)
    mean = decode(exact.mean[None])[0]
    C = W @ exact.covariance.dense() @ W.T
    spread = C.diagonal().sqrt().reshape(2, 3)
    assert float(((drawn.mean[0] - mean).abs() / spread).max()) < 0.15  # 4.7 standard errors
    r = (drawn.samples[:, 0] - drawn.mean[0]).reshape(-1, 6)
    assert float((r.T @ r / 1000 - C).norm() / C.norm()) < 0.15
    outside = r - r @ W @ torch.linalg.pinv(W)
    assert float(outside.norm() / r.norm()) < 1e-9  # nothing but what the decoder can make


def test_scale_shift_and_ranges() -> None:
    scale, shift = torch.tensor([2.0, 4.0, 0.5]), 0.25
    ranges = {"value_range": (0.0, 1.0), "network_range": (-1.0, 1.0)}
    prior = LatentPrior(GaussianPrior(MEAN, std=STD), decode, encode, scale=scale, shift=shift, **ranges)
    z = torch.randn(2, 4, 3, dtype=torch.float64)
    x = prior.decode(z)
    torch.testing.assert_close(x, (decode((z / scale + shift).reshape(-1, 3)).reshape(2, 4, 2, 3) + 1) / 2)
    torch.testing.assert_close(prior.encode(x, (2, 3)), z)


class Convolutions(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(1, channels, 2, stride=2)

    def forward(self, z: Tensor) -> Tensor:
        assert z.ndim == 4
        return self.up(z).tanh()


def test_networks_with_channels_and_complex_images() -> None:
    torch.manual_seed(0)
    z = torch.randn(5, 2, 2)
    latents = GaussianPrior(0.0, std=1.0, shape=(2, 2))
    grey = LatentPrior(latents, Convolutions(1), latent_channels=1)
    assert grey.decode(z).shape == (5, 4, 4)
    colour = LatentPrior(latents, Convolutions(3), latent_channels=1)
    assert colour.decode(z).shape == (5, 3, 4, 4)
    phases = Diagonal(torch.exp(1j * torch.arange(16.0)).reshape(4, 4))
    for network in (Convolutions(1).double(), Convolutions(2).double()):
        operator, inner = LatentPrior(latents, network, latent_channels=1).pose(phases, complex_images=True)
        x = inner.decoder(z)
        assert x.is_complex()
        assert (float(x.imag.abs().max()) > 0.01) == (network.up.out_channels == 2)
        check_operator(operator)
    wrong = Problem(Diagonal(torch.ones(5, 5)), torch.zeros(5, 5), GaussianNoise(1.0), grey)
    with pytest.raises(
        ValueError, match=r"gives real images of shape \(4, 4\); the operator takes real ones of shape \(5, 5\)"
    ):
        DPS(steps=2).solve(wrong)


def test_gradients_of_the_weights_stay_out_of_results() -> None:
    torch.manual_seed(0)
    prior = LatentPrior(GaussianPrior(0.0, std=1.0, shape=(2, 2)), Convolutions(1), latent_channels=1)
    problem = Problem(Diagonal(torch.ones(4, 4)), torch.zeros(3, 4, 4), GaussianNoise(0.5), prior)
    result = DPS(steps=5, zeta=0.3).solve(problem)
    assert result.image.shape == (3, 4, 4)
    assert not result.image.requires_grad
    alone = DPS(steps=5, zeta=0.3, streams=(1,)).solve(Problem(problem.operator, problem.data[1], problem.noise, prior))
    torch.testing.assert_close(alone.image, result.image[1], rtol=1e-4, atol=1e-5)


def test_starting_from_an_image_needs_an_encoder() -> None:
    x = decode(torch.zeros(2, 3, dtype=torch.float64))
    with pytest.raises(CapabilityError, match="LatentPrior has no encoder"):
        MMPS(steps=5).solve(question(decode), x)
    result = MMPS(steps=5).solve(question(decode, encoder=encode), x, truth=x)
    assert torch.isfinite(result.history["mse"]).all()


def test_misuse_gets_one_sentence() -> None:
    prior = GaussianPrior(MEAN, std=STD)
    with pytest.raises(TypeError, match="expects a diffusion prior of the latents, got int"):
        LatentPrior(3, decode)
    with pytest.raises(ValueError, match="states the shape of the latents"):
        LatentPrior(GaussianPrior(0.0), decode)
    with pytest.raises(ValueError, match=r"the decoder takes \(3,\), the prior is for latents of shape \(4,\)"):
        LatentPrior(GaussianPrior(0.0, shape=(4,)), LINEAR)
    with pytest.raises(ValueError, match="positive scale, got 0"):
        LatentPrior(prior, decode, scale=0)
    with pytest.raises(ValueError, match=r"shift of shape \(2,\) for latents of shape \(3,\)"):
        LatentPrior(prior, decode, shift=torch.zeros(2))
    with pytest.raises(ValueError, match=r"the encoder returned \(2, 2\) for images \(2, 1, 2, 3\)"):
        LatentPrior(prior, decode, lambda x: x[:, 0, 0, :2]).encode(torch.zeros(2, 2, 3), (2, 3))
