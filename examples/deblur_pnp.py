"""Deblurring with a published denoiser for prior, beside total variation.

    python examples/deblur_pnp.py WEIGHTS [--layers 17] [--features 64] [--trained-sigma 25] [--iterations 12]

WEIGHTS is a state dict of a DnCNN without batch normalisation for grey images, such as the dncnn_25.pth that is
published with KAIR; it is not part of this repository. A network trained for one noise level is used at that level, and
``lam`` says how strongly the image is tied to what it makes of it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from recon.metrics import psnr
from recon.operators import Blur, GaussianNoise
from recon.priors import Box, DenoiserPrior, DnCNN, TotalVariation
from recon.solvers import PDHG, Gap, MaxIter, PnPHQS, Problem

PHOTO = Path(__file__).resolve().parent.parent / "data" / "photo"


def read(name: str, largest: int) -> Tensor:
    """A grey image in [0, 1]."""
    with Image.open(PHOTO / name) as image:
        return torch.from_numpy(np.asarray(image) / np.float32(largest))


def main(options: argparse.Namespace) -> None:
    data, truth = read("blurred.png", 65535), read("blurred_truth.png", 255)
    A = Blur(torch.from_numpy(np.load(PHOTO / "motion_psf.npy")), truth.shape, boundary="valid")
    noise = GaussianNoise(sigma=0.01)

    variational = Problem(A, data, noise, 10 * TotalVariation() + Box(0.0, 1.0))
    tv = PDHG(stop=MaxIter(1500) | Gap(1e-3)).solve(variational)

    network = DnCNN(options.weights, layers=options.layers, features=options.features)
    prior = DenoiserPrior(network, sigma=options.trained_sigma / 255, channels=1)
    pnp = PnPHQS(lam=0.35, stop=MaxIter(options.iterations)).solve(Problem(A, data, noise, prior), initial=tv.image)

    for name, result in (("total variation", tv), ("plug-and-play", pnp)):
        score = float(psnr(result.image, truth, data_range=1.0))
        print(f"{name:16s} {score:6.2f} dB   {int(result.iterations):4d} iterations, {result.reason}")


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--layers", type=int, default=17)
    parser.add_argument("--features", type=int, default=64)
    parser.add_argument("--trained-sigma", type=float, default=25.0, help="of values from 0 to 255")
    parser.add_argument("--iterations", type=int, default=12)
    return parser


if __name__ == "__main__":
    main(arguments().parse_args())
