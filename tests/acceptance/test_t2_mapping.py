"""T2 from eight echoes at R = 4 in eight coils: maps straight from k-space beside images of each echo and a fit.

Median relative error of T2 over the head in the sample `data/mri/multi_echo.h5`, 2026-11-21, like with like:

    CG-SENSE of each echo, fit by maximum likelihood   13.5 %    Gauss-Newton, quadratic penalty   6.4 %
    total variation of each echo, the same fit          4.2 %    Gauss-Newton, TV of both maps     1.9 %

The penalties of the left column and of the upper right entry are the best of a few, found with the truth; the last is
the shipped job `mri_t2`.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor

from recon.cli import main
from recon.operators import CartesianMRI, Dictionary, GaussianNoise, QuantitativeMRI, T2Decay, fit_voxels
from recon.priors import TotalVariation
from recon.solvers import FISTA, GaussNewton, MaxIter, Problem, RelChange, cg

ROOT = Path(__file__).parents[2]


class Sample:
    """The sample, and errors of T2 against its truth."""

    def __init__(self) -> None:
        with h5py.File(ROOT / "data" / "mri" / "multi_echo.h5") as file:
            arrays = {key: torch.from_numpy(file[key][()]) for key in ("kspace", "mask", "coil_maps", "echo_times")}
            self.truth = torch.from_numpy(file["t2"][()])
        self.data, self.mask = arrays["kspace"], arrays["mask"]
        self.scan = CartesianMRI(arrays["mask"], arrays["coil_maps"], ndim=2)
        self.A = QuantitativeMRI(self.scan, T2Decay(arrays["echo_times"], t2=0.1))
        self.atoms = Dictionary(self.A.signal, t2=torch.logspace(-2, 0.5, 300))

    def error(self, t2: Tensor) -> float:
        inside = self.truth > 0
        return float(((t2 - self.truth).abs() / self.truth)[inside].median())

    def fitted(self, images: Tensor) -> float:
        start = self.A.point(**self.atoms.match(images))
        return self.error(self.A.maps(fit_voxels(self.A.signal, images, start))["t2"])


@pytest.fixture(scope="module")
def sample() -> Sample:
    return Sample()


@pytest.mark.slow
def test_gauss_newton_halves_the_error_of_sense_and_fit(sample: Sample) -> None:
    assert sample.data.shape[:2] == (8, 8)
    assert float(sample.mask.float().mean()) == 0.25
    scan, back = sample.scan, sample.scan.adjoint(sample.data)
    theirs = []
    for lam in (1e-3, 3e-3, 1e-2, 2e-2, 3e-2, 1e-1):
        theirs.append(sample.fitted(cg(lambda x, lam=lam: scan.normal(x) + lam * x, back, 3, None, 1e-5, 100)[0]))
    ours = []
    for least in (30.0, 60.0, 120.0):
        solver = GaussNewton(stop=MaxIter(12), decay=1 / 3, alpha_least=least, inner_tol=1e-2)
        result = solver.solve(Problem(sample.A, sample.data, GaussianNoise(0.01)))
        ours.append(sample.error(sample.A.maps(result.image)["t2"]))
    assert min(ours) <= 0.5 * min(theirs), (ours, theirs)
    assert 0.1 < min(theirs) < 0.16


@pytest.mark.slow
def test_the_shipped_job_halves_the_error_of_total_variation_of_each_echo_and_fit(
    sample: Sample, tmp_path: Path
) -> None:
    job = ROOT / "configs" / "reconstruct" / "mri_t2.yaml"
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(["reconstruct", str(job), "--out", str(tmp_path), "--json"]) == 0
    ours = sample.error(torch.from_numpy(np.load(tmp_path / "multi_echo.t2.npz")["image"]))
    theirs = []
    for lam in (40.0, 80.0, 160.0):
        problem = Problem(sample.scan, sample.data, GaussianNoise(0.01), TotalVariation(lam, axes=(-2, -1)))
        theirs.append(sample.fitted(FISTA(stop=MaxIter(200) | RelChange(1e-4)).solve(problem).image))
    assert ours <= 0.5 * min(theirs), (ours, theirs)
    assert ours < 0.022
