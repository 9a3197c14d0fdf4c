"""Measured k-space from the file to the image, where a folder with it is given.

``RECON_MRI`` is a folder with ``cartesian_ksp.npy`` (of sigpy-mri-tutorial) or ``und2x2.cfl`` (of
espirit-matlab-examples). There is no truth; samples that were held back are predicted instead.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from recon.cli import main
from recon.files import Cfl, Numpy
from recon.operators import CartesianMRI, GaussianNoise, estimate_coil_maps, sampling_mask
from recon.priors import Prior, Tikhonov, TotalVariation, WaveletSparsity
from recon.solvers import FISTA, LSQR, PDHG, MaxIter, Problem, RelChange, Solver

from .conftest import Figure

FOLDER = Path(os.environ.get("RECON_MRI", "/nowhere"))
SCAN = Path(__file__).resolve().parents[2] / "configs" / "reconstruct" / "mri_scan.yaml"
FILES = {"cartesian_ksp.npy": "numpy", "und2x2.cfl": "cfl"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="RECON_MRI names no folder"),
]


def kspace(name: str) -> Tensor:
    reader = Cfl if name.endswith("cfl") else Numpy
    (ref,) = reader(str(FOLDER / name)).items()
    data = ref.load().data
    return data / data.abs().amax()


@pytest.mark.parametrize("name", FILES)
def test_held_back_samples_are_predicted_better_by_better_priors(name: str, figure: Figure) -> None:
    """A fifth of the samples outside the centre are held back. Zero-filled predicts nothing: an error of 1."""
    y = kspace(name)
    mask = sampling_mask(y)
    centre = torch.zeros_like(mask)
    n1, n0 = mask.shape
    centre[n1 // 2 - 14 : n1 // 2 + 14, n0 // 2 - 14 : n0 // 2 + 14] = True
    held = mask & ~centre & (torch.rand(mask.shape, generator=torch.Generator().manual_seed(0)) < 0.2)
    kept = (y * (mask & ~held)).contiguous()
    A, whole = (CartesianMRI(m, estimate_coil_maps(kept)) for m in (mask & ~held, mask))
    far = (torch.arange(n1)[:, None] - n1 // 2).square() / n1**2 + (torch.arange(n0) - n0 // 2).square() / n0**2
    sigma = float(torch.view_as_real(y[:, mask & (far > 0.18)]).abs().median()) / 0.6745
    scale = float(A.adjoint(kept).abs().quantile(0.99))
    stop = MaxIter(150) | RelChange(3e-4)
    methods: dict[str, tuple[Solver, Prior]] = {
        "SENSE": (LSQR(stop=stop), Tikhonov(100 / scale**2)),
        "wavelet": (FISTA(stop=stop), WaveletSparsity(25 / scale, "db4")),
        "TV": (PDHG(stop=stop), TotalVariation(25 / scale)),
    }
    errors = {}
    for key, (solver, prior) in methods.items():
        x = solver.solve(Problem(A, kept, GaussianNoise(sigma), prior)).image
        errors[key] = float((whole(x) - y)[:, held].norm() / y[:, held].norm())
        figure(f"{name}, {key}", f"{errors[key]:.3f}")
    assert errors["SENSE"] < 0.8
    assert errors["wavelet"] < errors["SENSE"], errors
    assert errors["TV"] < errors["SENSE"], errors


@pytest.mark.parametrize("name", FILES)
def test_the_shipped_job_takes_the_file(name: str, tmp_path: Path) -> None:
    entry = f"input={{name: {FILES[name]}, path: {FOLDER / name}}}"
    assert main(["reconstruct", str(SCAN), "--set", entry, "--out", str(tmp_path), "--quiet"]) == 0
    record = json.loads((tmp_path / f"{Path(name).stem}.json").read_text(encoding="utf-8"))
    assert record["reason"] == "converged"
    with np.load(tmp_path / f"{Path(name).stem}.npz") as file:
        image = np.abs(file["image"])
    assert np.median(image[:10]) < 0.05 * np.percentile(image, 99) < np.percentile(image, 99)
