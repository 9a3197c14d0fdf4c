"""Trains the diffusion priors that come with recon: ``python data/train_diffusion.py NAME [--checkpoint FILE]``.

NAME is ``phantom_slices`` or ``small_images``. With a checkpoint training can be stopped and taken up again, and
continued by asking for more ``--steps``; the images are kept beside it. On a GPU it runs there.

A U-Net with the preconditioning and the loss of EDM (Karras, Aittala, Aila and Laine, NeurIPS 2022) learns to remove
white noise of every level; what is kept is an average of the weights over the last part of training, of which the
length grows with it (Karras et al., CVPR 2024, equation 1), in half precision. Nothing is downloaded; seeds are fixed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from training_images import phantom_slices, small_images

from recon.priors import DiffusionUNet, EDMDiffusion, save_diffusion

Array = np.ndarray


class Kind(NamedTuple):
    """What is learned: how images are made, how many, how they are turned, and by which network."""

    images: Callable[[int, int], Array]
    count: int
    turned: bool
    shifted: int
    sigma_max: float
    widths: tuple[int, ...]
    batch: int
    steps: int


KINDS = {
    "phantom_slices": Kind(phantom_slices, 10000, False, 3, 160.0, (32, 64, 128), 16, 16500),
    "small_images": Kind(small_images, 40000, True, 0, 80.0, (48, 96, 128), 32, 16000),
}
PATCH, RATE, REFERENCE, AVERAGING, SAVED = 2, 1e-3, 3000, 12, 250
SIGMA_DATA, SIGMA_MIN, LOG_MEAN, LOG_STD, ANY_LEVEL = 0.5, 0.004, -1.0, 1.4, 0.15
"""Levels s are log-normal with these two parameters, and log-uniform between the ends for 15 images of 100."""


def training_set(kind: Kind, kept: Path | None) -> Tensor:
    """The images, from a file where there is one."""
    if kept is not None and kept.exists():
        return torch.from_numpy(np.load(kept))
    images = (255 * kind.images(0, kind.count)).round().astype(np.uint8)
    if kept is not None:
        np.save(kept, images)
    return torch.from_numpy(images)


def batch(kind: Kind, images: Tensor, generator: torch.Generator) -> Tensor:
    """Images of bytes in [0, 1], each mirrored or not, and turned or moved by whole pixels."""
    chosen = images[torch.randint(len(images), (kind.batch,), generator=generator)].float() / 255
    turns, mirrored = (
        torch.randint(4, (kind.batch,), generator=generator),
        torch.rand(kind.batch, generator=generator) < 0.5,
    )
    shifts = torch.randint(-kind.shifted, kind.shifted + 1, (kind.batch, 2), generator=generator)
    result = []
    for image, turn, mirror, shift in zip(chosen, turns.tolist(), mirrored.tolist(), shifts.tolist(), strict=True):
        image = torch.rot90(image, turn) if kind.turned else torch.roll(image, shift, (0, 1))
        result.append(image.flip(1) if mirror else image)
    return torch.stack(result)[:, None]


def levels(kind: Kind, generator: torch.Generator) -> Tensor:
    """Noise levels s in network values."""
    usual = (LOG_MEAN + LOG_STD * torch.randn(kind.batch, generator=generator)).exp().clamp(SIGMA_MIN, kind.sigma_max)
    any_level = SIGMA_MIN * (kind.sigma_max / SIGMA_MIN) ** torch.rand(kind.batch, generator=generator)
    return torch.where(torch.rand(kind.batch, generator=generator) < ANY_LEVEL, any_level, usual)


def rate(step: int) -> float:
    """A root of the inverse of time, after a start."""
    return RATE * min(1, (step + 1) / 200) / max(1, step / REFERENCE) ** 0.5


def train(name: str, path: Path, checkpoint: Path | None, steps: int) -> None:
    """Least squares with the weights of EDM, by Adam, in mixed precision."""
    kind = KINDS[name]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    images = training_set(kind, None if checkpoint is None else checkpoint.with_suffix(".npy"))
    mean, std = images.float().mean() / 255, images.float().std() / 255
    scale, shift = float(SIGMA_DATA / std), float(-SIGMA_DATA * mean / std)
    torch.manual_seed(0)
    network = DiffusionUNet(widths=kind.widths, patch=PATCH, sigma_data=SIGMA_DATA)
    network = network.to(device, memory_format=torch.channels_last).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE, betas=(0.9, 0.99), fused=True)
    average = {key: value.detach().clone() for key, value in network.state_dict().items()}
    first, spent, recent = 0, 0.0, 1.0
    if checkpoint is not None and checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device)
        network.load_state_dict(saved["network"])
        optimiser.load_state_dict(saved["optimiser"])
        average, first, spent, recent = saved["average"], saved["steps"], saved["seconds"], saved["loss"]
    started = time.perf_counter() - spent
    for step in range(first, steps):
        generator = torch.Generator().manual_seed(step)
        clean = scale * batch(kind, images, generator) + shift
        s = levels(kind, generator)[:, None, None, None]
        noise = torch.randn(clean.shape, generator=generator)
        clean, s, noise = (tensor.to(device) for tensor in (clean, s, noise))
        noisy, total = clean + s * noise, (s**2 + SIGMA_DATA**2).sqrt()
        target = (clean - SIGMA_DATA**2 / total**2 * noisy) * total / (s * SIGMA_DATA)
        for group in optimiser.param_groups:
            group["lr"] = rate(step)
        with torch.autocast(device.type, torch.bfloat16):
            predicted = network((noisy / total).to(memory_format=torch.channels_last), s.flatten().log() / 4)
        loss = (predicted.float() - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        with torch.no_grad():
            forgotten = 1 - (1 - 1 / (step + 1)) ** (AVERAGING + 1)
            torch._foreach_lerp_(list(average.values()), list(network.state_dict().values()), forgotten)
        recent += min(1.0, max(0.002, 1 / (step + 1))) * (loss.item() - recent)
        if (step + 1) % SAVED == 0 or step + 1 == steps:
            seconds = time.perf_counter() - started
            print(f"{step + 1} steps, {seconds:.0f} s, loss {recent:.4f}", flush=True)
            if checkpoint is not None:
                states = {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "average": average}
                part = checkpoint.with_suffix(".part")
                torch.save({**states, "steps": step + 1, "seconds": seconds, "loss": recent}, part)
                part.replace(checkpoint)
    network.load_state_dict(average)
    side = images.shape[-1]
    ends = {"sigma_data": SIGMA_DATA, "sigma_min": SIGMA_MIN, "sigma_max": kind.sigma_max}
    prior = EDMDiffusion(network.eval(), (side, side), network_range=(shift, scale + shift), **ends)
    command = f"python data/train_diffusion.py {name} --steps {max(first, steps)}"
    notes = {"model": name, "licence": "CC0-1.0", "training": command}
    save_diffusion(prior, path, notes=notes)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=tuple(KINDS))
    parser.add_argument("path", nargs="?", type=Path, help="where the weights go; into the package by default")
    parser.add_argument("--checkpoint", type=Path, help="where training stands, to go on from there")
    parser.add_argument("--steps", type=int, help="for how many steps in all")
    given = parser.parse_args()
    shipped = Path(__file__).parents[1] / "priors" / "learned" / "pretrained"
    target = given.path or shipped / f"{given.name}.safetensors"
    train(given.name, target, given.checkpoint, given.steps or KINDS[given.name].steps)
