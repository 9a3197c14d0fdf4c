"""Networks as denoisers."""

import pickle

import pytest
import torch
from torch import nn

from recon.operators import deepinv_denoiser
from recon.priors import DenoiserPrior


class Blind(nn.Module):
    """A network that takes images only."""

    def __init__(self, channels=1):
        super().__init__()
        self.layer = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return x - 0.1 * self.layer(x)


class Levelled(nn.Module):
    """A network that takes images and one σ per image, and insists on deepinv's layout."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(0.5))

    def forward(self, x, sigma):
        assert x.ndim == 4
        assert sigma.shape == x.shape[:1]
        assert sigma.dtype == x.dtype == self.gain.dtype
        return x / (1 + self.gain * sigma.reshape(-1, 1, 1, 1) ** 2)


def test_grey_images_get_a_channel():
    network = Blind().requires_grad_(False)
    D = deepinv_denoiser(network)
    x = torch.randn(2, 3, 8, 9)
    assert torch.allclose(D(x, 0.1), network(x.reshape(6, 1, 8, 9)).reshape(x.shape))
    assert torch.allclose(D(x[0, 0], 0.1), network(x[0, 0][None, None])[0, 0])
    assert D(x[:0], 0.1).shape == (0, 3, 8, 9)


def test_colour_images_keep_theirs():
    network = Blind(3).requires_grad_(False)
    D = deepinv_denoiser(network, channels=3)
    x = torch.randn(2, 3, 8, 9)
    assert torch.allclose(D(x, 0.1), network(x))
    with pytest.raises(ValueError, match=r"the denoiser expects images of shape \(..., 3, n, n\), got \(2, 8, 9\)"):
        D(torch.zeros(2, 8, 9), 0.1)


@pytest.mark.parametrize("sigma", [0.3, torch.tensor(0.3), torch.tensor([0.3, 0.3]), torch.full((2, 1, 1), 0.3)])
def test_forms_of_sigma(sigma):
    D = deepinv_denoiser(Levelled().requires_grad_(False))
    x = torch.randn(2, 4, 5, dtype=torch.float64)
    assert torch.allclose(D(x, sigma), x / (1 + 0.5 * 0.09), atol=1e-6)
    assert D(x, sigma).dtype == torch.float64


def test_sigma_per_item():
    D = deepinv_denoiser(Levelled().requires_grad_(False))
    x, sigma = torch.randn(2, 3, 4, 5), torch.rand(2, 3)
    assert torch.allclose(D(x, sigma), x / (1 + 0.5 * sigma[..., None, None] ** 2))


def test_gradients_reach_images_and_weights():
    network = Levelled()
    x = torch.randn(2, 4, 5, requires_grad=True)
    deepinv_denoiser(network)(x, 1.0).sum().backward()
    assert torch.allclose(x.grad, torch.full_like(x, 1 / 1.5))
    assert network.gain.grad is not None


def test_errors():
    with pytest.raises(TypeError, match="deepinv_denoiser expects a network or another callable, got str"):
        deepinv_denoiser("drunet")
    with pytest.raises(ValueError, match=r"in evaluation mode; call model.eval"):
        deepinv_denoiser(nn.Sequential(nn.Conv2d(1, 1, 3), nn.BatchNorm2d(1)))
    with pytest.raises(TypeError, match="expects real images"):
        deepinv_denoiser(Blind())(torch.zeros(4, 5, dtype=torch.complex64), 0.1)
    with pytest.raises(ValueError, match="returned shape"):
        deepinv_denoiser(nn.Conv2d(1, 2, 1))(torch.zeros(4, 5), 0.1)


def test_as_a_prior():
    prior = DenoiserPrior(deepinv_denoiser(Levelled().requires_grad_(False)), 0.2)
    x = torch.randn(2, 3, 4, 5)
    assert torch.allclose(prior.denoise(x), x / (1 + 0.5 * 0.04))
    assert torch.equal(pickle.loads(pickle.dumps(prior)).denoise(x), prior.denoise(x))


def test_a_prior_loads_weights_into_a_network_taken_in(tmp_path):
    before, after = Levelled().requires_grad_(False), Levelled().requires_grad_(False)
    after.gain.fill_(2.0)
    torch.save(after.state_dict(), tmp_path / "weights.pth")
    prior = DenoiserPrior(deepinv_denoiser(before), 0.2, weights=tmp_path / "weights.pth")
    x = torch.randn(3, 4, 5)
    assert torch.allclose(prior.denoise(x), x / (1 + 2 * 0.04))
    assert before.gain == 0.5
    with pytest.raises(TypeError, match=r"can load weights into an nn\.Module only, got DeepinvDenoiser"):
        DenoiserPrior(deepinv_denoiser(lambda x: x), weights=tmp_path / "weights.pth")


def test_networks_of_deepinv():
    models = pytest.importorskip("deepinv.models")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        dncnn = models.DnCNN(in_channels=1, out_channels=1, depth=4, nf=4, pretrained=None).eval().requires_grad_(False)
        drunet = models.DRUNet(in_channels=3, out_channels=3, nc=[4, 4, 4, 4], nb=1, pretrained=None)
        drunet = drunet.eval().requires_grad_(False)
    x = torch.rand(2, 3, 16, 16)
    assert torch.allclose(deepinv_denoiser(dncnn)(x, 0.1), dncnn(x.reshape(6, 1, 16, 16)).reshape(x.shape), atol=1e-6)
    D, sigma = deepinv_denoiser(drunet, channels=3), torch.tensor([0.05, 0.2])
    for i in range(2):
        assert torch.allclose(D(x, sigma)[i], drunet(x[i : i + 1], float(sigma[i]))[0], atol=1e-5)
