"""Models of deepinv: their D where it is exact, the network inside where theirs is rounded."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from recon.operators import CapabilityError
from recon.priors import DeepinvDiffusion, GaussianPrior
from recon.priors.learned.alphas import alphas_of

SIZES = {
    "img_resolution": 8,
    "in_channels": 1,
    "out_channels": 1,
    "model_channels": 32,
    "channel_mult": [1],
    "num_blocks": 1,
    "attn_resolutions": [],
    "pretrained": None,
}


def perturbed(network: nn.Module) -> nn.Module:
    """With last layers that are not zero."""
    generator = torch.Generator().manual_seed(0)
    for p in network.parameters():
        p.data += 0.05 * torch.randn(p.shape, generator=generator)
    return network.eval().requires_grad_(False)


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("name", ["NCSNpp", "ADMUNet"])
def test_networks_with_preconditioning(name: str, both: bool) -> None:
    models = pytest.importorskip("deepinv.models")
    model = perturbed(getattr(models, name)(_was_trained_on_minus_one_one=both, pixel_std=0.6, **SIZES))
    prior = DeepinvDiffusion(model, (8, 8))
    assert prior.sigma_range == pytest.approx((0.001, 40.0) if both else (0.002, 80.0))
    sigma = torch.tensor([0.01, 0.5, 30.0])
    u = torch.rand(3, 8, 8) + sigma[:, None, None] * torch.randn(3, 8, 8)
    torch.testing.assert_close(prior(u, sigma), model(u[:, None], sigma)[:, 0], rtol=1e-4, atol=1e-4)
    wide = DeepinvDiffusion(model, (8, 8), value_range=(-2.0, 6.0))
    torch.testing.assert_close(wide(8 * u - 2, 8 * sigma), 8 * prior(u, sigma) - 2, rtol=1e-3, atol=1e-3)
    half = DeepinvDiffusion(model, (8, 8), precision="bfloat16")
    assert float((half(u, sigma) - prior(u, sigma)).norm() / prior(u, sigma).norm()) < 0.02


def test_preconditioning_around_another_network() -> None:
    models = pytest.importorskip("deepinv.models.precond")

    class Inside(nn.Module):
        def forward(self, x: Tensor, c: Tensor, class_labels: Tensor | None = None) -> Tensor:
            return x * c[:, None, None, None].cos()

    model = models.EDMPrecond(Inside(), pixel_std=0.4)
    prior = DeepinvDiffusion(model, (2, 4, 4), channels=2)
    u, sigma = torch.randn(3, 2, 4, 4), torch.tensor([0.1, 1.0, 20.0])
    torch.testing.assert_close(prior(u, sigma), model(u, sigma))


@pytest.mark.slow
def test_the_network_of_guided_diffusion() -> None:
    models = pytest.importorskip("deepinv.models")
    model = models.DiffUNet(large_model=False, pretrained=None).eval().requires_grad_(False)
    model.out[-1].bias.data.fill_(0.1)  # its last convolution starts at zero: ε = 0.1 everywhere
    prior = DeepinvDiffusion(model, (3, 32, 32), channels=3)
    x = torch.rand(1, 3, 32, 32)
    for i in (5, 300, 700):
        s = prior.levels[i].float()
        u = 0.5 + 0.2 * x
        inside = prior(u, s)
        assert float(inside.min()) > -10
        torch.testing.assert_close(inside, u - 0.1 * s, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(model(u, s), inside.clamp(0, 1), rtol=1e-3, atol=1e-3)


class GuidedDiffusion(nn.Module):
    """The parts of deepinv's DiffUNet that are read, with the exact ε of N(0.2, 0.5² I) on [−1, 1]."""

    def __init__(self, alphas: Tensor) -> None:
        super().__init__()
        self.register_buffer("sqrt_alphas_cumprod", alphas.sqrt().float())
        self.logs = ((1 - alphas) / alphas).sqrt().log()

    def forward_diffusion(self, x: Tensor, t: Tensor) -> Tensor:
        raise AssertionError("images are padded before this is called")

    def forward(self, x: Tensor, t: Tensor, type_t: str = "noise_level") -> Tensor:
        assert type_t == "timestep"
        left = t.floor().long().clamp(0, len(self.logs) - 2)
        s = torch.lerp(self.logs[left], self.logs[left + 1], t.double() - left).exp()[:, None, None, None].to(x)
        n = x * (1 + s**2).sqrt()
        return torch.cat([s * (n - 0.2) / (0.25 + s**2), 100 + x], 1)  # with a learned variance


@pytest.mark.parametrize("betas", [(1e-4, 0.02), (1e-3, 0.01)])
def test_levels_between_those_of_training(betas) -> None:
    alphas = alphas_of("linear", betas, 1000)
    prior = DeepinvDiffusion(GuidedDiffusion(alphas), (2, 4, 4), channels=2)
    wanted = GaussianPrior(0.6, std=0.25)
    u = torch.rand(3, 2, 4, 4, dtype=torch.float64)
    sigma = torch.tensor([0.0371, 0.5, 7.77], dtype=torch.float64)
    exact = betas[0] == 1e-4  # other processes are known in single precision only
    torch.testing.assert_close(prior(u, sigma), wanted(u, sigma), rtol=0, atol=1e-6 if exact else 1e-4)


def test_other_denoisers_say_at_which_levels_they_are_of_use() -> None:
    models = pytest.importorskip("deepinv.models")
    model = models.DRUNet(1, 1, nc=[4, 4, 4, 4], nb=1, pretrained=None).eval().requires_grad_(False)
    with pytest.raises(ValueError, match=r"cannot tell the noise levels of DRUNet; give sigma_range="):
        DeepinvDiffusion(model, (8, 8))
    prior = DeepinvDiffusion(model, (8, 8), sigma_range=(0.01, 1.0), value_range=(0.0, 255.0))
    assert prior.sigma_range == pytest.approx((2.55, 255.0))
    u, sigma = 255 * torch.rand(2, 8, 8), torch.tensor([5.0, 100.0])
    torch.testing.assert_close(prior(u, sigma), 255 * model(u[:, None] / 255, sigma / 255)[:, 0])
    assert prior.linearise(u, sigma).pullback(torch.ones_like(u)).shape == u.shape
    median = DeepinvDiffusion(lambda x, s: x.detach().round(), (8, 8), sigma_range=(0.01, 1.0))
    with pytest.raises(CapabilityError, match="DeepinvDiffusion is not differentiable"):
        median.linearise(u / 255, 0.5)


def test_what_is_not_known_gets_one_sentence() -> None:
    baseline = SimpleNamespace(pixel_std=0.5, precondition_type="baseline_ve")
    with pytest.raises(ValueError, match=r"precondition_type .edm., got .baseline_ve.; wrap"):
        DeepinvDiffusion(baseline, (8, 8))
    labels = GuidedDiffusion(alphas_of("linear", (1e-4, 0.02), 1000))
    labels.num_classes = 10
    with pytest.raises(ValueError, match="unconditional DiffUNet"):
        DeepinvDiffusion(labels, (8, 8))
