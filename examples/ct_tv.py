"""Few-view CT: filtered backprojection, then total variation with a certificate of how far from the optimum it is.

python examples/ct_tv.py [--iterations 3000] [--preview ct_tv.png]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import h5py
import torch

from recon.metrics import psnr, ssim
from recon.operators import FilteredBackprojection, GaussianNoise, ParallelBeam, RayTransform, Volume
from recon.priors import NonNegative, TotalVariation
from recon.reports import preview
from recon.solvers import PDHG, Gap, MaxIter, Problem

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "ct" / "few_view.h5"
BRAIN = (0.0, 0.04)
"""The window of the preview in 1/mm: the skull is brighter."""


def main(iterations: int, picture: Path) -> None:
    with h5py.File(SAMPLE) as file:
        sinogram, angles, truth = (torch.from_numpy(file[key][()]) for key in ("data", "angles", "truth"))

    A = RayTransform(Volume(truth.shape, spacing=1.0), ParallelBeam(angles, bins=sinogram.shape[1], pitch=1.0))
    fbp = FilteredBackprojection(A, filter="hann")(sinogram)

    prior = 800 * TotalVariation() + NonNegative()
    problem = Problem(A, sinogram, GaussianNoise(sigma=0.02), prior)
    result = PDHG(stop=MaxIter(iterations) | Gap(1e-3)).solve(problem)

    for name, image in (("filtered backprojection", fbp), ("total variation", result.image)):
        scores = float(psnr(image, truth, data_range=0.1)), float(ssim(image, truth, data_range=0.1))
        print(f"{name:25s} {scores[0]:6.2f} dB   SSIM {scores[1]:.3f}")
    print(
        f"{result.reason.sentence} After {int(result.iterations)} iterations the objective is proven to be within "
        f"{float(result.last('relative_gap')):.2g} of the least possible, relative to its value."
    )
    preview(
        picture, sinogram, fbp, result.image, truth, window=BRAIN, data_range=0.1, data_kind="sinogram", units="1/mm",
        first_name="Filtered backprojection", name="Total variation",
    )  # fmt: skip
    print(f"Preview: {picture}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=3000)
    parser.add_argument("--preview", type=Path, default=Path("ct_tv.png"))
    options = parser.parse_args()
    main(options.iterations, options.preview)
