"""Maps of T2 from eight echoes, of each a fourth of the lines: images first and then a fit, or maps at once.

python examples/mri_t2.py [--iterations 20] [--picture mri_t2.png]

Images of each echo, by CG-SENSE and by total variation, and images in a subspace of three time courses, are fitted
voxel by voxel, by maximum likelihood. Gauss-Newton finds the maps that explain all of k-space, with a quadratic penalty
and with total variation of the maps. All but the last have the best weight of a few, which takes the truth to find.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import h5py
import matplotlib
import torch
from torch import Tensor

from recon.operators import CartesianMRI, Dictionary, GaussianNoise, QuantitativeMRI, SubspaceMRI, T2Decay, fit_voxels
from recon.priors import TotalVariation
from recon.solvers import FISTA, GaussNewton, MaxIter, Problem, RelChange, cg

matplotlib.use("Agg")
import matplotlib.pyplot as plt

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "mri" / "multi_echo.h5"
SIGMA = 0.01
WINDOW = (0.0, 0.25)
"""The window of the pictures in s; fluid is beyond it."""


def main(iterations: int, picture: Path) -> None:
    with h5py.File(SAMPLE) as file:
        arrays = {key: torch.from_numpy(file[key][()]) for key in ("kspace", "mask", "coil_maps", "echo_times", "t2")}
    data, truth = arrays["kspace"], arrays["t2"]
    tissue = truth > 0

    scan = CartesianMRI(arrays["mask"], arrays["coil_maps"], ndim=2)
    A = QuantitativeMRI(scan, T2Decay(arrays["echo_times"], t2=0.1))
    atoms = Dictionary(A.signal, t2=torch.logspace(-2, 0.5, 300))
    subspace = SubspaceMRI(scan, atoms.basis(3))

    def fitted(images: Tensor, basis: Tensor | None = None) -> Tensor:
        start = A.point(**atoms.match(images, basis))
        return A.maps(fit_voxels(A.signal, images, start, basis))["t2"]

    def error(t2: Tensor) -> float:
        return float(((t2 - truth).abs() / truth)[tissue].median())

    def sense(operator: CartesianMRI | SubspaceMRI, lam: float) -> Tensor:
        return cg(lambda x: operator.normal(x) + lam * x, operator.adjoint(data), 3, None, 1e-5, 100)[0]

    def echoes_by_tv(lam: float) -> Tensor:
        prior = TotalVariation(lam, axes=(-2, -1))
        solver = FISTA(stop=MaxIter(10 * iterations) | RelChange(1e-4))
        return fitted(solver.solve(Problem(scan, data, GaussianNoise(SIGMA), prior)).image)

    def maps_at_once(least: float, prior: TotalVariation | None = None) -> Tensor:
        solver = GaussNewton(
            stop=MaxIter(iterations) | RelChange(2e-2), decay=1 / 3, alpha_least=least, inner_tol=1e-2, inner_iter=40
        )
        return A.maps(solver.solve(Problem(A, data, GaussianNoise(SIGMA), prior)).image)["t2"]

    tries = {
        "CG-SENSE, fit": [fitted(sense(scan, lam)) for lam in (1e-3, 3e-3, 1e-2, 3e-2)],
        "TV of each echo, fit": [echoes_by_tv(lam) for lam in (40.0, 80.0, 160.0)],
        "subspace, fit": [fitted(sense(subspace, lam), subspace.basis) for lam in (1e-3, 1e-2, 3e-2)],
        "Gauss-Newton": [maps_at_once(least) for least in (30.0, 60.0, 120.0)],
        "Gauss-Newton, TV of maps": [maps_at_once(10.0, TotalVariation(30.0, axes=(-2, -1)))],
    }
    maps = {name: min(found, key=error) for name, found in tries.items()}
    for name, t2 in maps.items():
        print(f"{name:26s} median error of T2 {100 * error(t2):5.2f} %")
    save(picture, {"truth": truth, **maps}, tissue)
    print(f"Picture: {picture}")


def save(picture: Path, maps: dict[str, Tensor], tissue: Tensor) -> None:
    """All maps in the same window, black outside of the head."""
    figure, axes = plt.subplots(2, 3, figsize=(9, 6.6), layout="constrained")
    for axis, (name, t2) in zip(axes.flat, maps.items(), strict=True):
        axis.set_facecolor("black")
        shown = axis.imshow(torch.where(tissue, t2, torch.nan), cmap="viridis", vmin=WINDOW[0], vmax=WINDOW[1])
        axis.set(xticks=[], yticks=[])
        axis.set_title(name, fontsize=10)
    figure.colorbar(shown, ax=axes, label="T2 in s", shrink=0.6, extend="max")
    figure.savefig(picture, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--picture", type=Path, default=Path("mri_t2.png"))
    options = parser.parse_args()
    main(options.iterations, options.picture)
