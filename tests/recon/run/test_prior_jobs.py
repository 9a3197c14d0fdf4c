"""Every prior with a cost as a job names it, and the references that some of them take."""

from __future__ import annotations

from math import pi
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from recon.cli import main
from recon.operators import FilteredBackprojection, GaussianNoise, ParallelBeam, RayTransform, Volume
from recon.phantoms import disc
from recon.priors import AdaptiveTV, NonNegative, TotalVariation, VariationalPrior
from recon.solvers import PDHG, Gap, MaxIter, Problem

SCAN = """
recon: 1
input: {name: hdf5, path: scan.h5, keys: {data: data, angles: angles, reference: reference}}
operator:
  name: ray_transform
  geometry: {name: parallel_beam, angles: from-file, angle_unit: rad}
  volume: {shape: [12, 12]}
noise: {name: gaussian, sigma: 0.1}
"""

SERIES = """
recon: 1
input: {name: hdf5, path: series.h5}
operator: {name: mask, mask: {file: series.h5, key: mask}}
noise: {name: gaussian, sigma: 0.1}
"""

IMAGES = [
    "{name: tv, isotropic: false, spacing: 0.5, axis_weights: [1, 0.5]}",
    "{name: tv, weights: {file: scan.h5, key: reference}}",
    "{name: adaptive_tv, reference: first-guess}",
    "{name: weighted_tv, reference: from-file, eta: 0.1, p: 0.5}",
    "{name: directional_tv, reference: from-file, smoothing: 1.0}",
    "{name: huber_tv, delta: 0.05}",
    "[{name: tgv}, nonneg]",
    "{name: ictv, ratio: 1.5}",
    "{name: line_tv, axes: [0, 1]}",
    "{name: fused_lasso, sparsity: 0.1}",
    "{name: graph_laplacian, reference: first-guess, sigma: 0.01, radius: 1}",
    "{name: wavelet, wavelet: haar}",
    "{name: sparsity, transform: undecimated_wavelet, wavelet: haar}",
    "{name: sparsity, penalty: scad, knee: 0.1}",
    "{name: sparsity, penalty: mcp, saturation: 0.5}",
    "{name: sparsity, penalty: l0}",
    "{name: sparsity, penalty: k_sparse, k: 50}",
    "{name: low_rank}",
    "{name: tikhonov, reference: first-guess}",
    "{name: entropy, reference: 0.1}",
    "{name: box, lower: 0, upper: 1}",
    "{name: simplex}",
    "{name: support, mask: {file: scan.h5, key: reference}}",
    "{name: dyadic_partition, lam: 0.1}",
    "{name: magnitude, prior: {name: tv}}",
]

STACKS = [
    "{name: tv, axis_weights: [0.3, 1, 1]}",
    "{name: joint_tv, channel_weights: [1, 2, 3]}",
    "{name: nuclear_tv}",
    "{name: tgv, axes: [1, 2]}",
    "{name: sparsity, groups: true}",
    "{name: llr, block: [4, 4]}",
    "{name: tubal_low_rank, tube: 0}",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    A = scan()
    clean = disc(4.0, 1.0).rasterise(A.volume)
    with h5py.File("scan.h5", "w") as file:
        file["data"] = GaussianNoise(0.1).sample(A(clean), torch.Generator().manual_seed(0)).numpy()
        file["angles"] = np.array(A.geometry.angles)
        file["reference"] = clean.numpy()
    with h5py.File("series.h5", "w") as file:
        file["data"] = np.random.default_rng(0).random((3, 8, 8), np.float32)
        file["mask"] = (np.random.default_rng(1).random((3, 8, 8)) < 0.6).astype(np.float32)
    return tmp_path


def scan() -> RayTransform:
    return RayTransform(Volume((12, 12)), ParallelBeam([pi * k / 9 for k in range(9)], 18))


def result(text: str, prior: str, solver: str) -> torch.Tensor:
    """The image that a job ends with."""
    Path("job.yaml").write_text(f"{text}prior: {prior}\nsolver: {solver}\noutput: {{path: out, formats: [hdf5]}}\n")
    assert main(["reconstruct", "job.yaml", "--out", "out", "--quiet"]) == 0, prior
    (path,) = (path for path in Path("out").rglob("*.h5") if "." not in path.stem)
    with h5py.File(path) as file:
        return torch.from_numpy(file["image"][()])


@pytest.mark.parametrize("prior", IMAGES)
def test_prior_of_a_scan(folder: Path, prior: str) -> None:
    image = result(SCAN, prior, "{name: auto, stop: {max_iter: 5}}")
    assert image.shape == (12, 12)
    assert bool(torch.isfinite(image).all())
    assert bool(image.any())


@pytest.mark.parametrize("prior", STACKS)
def test_prior_of_a_series(folder: Path, prior: str) -> None:
    image = result(SERIES, prior, "{name: auto, stop: {max_iter: 5}}")
    assert image.shape == (3, 8, 8)
    assert bool(torch.isfinite(image).all())
    assert bool(image.any())


@pytest.mark.slow
def test_references_are_what_a_job_says_they_are(folder: Path) -> None:
    """First guesses are filtered backprojections, priors are solved for from the same data, files are read."""
    A = scan()
    with h5py.File("scan.h5") as file:
        data, given = (torch.from_numpy(file[key][()]) for key in ("data", "reference"))

    def image(prior: VariationalPrior) -> torch.Tensor:
        stop = MaxIter(2000) | Gap(1e-6)
        return PDHG(stop=stop).solve(Problem(A, data.double(), GaussianNoise(0.1), prior)).image

    solver = "{name: pdhg, stop: {max_iter: 2000, gap: 1e-5}}"
    references = {
        "first-guess": FilteredBackprojection(A)(data),
        "from-file": given,
        f"{{prior: [{{name: tv, lam: 3}}, nonneg], solver: {solver}}}": image(TotalVariation(3.0) + NonNegative()),
    }
    for text, reference in references.items():
        prior = f"{{name: adaptive_tv, lam: 5, eta: 0.2, reference: {text}}}"
        found = result(SCAN, prior, solver)
        torch.testing.assert_close(found.double(), image(AdaptiveTV(5.0, reference, eta=0.2)), atol=3e-3, rtol=0)
        (path,) = Path("out").rglob("*.h5")
        path.unlink()


@pytest.mark.parametrize(
    ("prior", "sentence"),
    [
        ("{name: adaptive_tv}", "AdaptiveTV needs a reference"),
        ("{name: adaptive_tv, reference: nowhere.npy}", "'nowhere.npy', which does not exist"),
        ("{name: tv, weights: [[-1.0]]}", "TotalVariation expects nonnegative weights, got -1 among them."),
        ("{name: tubal_low_rank}", "expects items of three dimensions, got shape (12, 12)"),
    ],
)
def test_what_is_refused(folder: Path, prior: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("job.yaml").write_text(f"{SCAN}prior: {prior}\n")
    assert main(["reconstruct", "job.yaml", "--out", "out", "--quiet"]) == 2
    assert sentence in capsys.readouterr().err
