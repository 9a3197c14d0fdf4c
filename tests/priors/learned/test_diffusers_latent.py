"""Latent pipelines of diffusers: what their autoencoders say of scale and shift, and samples through them."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from recon.operators import GaussianNoise, Mask
from recon.priors import DiffusersDiffusion, DiffusersLatent, diffusion_from_diffusers
from recon.solvers import DPS, MMPS, Problem, sample

diffusers = pytest.importorskip("diffusers")
SMALL = {"block_out_channels": (8, 8), "norm_num_groups": 4}


def network(channels: int) -> nn.Module:
    torch.manual_seed(0)
    blocks = {"down_block_types": ("DownBlock2D",) * 2, "up_block_types": ("UpBlock2D",) * 2, "layers_per_block": 1}
    made = diffusers.UNet2DModel(sample_size=4, in_channels=channels, out_channels=channels, **blocks, **SMALL)
    return made.eval().requires_grad_(False)


def autoencoder(**options) -> nn.Module:
    torch.manual_seed(1)
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    made = diffusers.AutoencoderKL(in_channels=3, out_channels=3, latent_channels=4, **blocks, **SMALL, **options)
    return made.eval().requires_grad_(False)


def pipeline(vae: nn.Module) -> SimpleNamespace:
    return SimpleNamespace(unet=network(4), scheduler=diffusers.DDIMScheduler(prediction_type="v_prediction"), vae=vae)


@pytest.mark.parametrize(
    ("options", "scale", "shift"),
    [
        ({}, torch.tensor(0.18215), torch.tensor(0.0)),
        ({"scaling_factor": 1.5, "shift_factor": 0.3}, torch.tensor(1.5), torch.tensor(0.3)),
        (
            {"scaling_factor": 2.0, "latents_mean": [0.0, 0.1, 0.2, 0.3], "latents_std": [1.0, 2.0, 4.0, 0.5]},
            (2 / torch.tensor([1.0, 2.0, 4.0, 0.5]))[:, None, None],
            torch.tensor([0.0, 0.1, 0.2, 0.3])[:, None, None],
        ),
    ],
)
def test_scale_and_shift_are_the_autoencoders(options: dict, scale: torch.Tensor, shift: torch.Tensor) -> None:
    vae = autoencoder(**options)
    prior = diffusion_from_diffusers(pipeline(vae))
    assert isinstance(prior, DiffusersLatent)
    z = torch.randn(2, 4, 4, 4)
    x = prior.decode(z)
    torch.testing.assert_close(x, (vae.decode(z / scale + shift).sample + 1) / 2)
    e = vae.encode(2 * x - 1).latent_dist.mode()
    torch.testing.assert_close(prior.encode(x, (3, 8, 8)), scale * (e - shift))
    assert prior.prior.scale == 1
    assert prior.prior.shift == 0


def test_quantised_autoencoders() -> None:
    torch.manual_seed(0)
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2}
    vae = diffusers.VQModel(latent_channels=4, num_vq_embeddings=8, scaling_factor=0.7, **blocks, **SMALL).eval()
    prior = DiffusersLatent(SimpleNamespace(unet=network(4), scheduler=diffusers.DDPMScheduler(), vqvae=vae))
    x = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(prior.encode(x, (3, 8, 8)), 0.7 * vae.encode(2 * x - 1).latents)


@pytest.mark.parametrize("sampler", [DPS(steps=3, zeta=0.1), MMPS(steps=2, cg_max_iter=1)])
def test_samples_are_images(sampler) -> None:
    prior = DiffusersLatent(pipeline(autoencoder()))
    mask = Mask(torch.ones(3, 8, 8))
    drawn = sample(sampler, Problem(mask, torch.rand(1, 3, 8, 8), GaussianNoise(0.1), prior), 2)
    assert drawn.samples.shape == (2, 1, 3, 8, 8)
    assert torch.isfinite(drawn.samples).all()


def test_a_folder_and_what_has_no_autoencoder(tmp_path: Path) -> None:
    vae, scheduler = autoencoder(), diffusers.DDIMScheduler()
    plain = diffusers.DDIMPipeline(network(3), scheduler)
    plain.save_pretrained(tmp_path)
    prior = diffusion_from_diffusers(tmp_path, value_range=(0.0, 255.0))
    assert type(prior) is DiffusersDiffusion
    assert prior.scale == pytest.approx(2 / 255)
    with pytest.raises(
        TypeError, match="expects a pipeline with an autoencoder, got DDIMPipeline; use DiffusersDiffusion"
    ):
        DiffusersLatent(str(tmp_path))
    assert isinstance(diffusion_from_diffusers(pipeline(vae), precision="bfloat16"), DiffusersLatent)
    assert isinstance(diffusion_from_diffusers(network(3), scheduler=scheduler), DiffusersDiffusion)
