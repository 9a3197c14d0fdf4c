"""The diffusion priors that are shipped: trained by the script here, and worth their names."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from recon.files import Images
from recon.metrics import psnr
from recon.operators import GaussianNoise, Identity
from recon.priors import GaussianPrior, PretrainedDiffusion, TotalVariation
from recon.priors.learned.weights import read_safetensors
from recon.solvers import ADMM, Gap, MaxIter, Problem

DATA = Path(__file__).resolve().parents[2] / "data"
MODELS = ("phantom_slices", "small_images")
Pairs = dict[str, tuple[Tensor, Tensor]]


@pytest.fixture(scope="module")
def scripts() -> Iterator[dict[str, ModuleType]]:
    """The scripts of data/ as modules."""
    sys.path.insert(0, str(DATA))
    try:
        import train_diffusion
        import training_images

        yield {"train": train_diffusion, "images": training_images}
    finally:
        sys.path.remove(str(DATA))


@pytest.fixture(scope="module")
def generated(scripts: dict[str, ModuleType]) -> Pairs:
    """Images such as those of training, for a mean and a spectrum, and others that no training has seen."""
    make = {name: getattr(scripts["images"], name) for name in MODELS}
    counts = {"phantom_slices": (150, 12), "small_images": (400, 80)}
    return {
        name: (torch.from_numpy(make[name](0, counts[name][0])), torch.from_numpy(make[name](7, counts[name][1])))
        for name in MODELS
    }


def gaussian_field(images: Tensor) -> GaussianPrior:
    """The Wiener filter: the mean image, and the mean spectrum of what is left of the others."""
    mean = images.double().mean(0)
    return GaussianPrior(mean, spectrum=torch.fft.fft2(images - mean, norm="ortho").abs().square().mean(0))


def noisy(clean: Tensor, sigma: float) -> Tensor:
    return GaussianNoise(sigma).sample(clean, torch.Generator().manual_seed(0))


def error(found: Tensor, clean: Tensor) -> float:
    return float((found - clean).square().mean())


@pytest.mark.parametrize("name", MODELS)
def test_training_images_are_made_from_their_seed(name: str, generated: Pairs, scripts: dict[str, ModuleType]) -> None:
    first, others = generated[name]
    again = getattr(scripts["images"], name)(0, 3)
    assert np.array_equal(first[:3], again)
    assert not torch.equal(first[:3], others[:3])
    for images in generated[name]:
        assert images.dtype == torch.float32
        assert 0 <= float(images.min()) < 0.05
        assert 0.95 < float(images.max()) <= 1


@pytest.mark.parametrize(
    ("name", "sigma", "gain"),
    [
        ("phantom_slices", 0.05, 6.5),
        ("phantom_slices", 0.2, 4.9),
        ("phantom_slices", 1.0, 2.0),
        ("small_images", 0.05, 2.0),
        ("small_images", 0.2, 1.1),
        ("small_images", 1.0, 0.3),
    ],
)
def test_priors_denoise_better_than_the_wiener_filter(name: str, sigma: float, gain: float, generated: Pairs) -> None:
    """``gain`` is in dB, a little below what it was."""
    seen, clean = generated[name]
    y = noisy(clean, sigma)
    prior, field = PretrainedDiffusion(name), gaussian_field(seen)
    assert 10 * np.log10(error(field(y, sigma), clean) / error(prior(y, sigma), clean)) > gain


def test_photographs_are_denoised_better_than_by_total_variation() -> None:
    """None of them was seen in training."""
    photographs = torch.stack([ref.load().data for ref in Images(str(DATA / "photos")).items()])
    clean, sigma = photographs[:6, 48:80, 48:80], 25 / 255
    y = noisy(clean, sigma)
    problem = Problem(Identity((32, 32)), y, GaussianNoise(sigma), 7.0 * TotalVariation())
    smooth = ADMM(stop=MaxIter(100) | Gap(1e-2)).solve(problem).image
    assert error(PretrainedDiffusion("small_images")(y, sigma), clean) < 0.95 * error(smooth, clean)


def test_other_sizes_are_denoised_too() -> None:
    photographs = torch.stack([ref.load().data for ref in Images(str(DATA / "photos")).items()])[:2]
    y = noisy(photographs, 0.1)
    found = PretrainedDiffusion("small_images", shape=(128, 128))(y, 0.1)
    assert bool((psnr(found, photographs, data_range=1.0) > psnr(y, photographs, data_range=1.0) + 5).all())


def test_training_can_be_stopped_and_taken_up_again(
    scripts: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, rng = scripts["train"], np.random.default_rng(0)
    images = rng.random((8, 8, 8), np.float32)
    kind = script.KINDS["small_images"]._replace(images=lambda seed, count: images, count=8, widths=(8, 16), batch=2)
    monkeypatch.setitem(script.KINDS, "small_images", kind)
    script.train("small_images", tmp_path / "whole.safetensors", None, 4)
    for steps in (2, 4):
        script.train("small_images", tmp_path / "parts.safetensors", tmp_path / "state.pt", steps)
    whole, parts = (read_safetensors(tmp_path / f"{name}.safetensors") for name in ("whole", "parts"))
    assert whole[1] == parts[1]
    for key, value in whole[0].items():
        torch.testing.assert_close(parts[0][key], value)
    assert PretrainedDiffusion(tmp_path / "parts.safetensors").shape == (8, 8)
