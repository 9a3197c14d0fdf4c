"""Networks of diffusers: our steps with their D are their schedulers' own steps."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from recon.operators import CapabilityError
from recon.priors import DiffusersDiffusion, GaussianPrior
from recon.solvers.sampling.integrators.ancestral import Ancestral
from recon.solvers.sampling.integrators.ddim import DDIM
from recon.solvers.sampling.integrators.integrator import Integrator, Level
from recon.solvers.sampling.schedule import noise_levels

diffusers = pytest.importorskip("diffusers")


@pytest.fixture(scope="module")
def unet() -> nn.Module:
    torch.manual_seed(0)
    network = diffusers.UNet2DModel(
        sample_size=8,
        in_channels=1,
        out_channels=1,
        layers_per_block=1,
        block_out_channels=(8, 8),
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
    )
    return network.eval().requires_grad_(False).double()


def step(prior: DiffusersDiffusion, rule: Integrator, u: Tensor, sigma: float, lower: float, z: Tensor) -> Tensor:
    def level(value: float) -> Tensor:
        return torch.full((len(u),), value, dtype=torch.float64)

    here = Level(level(sigma), level(lower), level(torch.inf))
    return rule.step(lambda v, at: prior(v, at.sigma), u, here, lambda draw, like=None: z, ()).u


def close(found: Tensor, wanted: Tensor, rtol: float = 1e-6) -> bool:
    """Schedulers keep their constants in single precision, and with them 1 − ᾱ to four digits where it is small."""
    return float((found - wanted).norm() / wanted.norm()) < rtol


@pytest.mark.parametrize("spacing", ["linspace", "leading", "trailing"])
@pytest.mark.parametrize("prediction", ["epsilon", "sample", "v_prediction"])
@pytest.mark.parametrize("name", ["DDPMScheduler", "DDIMScheduler", "zero terminal SNR"])
def test_variance_preserving_steps(unet, name: str, prediction: str, spacing: str) -> None:
    settings = {"prediction_type": prediction, "timestep_spacing": spacing, "clip_sample": False}
    if name == "zero terminal SNR":
        if prediction == "epsilon":
            pytest.skip("ε says nothing about x₀ where there is nothing but noise")
        scheduler = diffusers.DDIMScheduler(beta_schedule="squaredcos_cap_v2", rescale_betas_zero_snr=True, **settings)
    else:
        scheduler = getattr(diffusers, name)(**settings)
    scheduler.set_timesteps(10)
    prior = DiffusersDiffusion(unet, scheduler=scheduler, value_range=(-1, 1))
    sigmas = noise_levels(prior, None, 10)
    times = [int(t) for t in scheduler.timesteps]
    alphas = scheduler.alphas_cumprod.double()
    wanted = ((1 - alphas) / alphas).sqrt()[times]
    finite = torch.isfinite(wanted)
    torch.testing.assert_close(sigmas[:-1][finite], wanted[finite], rtol=1e-3, atol=0)

    for i in (1, 5, 9):
        generator = torch.Generator().manual_seed(i)
        x = torch.randn(2, 1, 8, 8, dtype=torch.float64, generator=generator)
        z = torch.randn(2, 1, 8, 8, dtype=torch.float64, generator=generator.manual_seed(7))
        extra = {} if name == "DDPMScheduler" else {"eta": 0.3}
        theirs = scheduler.step(
            unet(x, times[i]).sample, times[i], x, generator=generator.manual_seed(7), **extra
        ).prev_sample
        rule = Ancestral() if name == "DDPMScheduler" else DDIM(0.3)
        # DDIM's scheduler goes 100 steps on whatever the spacing, ours to the next of the levels
        lower = float(sigmas[i + 1]) if name == "DDPMScheduler" else 0.0
        if name != "DDPMScheduler" and times[i] >= 100:
            lower = float(prior.levels[times[i] - 100])
        sigma = float(sigmas[i])
        ours = step(prior, rule, x[:, 0] * (1 + sigma**2) ** 0.5, sigma, lower, z[:, 0]) / (1 + lower**2) ** 0.5
        assert close(ours, theirs[:, 0])


@pytest.mark.parametrize("karras", [False, True])
@pytest.mark.parametrize("name", ["EulerDiscreteScheduler", "EDMEulerScheduler", "EDMEulerScheduler v", "FlowMatch"])
def test_euler_steps_of_all_conventions(unet, name: str, karras: bool) -> None:
    if name == "EulerDiscreteScheduler":
        spacing = {"timestep_spacing": "trailing", "prediction_type": "v_prediction"}  # whole times
        scheduler = diffusers.EulerDiscreteScheduler(use_karras_sigmas=karras, **spacing)
    elif name == "FlowMatch":
        scheduler = diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0 if karras else 1.0)
    else:
        prediction = "v_prediction" if name.endswith("v") else "epsilon"
        scheduler = diffusers.EDMEulerScheduler(
            sigma_schedule="karras" if karras else "exponential", prediction_type=prediction, sigma_data=0.7
        )
    prior = DiffusersDiffusion(unet, scheduler=scheduler, value_range=(-1, 1))
    sigmas = noise_levels(prior, None, 8)
    scheduler.set_timesteps(8)
    flow = name == "FlowMatch"
    torch.manual_seed(0)
    x = torch.randn(2, 1, 8, 8, dtype=torch.float64) * (1.0 if flow else scheduler.init_noise_sigma)
    for i, t in enumerate(scheduler.timesteps):
        given = x if flow else scheduler.scale_model_input(x, t)
        after = scheduler.step(unet(given, t).sample, t, x).prev_sample.double()
        if not (flow and i == 0):  # their first state is nothing but noise
            widths = [float(1 + s) if flow else 1.0 for s in sigmas[i : i + 2]]
            u = x[:, 0] * widths[0]
            ours = step(prior, DDIM(), u, float(sigmas[i]), float(sigmas[i + 1]), torch.zeros_like(u)) / widths[1]
            assert close(ours, after[:, 0], 1e-6 if prior.convention.kind != "vp" else 1e-4)
        x = after


def test_score_networks_are_those_of_images_from_zero_to_one(unet) -> None:
    scheduler = diffusers.ScoreSdeVeScheduler(num_train_timesteps=100)
    prior = DiffusersDiffusion(unet, scheduler=scheduler)
    u, s = torch.rand(2, 8, 8, dtype=torch.float64), torch.tensor([0.5, 40.0], dtype=torch.float64)
    wanted = u + s[:, None, None] ** 2 * unet(u[:, None], s).sample[:, 0]
    torch.testing.assert_close(prior(u, s), wanted)
    assert prior.sigma_range == pytest.approx((0.01, 1348.0))
    torch.testing.assert_close(prior.levels.float(), scheduler.discrete_sigmas, rtol=1e-5, atol=0)


class Exact(nn.Module):
    """ε, v or x₀ of N(0.2, 0.5² I) in the words of diffusers, with a condition that shifts nothing."""

    def __init__(self, scheduler: object, kind: str) -> None:
        super().__init__()
        self.register_buffer("alphas", scheduler.alphas_cumprod.double())
        self.kind, self.config = kind, SimpleNamespace(in_channels=2, sample_size=4)

    def forward(self, x, t, class_labels, factor, return_dict=True):
        assert class_labels.shape == (len(x), 3)
        a = self.alphas[t.round().long()][:, None, None, None]
        mean = 0.2 + a.sqrt() * 0.25 / (a * 0.25 + 1 - a) * (x - a.sqrt() * 0.2)
        noise = (x - a.sqrt() * mean) / (1 - a).sqrt()
        kinds = {"epsilon": noise, "sample": mean, "v_prediction": a.sqrt() * noise - (1 - a).sqrt() * mean}
        return (factor * kinds[self.kind],)


@pytest.mark.parametrize("kind", ["epsilon", "sample", "v_prediction"])
def test_pipelines_with_conditions(kind: str) -> None:
    scheduler = diffusers.DDIMScheduler(prediction_type=kind, beta_schedule="scaled_linear")
    pipeline = SimpleNamespace(unet=Exact(scheduler, kind), scheduler=scheduler)
    prior = DiffusersDiffusion(pipeline, conditions={"class_labels": torch.ones(1, 3), "factor": 1.0})
    assert prior.shape == (2, 4, 4)
    wanted = GaussianPrior(0.6, std=0.25)  # in [0, 1]
    u, s = torch.rand(3, 2, 4, 4, dtype=torch.float64), prior.levels[[3, 500, 999]]
    torch.testing.assert_close(prior(u, s), wanted(u, s), rtol=1e-3, atol=1e-4)
    again = pickle.loads(pickle.dumps(prior))
    assert torch.equal(again(u, s), prior(u, s))


def test_a_pipeline_from_a_folder(unet, tmp_path: Path) -> None:
    pipeline = diffusers.DDIMPipeline(unet.float(), diffusers.DDIMScheduler(num_train_timesteps=50))
    pipeline.save_pretrained(tmp_path)
    prior = DiffusersDiffusion(str(tmp_path))
    u = torch.rand(2, 8, 8)
    torch.testing.assert_close(prior(u, 0.2), DiffusersDiffusion(pipeline)(u, 0.2))
    assert len(prior.levels) == 50
    unet.double()


def test_what_is_not_known_gets_one_sentence(unet) -> None:
    with pytest.raises(CapabilityError, match=r"LCMScheduler is for consistency models"):
        DiffusersDiffusion(unet, scheduler=diffusers.LCMScheduler())
    with pytest.raises(CapabilityError, match=r"neither alphas_cumprod nor a convention known here"):
        DiffusersDiffusion(unet, scheduler=diffusers.VQDiffusionScheduler(num_vec_classes=4))
    with pytest.raises(ValueError, match=r"expects the scheduler of a network; give scheduler="):
        DiffusersDiffusion(unet)
    with pytest.raises(TypeError, match=r"expects a pipeline or a network of diffusers, got SimpleNamespace"):
        DiffusersDiffusion(SimpleNamespace(scheduler=1))
    scheduler = diffusers.DDIMScheduler()
    scheduler.register_to_config(prediction_type="x_prev")
    with pytest.raises(CapabilityError, match=r"prediction_type 'x_prev'; expected one of 'epsilon', 'v_prediction'"):
        DiffusersDiffusion(unet, scheduler=scheduler)
