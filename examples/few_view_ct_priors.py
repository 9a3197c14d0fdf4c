"""CT of every third view of the sample, 14 in all, with four handcrafted priors: TV, TGV, and two with a first guess.

python examples/few_view_ct_priors.py [--iterations 400] [--picture few_view_ct_priors.png]

Adaptive TV spares the edges of the TV image, graphLa compares pixels that look alike in it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import h5py
import matplotlib
import torch
from torch import Tensor

from recon.metrics import psnr, ssim
from recon.operators import FilteredBackprojection, GaussianNoise, ParallelBeam, RayTransform, Volume
from recon.priors import TGV, AdaptiveTV, GraphLaplacianPrior, NonNegative, TotalVariation, VariationalPrior
from recon.solvers import PDHG, Gap, MaxIter, Problem

matplotlib.use("Agg")
import matplotlib.pyplot as plt

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "ct" / "few_view.h5"
BRAIN = (0.0, 0.04)
"""The window of the picture in 1/mm: the skull is brighter."""


def main(iterations: int, picture: Path) -> None:
    with h5py.File(SAMPLE) as file:
        sinogram, angles, truth = (torch.from_numpy(file[key][()]) for key in ("data", "angles", "truth"))
    sinogram, angles = sinogram[::3], angles[::3]

    A = RayTransform(Volume(truth.shape, spacing=1.0), ParallelBeam(angles, bins=sinogram.shape[1], pitch=1.0))
    noise = GaussianNoise(sigma=0.02)
    solver = PDHG(stop=MaxIter(iterations) | Gap(1e-3))

    def reconstruct(prior: VariationalPrior) -> Tensor:
        return solver.solve(Problem(A, sinogram, noise, prior + NonNegative())).image

    images = {"filtered backprojection": FilteredBackprojection(A, filter="hann")(sinogram)}
    images["TV"] = first = reconstruct(TotalVariation(800.0))
    images["TGV"] = reconstruct(TGV(800.0))
    images["adaptive TV"] = reconstruct(AdaptiveTV(1600.0, first, eta=0.005))
    images["graphLa"] = reconstruct(GraphLaplacianPrior(1500.0, first, sigma=1e-5, radius=1))

    for name, image in images.items():
        scores = float(psnr(image, truth, data_range=0.1)), float(ssim(image, truth, data_range=0.1))
        print(f"{name:25s} {scores[0]:6.2f} dB   SSIM {scores[1]:.3f}")
    save(picture, {**images, "truth": truth})
    print(f"Picture: {picture}")


def save(picture: Path, images: dict[str, Tensor]) -> None:
    """All images side by side, in the same window."""
    figure, axes = plt.subplots(2, 3, figsize=(9, 6.4), layout="constrained")
    for axis, (name, image) in zip(axes.flat, images.items(), strict=True):
        axis.imshow(image, cmap="gray", vmin=BRAIN[0], vmax=BRAIN[1])
        axis.set_title(name, fontsize=10)
        axis.set_axis_off()
    figure.savefig(picture, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=400)
    parser.add_argument("--picture", type=Path, default=Path("few_view_ct_priors.png"))
    options = parser.parse_args()
    main(options.iterations, options.picture)
