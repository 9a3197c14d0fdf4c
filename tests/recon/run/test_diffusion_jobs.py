"""Diffusion priors of every convention as a job names them."""

from __future__ import annotations

import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from recon.cli import main
from recon.operators import GaussianNoise, Identity
from recon.priors import VEDiffusion
from recon.solvers import DPS, Problem, sample

NETWORKS = '''
import torch
from torch import nn


class Shrink(nn.Module):
    """Half of what comes in, with a weight that says so."""

    def __init__(self, factor: float = 0.5):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, x, level):
        return self.factor * x


class Repeat(nn.Module):
    def forward(self, z):
        return z.repeat_interleave(2, -1).repeat_interleave(2, -2)


class Pool(nn.Module):
    def forward(self, x):
        return nn.functional.avg_pool2d(x, 2)[:, 0]
'''

NET = "network: {name: nets.py:Shrink}, shape: [4, 4]"
PRIORS = [
    f"{{name: vp_diffusion, {NET}, prediction: v, beta_schedule: cosine}}",
    f"{{name: edm, {NET}, sigma_data: 0.3, precision: bfloat16}}",
    f"{{name: ve_diffusion, {NET}, prediction: epsilon, condition: index, weights: shrink.pt}}",
    f"{{name: flow_matching, {NET}, image_at: 1, time_scale: 1000}}",
    "{name: deepinv_diffusion, model: {name: nets.py:Shrink}, shape: [4, 4], sigma_range: [0.01, 10]}",
    "{name: latent_prior, decoder: {name: nets.py:Repeat}, encoder: {name: nets.py:Pool}, scale: 2, "
    "prior: {name: edm, network: {name: nets.py:Shrink}, shape: [2, 2], preconditioned: true}}",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("nets.py").write_text(NETWORKS)
    np.save("image.npy", np.linspace(0, 1, 16).reshape(4, 4))
    torch.save({"factor": torch.tensor(0.25)}, "shrink.pt")
    return tmp_path


def run(prior: str) -> torch.Tensor:
    """The image that a job ends with."""
    Path("job.yaml").write_text(
        "recon: 1\ninput: {name: numpy, path: image.npy}\noperator: identity\nnoise: {name: gaussian, sigma: 0.3}\n"
        f"prior: {prior}\nsolver: {{name: dps, steps: 20, zeta: 0.2}}\noutput: {{path: out, formats: [hdf5]}}\n"
    )
    assert main(["reconstruct", "job.yaml", "--out", "out", "--quiet"]) == 0, prior
    (path,) = Path("out").rglob("*.h5")
    with h5py.File(path) as file:
        return torch.from_numpy(file["image"][()])


@pytest.mark.parametrize("prior", PRIORS)
def test_conventions_in_jobs(folder: Path, prior: str) -> None:
    image = run(prior)
    assert image.shape == (4, 4)
    assert bool(torch.isfinite(image).all())


def test_parameters_reach_the_prior(folder: Path) -> None:
    image = run(PRIORS[2])
    prior = VEDiffusion(lambda x, c: 0.25 * x, (4, 4), prediction="epsilon", condition="index")
    data = torch.from_numpy(np.load("image.npy")).float()
    stream = zlib.crc32(b"image/0")  # of the item's name and colour
    problem = Problem(Identity((4, 4)), data, GaussianNoise(0.3), prior)
    torch.testing.assert_close(image, sample(DPS(steps=20, zeta=0.2), problem, items=[stream]).samples[0])


def test_pipelines_of_diffusers_in_jobs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    blocks = {"down_block_types": ("DownBlock2D",), "up_block_types": ("UpBlock2D",), "layers_per_block": 1}
    sizes = {"sample_size": 4, "in_channels": 1, "out_channels": 1, "block_out_channels": (8,), "norm_num_groups": 4}
    diffusers.DDIMPipeline(diffusers.UNet2DModel(**blocks, **sizes), diffusers.DDIMScheduler()).save_pretrained("ddim")
    image = run("{name: diffusers, folder: ddim}")
    assert image.shape == (4, 4)
    capsys.readouterr()
    text = Path("job.yaml").read_text().replace("folder: ddim", "folder: nowhere")
    Path("job.yaml").write_text(text)
    assert main(["reconstruct", "job.yaml", "--out", "out2", "--quiet"]) == 2
    assert "nowhere" in capsys.readouterr().err


def test_unknown_conventions_are_found_before_anything_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("job.yaml").write_text(
        "recon: 1\ninput: {name: numpy, path: image.npy}\noperator: identity\nsolver: dps\n"
        f"prior: {{name: vp_diffusion, {NET}, prediction: eps}}\n"
    )
    assert main(["reconstruct", "job.yaml", "--out", "out", "--quiet"]) == 2
    said = capsys.readouterr().err
    assert "'epsilon', 'v', 'x0' or 'score' for 'prediction', got 'eps'" in said
