"""Says how well the diffusion priors of recon denoise: ``python data/validate_diffusion.py [NAME] [--samples FILE]``.

Images that were not seen in training, with white noise, are denoised by the prior, by the Gaussian field of the same
mean and spectrum as the training images (the Wiener filter), and by total variation with the weight that is best for
each level, found with the clean images. Printed is 10 log₁₀ of the inverse of the mean square error, in dB.

With ``--samples`` 64 images are drawn from the prior and put into one picture.
"""

from __future__ import annotations

import argparse
from math import log10
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from training_images import patch, phantom_slices, small_images

from recon.operators import GaussianNoise, Identity
from recon.priors import DiffusionPrior, GaussianPrior, PretrainedDiffusion, TotalVariation
from recon.solvers import PDHG, Heun, MaxIter, Problem, sample_prior

MODELS = {"phantom_slices": phantom_slices, "small_images": small_images}
SIGMAS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
COUNT, TRAINING, WEIGHTS = 64, 2000, (0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)
"""Images denoised, images whose mean and spectrum are taken, and λσ from which that of total variation is chosen."""


def held_out(name: str) -> dict[str, Tensor]:
    """Images made with another seed than those of training, and of photographs that were left out of it."""
    if name == "phantom_slices":
        return {"new slices": torch.from_numpy(phantom_slices(1, COUNT))}
    sets = {"new leaves": torch.from_numpy(small_images(1, 16 * COUNT, share=0.0)[::16])}
    files = sorted((Path(__file__).parent / "photos").glob("*.png"))
    photos = [np.asarray(Image.open(file), np.float32) / 255 for file in files]
    rng = np.random.default_rng(2)
    parts = [patch(rng, photos[i % len(photos)], 1 + i % 2, plain=True) for i in range(COUNT)]
    sets["photographs"] = torch.from_numpy(np.stack(parts))
    return sets


def gaussian_field(images: Tensor) -> GaussianPrior:
    """The stationary Gaussian field with the mean image and the mean spectrum of ``images``."""
    mean = images.double().mean(0)
    power = torch.fft.fft2(images.double() - mean, norm="ortho").abs().square().mean(0)
    return GaussianPrior(mean, spectrum=power)


def decibels(found: Tensor, clean: Tensor) -> float:
    """−10 log₁₀ of the mean square error."""
    return -10 * log10(float((found - clean).square().mean()))


def denoised(prior: DiffusionPrior, noisy: Tensor, sigma: float) -> Tensor:
    """E[x₀ | x₀ + σ z], a few images at once."""
    with torch.no_grad():
        return torch.cat([prior(part, sigma) for part in noisy.split(32)])


def by_total_variation(noisy: Tensor, sigma: float, clean: Tensor) -> float:
    """The best that total variation with one weight for all images can do, in dB."""
    results = []
    for weight in WEIGHTS:
        prior = TotalVariation(weight / sigma)
        problem = Problem(Identity(tuple(noisy.shape[1:])), noisy, GaussianNoise(sigma), prior)
        results.append(decibels(PDHG(stop=MaxIter(150)).solve(problem).image, clean))
    return max(results)


def table(name: str, prior: DiffusionPrior) -> None:
    """Print the figures."""
    wiener = gaussian_field(torch.from_numpy(MODELS[name](0, TRAINING)))
    for label, clean in held_out(name).items():
        print(f"{name}, {label}: σ, prior, Wiener filter, total variation")
        for sigma in SIGMAS:
            noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(3))
            noisy = clean + sigma * noise
            figures = [decibels(denoised(p, noisy, sigma), clean) for p in (prior, wiener)]
            figures.append(by_total_variation(noisy, sigma, clean))
            print(f"{sigma:6} " + " ".join(f"{figure:6.2f}" for figure in figures), flush=True)


def draw(prior: DiffusionPrior, path: Path) -> None:
    """Write 64 samples, each point twice as large."""
    images = sample_prior(prior, 64, steps=40, integrator=Heun())
    rows = images.reshape(8, 8, *images.shape[1:]).permute(0, 2, 1, 3).flatten(2).flatten(0, 1)
    values = (255 * rows.clamp(0, 1)).byte().repeat_interleave(2, 0).repeat_interleave(2, 1)
    Image.fromarray(values.numpy()).save(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", choices=tuple(MODELS), help="both by default")
    parser.add_argument("--file", type=Path, help="weights other than those in the package")
    parser.add_argument("--samples", type=Path, help="a picture of samples to write, *.png")
    given = parser.parse_args()
    for model in MODELS if given.name is None else [given.name]:
        trained = PretrainedDiffusion(given.file or model)
        table(model, trained)
        if given.samples is not None:
            draw(trained, given.samples.with_stem(f"{given.samples.stem}_{model}"))
