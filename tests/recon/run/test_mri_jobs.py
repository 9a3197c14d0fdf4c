"""MRI jobs: coils combined, parts saved, noise levels of k-space, scores of fastMRI's evaluation."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from recon.cli import main
from recon.metrics import fastmri_scores
from recon.operators import CartesianMRI, GaussianNoise, SoftSENSE, birdcage_maps, centred_ifft

HEAD = "recon: 1\ninput: {name: hdf5, path: scan.h5, keys: {data: kspace, mask: mask%s}}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def scan(**more: np.ndarray) -> dict[str, np.ndarray]:
    """A disc in three coils, half of the lines, σ = 0.02."""
    axis = torch.linspace(-1, 1, 32)
    disc = ((axis[:, None] ** 2 + axis**2) < 0.6).to(torch.complex64)
    mask = (torch.arange(32) % 2 == 0) | ((torch.arange(32) - 16).abs() < 4)
    maps = birdcage_maps((32, 32), 3).to(torch.complex64)
    A = CartesianMRI(mask[:, None], maps)
    data = A.mask * GaussianNoise(0.02).sample(A(disc), torch.Generator().manual_seed(0))
    arrays = {"kspace": data.numpy(), "mask": A.mask.numpy(), "coil_maps": maps.numpy(), "truth": disc.numpy(), **more}
    with h5py.File("scan.h5", "w") as file:
        for name, values in arrays.items():
            file[name] = values
    return arrays


def reconstruct(text: str, name: str = "scan") -> tuple[dict[str, Any], Path]:
    """The record of the only item, and the folder with its files."""
    Path("job.yaml").write_text(text + "output: {path: out, formats: [npz]}\n", encoding="utf-8")
    assert main(["reconstruct", "job.yaml", "--quiet"]) == 0
    return json.loads(Path("out", f"{name}.json").read_text(encoding="utf-8")), Path("out")


def image(path: Path) -> np.ndarray:
    with np.load(path) as file:
        return np.asarray(file["image"])


def test_coils_are_combined_to_their_root_sum_of_squares(folder: Path) -> None:
    arrays = scan()
    job = HEAD % ", truth: truth" + "operator: {name: cartesian_mri, mask: from-file, ndim: 2}\nsolver: zero_filled\n"
    Path("job.yaml").write_text(job + "output: {path: out, formats: [npz], combine: rss}\n", encoding="utf-8")
    assert main(["reconstruct", "job.yaml", "--quiet"]) == 0
    coils = centred_ifft(torch.from_numpy(arrays["kspace"]), 2)
    expected = coils.abs().square().sum(0).sqrt().numpy()
    np.testing.assert_allclose(image(Path("out/scan.npz")), expected, atol=1e-6)
    record = json.loads(Path("out/scan.json").read_text(encoding="utf-8"))
    error = ((expected - np.abs(arrays["truth"])) ** 2).mean()
    assert record["metrics"]["psnr"] == pytest.approx(-10 * np.log10(error), abs=1e-3)


def test_sets_of_maps_are_combined_and_not_mixed(folder: Path) -> None:
    maps = np.stack([birdcage_maps((32, 32), 3).numpy(), birdcage_maps((32, 32), 3).numpy()[::-1]])
    arrays = scan(sets=maps.astype(np.complex64))
    job = HEAD % ", coil_maps: sets" + (
        "operator: {name: soft_sense, mask: from-file, coil_maps: from-file}\n"
        "prior: {name: wavelet, axes: [-2, -1], lam: 0.1}\nsolver: {name: fista, stop: {max_iter: 5}}\n"
    )
    Path("job.yaml").write_text(job + "output: {path: out, formats: [npz], combine: rss}\n", encoding="utf-8")
    assert main(["reconstruct", "job.yaml", "--quiet"]) == 0
    assert image(Path("out/scan.npz")).shape == (32, 32)
    A = SoftSENSE(torch.from_numpy(arrays["mask"]), torch.from_numpy(arrays["sets"]))
    assert A.domain_shape == (2, 32, 32)


def test_there_must_be_something_to_combine(folder: Path) -> None:
    scan()
    job = HEAD % ", coil_maps: coil_maps" + (
        "operator: {name: cartesian_mri, mask: from-file, coil_maps: from-file}\nsolver: zero_filled\n"
    )
    Path("job.yaml").write_text(job + "output: {path: out, formats: [npz], combine: rss}\n", encoding="utf-8")
    said = io.StringIO()
    with redirect_stderr(said):
        assert main(["reconstruct", "job.yaml", "--quiet"]) == 1
    assert "combine: rss needs an axis of coils or sets" in said.getvalue()


def test_the_noise_of_kspace_is_estimated_far_from_its_centre(folder: Path) -> None:
    scan()
    record, _ = reconstruct(
        HEAD % ", coil_maps: coil_maps"
        + "operator: {name: cartesian_mri, mask: from-file, coil_maps: from-file}\n"
        + "noise: {name: gaussian, sigma: estimate}\nsolver: zero_filled\n"
    )
    assert 0.015 < record["sigma"] < 0.05


def test_both_parts_of_low_rank_plus_sparse_are_saved(folder: Path) -> None:
    arrays = scan()
    series = np.broadcast_to(arrays["kspace"], (4, *arrays["kspace"].shape)).copy()
    with h5py.File("scan.h5", "a") as file:
        file["series"] = series
    _, out = reconstruct(
        (HEAD % ", coil_maps: coil_maps").replace("data: kspace", "data: series")
        + "operator: {name: cartesian_mri, mask: from-file, coil_maps: from-file, ndim: 2, shape: [4, 32, 32]}\n"
        + "prior: {name: low_rank_plus_sparse, lam: 0.01}\nsolver: {name: pdhg, stop: {max_iter: 10}}\n"
    )
    total = image(out / "scan.low_rank.npz") + image(out / "scan.sparse.npz")
    np.testing.assert_allclose(total, image(out / "scan.npz"), atol=1e-5)
    assert total.shape == (4, 32, 32)


@pytest.mark.parametrize("volumes", [False, True])
def test_fastmri_files_are_scored_against_their_reference(folder: Path, volumes: bool) -> None:
    arrays = scan()
    kspace = np.stack([arrays["kspace"], 0.5 * arrays["kspace"]])
    reference = np.abs(arrays["truth"])[None, 6:26, 6:26] * np.array([1, 0.5], np.float32)[:, None, None]
    with h5py.File("file1.h5", "w") as file:
        file["kspace"], file["reconstruction_rss"] = kspace, reference
    Path("job.yaml").write_text(
        "recon: 1\ninput: {name: fastmri, path: file1.h5, volumes: %s}\n" % ("yes" if volumes else "no")
        + "operator: {name: cartesian_mri, mask: {file: scan.h5, key: mask}, ndim: 2}\nsolver: zero_filled\n"
        + "output: {path: out, formats: [npz], combine: rss}\n",
        encoding="utf-8",
    )
    assert main(["reconstruct", "job.yaml", "--quiet"]) == 0
    name = "file1" if volumes else "file1-slice001"
    record = json.loads(Path("out", f"{name}.json").read_text(encoding="utf-8"))
    found = torch.from_numpy(image(Path("out", f"{name}.npz")))
    expected = fastmri_scores(found, torch.from_numpy(reference if volumes else reference[1]))
    assert found.shape == ((2, 32, 32) if volumes else (32, 32))
    for key, value in expected._asdict().items():
        assert record["metrics"][f"fastmri_{key}"] == pytest.approx(value)
