"""Multi-coil MRI from a third of its lines: zero-filled, wavelet sparsity, and both wavelets and total variation.

python examples/mri_wavelet.py [--iterations 300]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import h5py
import torch

from recon.metrics import psnr
from recon.operators import CartesianMRI, GaussianNoise
from recon.priors import TotalVariation, WaveletSparsity
from recon.solvers import FISTA, PDHG, MaxIter, Problem, RelChange, ZeroFilled

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "mri" / "cartesian.h5"


def main(iterations: int) -> None:
    with h5py.File(SAMPLE) as file:
        arrays = {key: torch.from_numpy(file[key][()]) for key in ("kspace", "mask", "coil_maps", "truth")}

    A = CartesianMRI(arrays["mask"], arrays["coil_maps"])
    noise = GaussianNoise(sigma=0.01)
    wavelets, both = 100 * WaveletSparsity(wavelet="db4"), 20 * WaveletSparsity(wavelet="db4") + 60 * TotalVariation()
    stop = MaxIter(iterations) | RelChange(1e-5)

    methods = {
        "zero-filled": ZeroFilled().solve(Problem(A, arrays["kspace"], noise)),
        "wavelets, FISTA": FISTA(stop=stop).solve(Problem(A, arrays["kspace"], noise, wavelets)),
        "wavelets and TV, PDHG": PDHG(stop=stop).solve(Problem(A, arrays["kspace"], noise, both)),
    }
    for name, result in methods.items():
        score = float(psnr(result.image, arrays["truth"], data_range=1.0))
        print(f"{name:22s} {score:6.2f} dB   {int(result.iterations):4d} iterations, {result.reason}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=300)
    main(parser.parse_args().iterations)
