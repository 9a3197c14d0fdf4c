"""Trains the small denoiser of this folder: ``python data/train_denoiser.py [FILE] [--checkpoint FILE]``.

With a checkpoint training can be stopped and taken up again.

A DRUNet of 0.45 million weights without biases learns to remove white noise of σ = 0 ... 50/255 from grey images, with
σ as a second channel, on synthetic images of occluding leaves and on textures and pictures of scikit-image in the
public domain. Nothing is downloaded; seeds are fixed. Weights are kept in half precision.
"""

from __future__ import annotations

import argparse
import time
from math import cos, pi
from pathlib import Path

import deepinv
import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from skimage import data
from torch import Tensor

Array = np.ndarray

CHANNELS, BLOCKS, LARGEST_SIGMA = (16, 32, 48, 64), 2, 50 / 255
LEAVES_IMAGES, LEAVES_SIZE = 240, 160
SOURCES = ("brick", "grass", "gravel", "cell", "microaneurysms", "retina", "text")
PHOTO_SHARE, BATCH, PATCH, AVERAGING = 0.25, 8, 64, 0.998
STEPS, DESCENT, HORIZON, RATE, SAVED = 5500, 1500, 10000, 1.5e-3, 250


def dead_leaves(rng: np.random.Generator, size: int) -> Array:
    """Opaque leaves with areas of a power law, shaded and textured, front to back; three in five out of focus."""
    n = 2 * size
    image, free = np.zeros((n, n), np.float32), np.ones((n, n), bool)
    smallest, largest = rng.choice([3.0, 8.0, 20.0]), rng.uniform(0.2, 1.2) * n
    tones = rng.beta(*rng.choice([(1.0, 1.0), (2.0, 2.0), (1.2, 2.5), (2.5, 1.2)]), 2000)
    for tone in tones:
        # radii of density r^-3 between the two ends: a picture without a scale of its own
        radius = (smallest**-2 - rng.random() * (smallest**-2 - largest**-2)) ** -0.5
        _paint(rng, image, free, tone, radius)
        if not free.any():
            break
    image[free] = rng.random()
    image = gaussian_filter(image, rng.uniform(0, 2.5)) if rng.random() < 0.6 else image
    small: Array = image.reshape(size, 2, size, 2).mean((1, 3))
    return small.clip(0, 1)


def _paint(rng: np.random.Generator, image: Array, free: Array, tone: float, radius: float) -> None:
    n = len(image)
    row, column = rng.uniform(-0.2 * radius, n + 0.2 * radius, 2)
    top, left = max(int(row - radius), 0), max(int(column - radius), 0)
    window = np.s_[top : min(int(row + radius) + 2, n), left : min(int(column + radius) + 2, n)]
    if not free[window].any():
        return
    y = np.arange(*window[0].indices(n))[:, None] - row
    x = np.arange(*window[1].indices(n))[None, :] - column
    angle = rng.uniform(0, pi)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    visible = _inside(rng, u / radius, v / (radius * rng.uniform(0.25, 1))) & free[window]
    image[window] = np.where(visible, _surface(rng, u, v, tone, radius), image[window])
    free[window] &= ~visible


def _inside(rng: np.random.Generator, u: Array, v: Array) -> Array:
    """An ellipse, a box, or a polygon in the unit square."""
    kind = rng.integers(3)
    if kind == 0:
        return u**2 + v**2 <= 1
    if kind == 1:
        return np.maximum(abs(u), abs(v)) <= 0.7
    sides = rng.integers(3, 7)
    angles = (np.arange(sides) + rng.uniform(-0.3, 0.3, sides)) * 2 * pi / sides
    return np.logical_and.reduce([u * np.cos(t) + v * np.sin(t) <= 0.6 for t in angles])


