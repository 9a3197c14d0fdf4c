"""Inpaint MNIST digits by posterior sampling with a small DDPM, and draw what came out.

    python examples/mnist_inpainting_dps.py WEIGHTS IMAGES --method dps --out digits.png

WEIGHTS is the file of tensors that ``mnist_ddpm.py`` describes, IMAGES a file of digits in the IDX format of MNIST
(t10k-images-idx3-ubyte.gz). A square is cut out of each digit, noise is added, and several samples are drawn.
"""

from __future__ import annotations

import argparse
import gzip
import time
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from mnist_ddpm import DigitPrior
from torch import Tensor

from recon.operators import GaussianNoise, Mask
from recon.solvers import DPS, MMPS, PosteriorSamples, Problem, sample


def read_digits(path: Path, count: int) -> Tensor:
    """The first digits of an IDX file, ``(count, 28, 28)`` in [0, 1]."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        raw = file.read(16 + count * 28 * 28)
    magic, total, rows, columns = np.frombuffer(raw[:16], ">i4")
    if magic != 2051 or (rows, columns) != (28, 28) or total < count:
        raise SystemExit(f"{path} is not an IDX file of at least {count} images of 28 × 28.")
    return torch.from_numpy(np.frombuffer(raw[16:], np.uint8).reshape(-1, 28, 28) / np.float32(255))


def psnr(x: Tensor, truth: Tensor, where: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB on the marked pixels, one value per image."""
    return -10 * ((x - truth).square() * where).sum((-1, -2)).div(where.sum()).log10()


def draw(path: Path, truth: Tensor, data: Tensor, found: PosteriorSamples, most: int = 4) -> None:
    """One column a digit: truth, data, samples, their mean; and their standard deviation in its own window."""
    rows = [("truth", truth), ("data", data)]
    rows += [(f"sample {i + 1}", s) for i, s in enumerate(found.samples[:most])]
    rows += [("mean", found.mean), ("std", found.std)]
    figure = Figure(figsize=(1.1 * len(truth), 1.1 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), len(truth), squeeze=False)
    for line, (label, images) in zip(axes, rows, strict=True):
        for axis, image in zip(line, images, strict=True):
            axis.imshow(image.numpy(), cmap="gray", vmin=0, vmax=0.5 if label == "std" else 1)
            axis.set(xticks=[], yticks=[])
        line[0].set_ylabel(label)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--method", choices=("dps", "mmps"), default="dps")
    parser.add_argument("--digits", type=int, default=8)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--zeta", type=float, default=0.3, help="step size of DPS")
    parser.add_argument("--sigma", type=float, default=0.05, help="standard deviation of the noise")
    parser.add_argument("--hole", type=int, default=12, help="side of the square that is cut out, in pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("mnist_inpainting.png"))
    arguments = parser.parse_args()

    truth = read_digits(arguments.images, arguments.digits)
    mask = torch.ones(28, 28)
    first = (28 - arguments.hole) // 2
    mask[first : first + arguments.hole, first : first + arguments.hole] = 0
    A, noise = Mask(mask), GaussianNoise(arguments.sigma)
    data = mask * noise.sample(A(truth), torch.Generator().manual_seed(arguments.seed))
    problem = Problem(A, data, noise, DigitPrior(arguments.weights))

    if arguments.method == "dps":
        sampler = DPS(steps=arguments.steps, zeta=arguments.zeta, seed=arguments.seed)
    else:
        sampler = MMPS(steps=arguments.steps, seed=arguments.seed)
    begin = time.perf_counter()
    found = sample(sampler, problem, arguments.samples)
    seconds = time.perf_counter() - begin

    hole = 1 - mask
    print(
        f"{sampler.name}, {arguments.steps} steps, {len(truth)} digits × {arguments.samples} samples: {seconds:.1f} s"
    )
    print(f"PSNR in the hole: zero {psnr(0 * truth, truth, hole).mean():.2f} dB, ", end="")
    print(f"samples {psnr(found.samples, truth, hole).mean():.2f} dB, ", end="")
    print(f"mean of samples {psnr(found.mean, truth, hole).mean():.2f} dB")
    kept = ((found.samples - data) * mask).square().sum((-1, -2)) / (arguments.sigma**2 * mask.sum())
    print(f"misfit on the kept pixels (1 is right): {kept.mean():.2f}; complete: {int(found.complete.sum())}")
    draw(arguments.out, truth, data, found)


if __name__ == "__main__":
    main()