def _surface(rng: np.random.Generator, u: Array, v: Array, tone: float, radius: float) -> Array:
    """A shade that varies linearly, on two leaves in five with stripes or grain."""
    surface = tone + rng.normal(0, 0.12) * u / radius + rng.normal(0, 0.12) * v / radius
    texture = rng.random()
    if texture < 0.2:
        wave = 2 * pi * u / rng.uniform(5, 30) + rng.normal(0, 1) * np.sin(v / rng.uniform(5, 40))
        stripes = np.sin(wave)
        surface = surface + rng.uniform(0.02, 0.2) * (np.sign(stripes) if texture < 0.07 else stripes)
    elif texture < 0.4:
        grain = np.zeros(surface.shape)
        for cell in (2, 4, 8, 16):
            rows, columns = (-(-length // cell) for length in surface.shape)
            coarse = rng.normal(size=(rows, columns)).repeat(cell, 0).repeat(cell, 1)
            grain += cell**0.5 * coarse[: len(u), : u.shape[1]]
        surface = surface + rng.uniform(0.005, 0.04) * grain
    return surface


def pictures() -> list[Array]:
    """The pictures of scikit-image, grey, in [0, 1], at their own and at half their size."""
    found = []
    for name in SOURCES:
        picture = getattr(data, name)() / 255
        grey = picture @ (0.299, 0.587, 0.114) if picture.ndim == 3 else picture
        if name == "retina":
            grey = grey[170:1240, 170:1240]
        while min(grey.shape) >= PATCH:
            found.append(grey.astype(np.float32))
            rows, columns = (length // 2 for length in grey.shape)
            grey = grey[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).mean((1, 3))
    return found


def batch(rng: np.random.Generator, leaves: list[Array], photos: list[Array]) -> tuple[Tensor, Tensor, Tensor]:
    """Clean and noisy patches, turned and mirrored, and the noise level of each."""
    patches = []
    for _ in range(BATCH):
        chosen = photos if rng.random() < PHOTO_SHARE else leaves
        image = chosen[rng.integers(len(chosen))]
        row, column = (rng.integers(length - PATCH + 1) for length in image.shape)
        patch = np.rot90(image[row : row + PATCH, column : column + PATCH], rng.integers(4))
        patch = patch[:, :: rng.choice([-1, 1])]
        gain = rng.uniform(0.3, 1)
        patches.append(gain * patch + rng.uniform(0, 1 - gain))
    clean = torch.from_numpy(np.stack(patches)[:, None].astype(np.float32))
    sigma = torch.from_numpy(rng.uniform(0, LARGEST_SIGMA, BATCH).astype(np.float32))
    noise = torch.from_numpy(rng.standard_normal(clean.shape, np.float32))
    return clean, clean + sigma[:, None, None, None] * noise, sigma


def rate(step: int) -> float:
    """A cosine that would end at the horizon, brought down to zero in the last steps."""
    return RATE * (1 + cos(pi * step / HORIZON)) / 2 * min(1, (step + 1) / 100, (STEPS - step) / DESCENT)


def train(path: Path, checkpoint: Path | None) -> None:
    """Least absolute deviations with Adam in mixed precision, and a running average of the weights."""
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    leaves = [dead_leaves(rng, LEAVES_SIZE) for _ in range(LEAVES_IMAGES)]
    photos = pictures()
    network = deepinv.models.DRUNet(in_channels=1, out_channels=1, nc=CHANNELS, nb=BLOCKS, pretrained=None)
    network = network.train().to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    average = {key: value.detach().clone() for key, value in network.state_dict().items()}
    first, recent, started = 0, 0.0, time.process_time()
    if checkpoint is not None and checkpoint.exists():
        saved = torch.load(checkpoint)
        network.load_state_dict(saved["network"])
        optimiser.load_state_dict(saved["optimiser"])
        average, first = saved["average"], saved["steps"]
    for step in range(first, STEPS):
        for group in optimiser.param_groups:
            group["lr"] = rate(step)
        clean, noisy, sigma = batch(np.random.default_rng([1, step]), leaves, photos)
        with torch.autocast("cpu", torch.bfloat16):
            denoised = network(noisy, sigma)
        loss = (denoised.float() - clean).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 0.5)
        optimiser.step()
        weight = min(AVERAGING, (step + 1) / (step + 10))
        for key, value in network.state_dict().items():
            average[key].lerp_(value, 1 - weight)
        recent = 0.99 * recent + 0.01 * loss.item() if step > first else loss.item()
        if (step + 1) % SAVED == 0:
            print(f"{step + 1} steps, {time.process_time() - started:.0f} s, deviation {recent:.5f}", flush=True)
            if checkpoint is not None:
                states = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
                torch.save({"steps": step + 1, "average": average, **states}, checkpoint)
    torch.save({key: value.half() for key, value in average.items()}, path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", nargs="?", type=Path, default=Path(__file__).parent / "denoisers" / "drunet_small.pth")
    parser.add_argument("--checkpoint", type=Path, help="where training stands, to go on from there")
    given = parser.parse_args()
    train(given.path, given.checkpoint)
