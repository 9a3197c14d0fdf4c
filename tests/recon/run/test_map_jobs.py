"""Jobs that reconstruct maps of quantities."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from PIL import Image

from recon.cli import main
from recon.operators import CartesianMRI, OffResonanceMRI, QuantitativeMRI, T2Decay, birdcage_maps

TE = [0.01, 0.03, 0.06]
Y, X = np.mgrid[:12, :10]
T2 = 0.05 + 0.01 * X
M0 = (2 + np.sin(Y)) * np.exp(0.2j * X)
T2[:2], M0[:2] = 0.05, 0

JOB = """
recon: 1
input: {{name: hdf5, path: scan.h5, keys: {{data: data, echo_times: te, mask: mask, coil_maps: maps, t2: t2}}}}
preprocess: [{{name: scale, factor: 0.5}}]
operator: {operator}
noise: {{name: gaussian, sigma: 0.01}}
solver: {{name: gauss_newton, decay: 0.1, inner_tol: 1e-7, inner_iter: 300, stop: {{max_iter: 12}}}}
output: {{path: out, formats: [npz, png]}}
dtype: float64
"""
IMAGES = "{name: t2_decay, echo_times: from-file}"
KSPACE = """
  name: quantitative_mri
  scan: {name: cartesian_mri, mask: from-file, coil_maps: from-file, ndim: 2}
  signal: {name: t2_decay, echo_times: from-file}
"""


def solved(folder: Path, operator: str) -> dict[str, Any]:
    """What the job says of its only item, with the scan simulated by the operator that it names."""
    maps = birdcage_maps((12, 10), 4).to(torch.complex128)
    lines = torch.ones(3, 12, 1)
    lines[:, 1::3] = 0
    model = T2Decay(TE, (12, 10))
    A = model if operator is IMAGES else QuantitativeMRI(CartesianMRI(lines, maps, ndim=2), model)
    with h5py.File(folder / "scan.h5", "w") as file:
        file["data"] = A(model.point(m0=torch.from_numpy(M0), t2=torch.from_numpy(T2))).numpy()
        file["t2"] = 1.02 * T2 * (M0 != 0)
        file["te"], file["mask"], file["maps"] = TE, lines.numpy(), maps.numpy()
    (folder / "job.yaml").write_text(JOB.format(operator=operator), encoding="utf-8")
    assert main(["reconstruct", str(folder / "job.yaml"), "--quiet"]) == 0
    found: dict[str, Any] = json.loads((folder / "out" / "scan.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("operator", [IMAGES, KSPACE], ids=["images", "k-space"])
def test_maps_are_written_by_name_with_units_on_the_scale_of_the_file(tmp_path: Path, operator: str) -> None:
    record = solved(tmp_path, operator)
    assert record["maps"] == {"m0": "", "t2": "s"}
    assert record["metrics"] == {"t2_median_error": pytest.approx(0.02 / 1.02, rel=1e-2)}
    names = {"npz", "preview.png", "convergence.png", "m0.npz", "m0.png", "t2.npz", "t2.png"}
    assert {name.partition(".")[2] for name in record["files"]} == names
    t2, m0 = (np.load(tmp_path / "out" / f"scan.{name}.npz") for name in ("t2", "m0"))
    np.testing.assert_allclose(m0["image"], M0, atol=1e-3)
    np.testing.assert_allclose(t2["image"][2:], T2[2:], rtol=1e-3)
    assert json.loads(str(t2["metadata"]))["units"] == "s"
    assert json.loads(str(t2["metadata"]))["holds"] == "t2"
    assert np.load(tmp_path / "out" / "scan.npz")["image"].shape == (2, 12, 10)
    with Image.open(tmp_path / "out" / "scan.t2.png") as picture:
        assert picture.size == (10, 12)
        values = np.asarray(picture).astype(int)
    assert (np.diff(values[5]) >= 0).all()
    assert values[5, -1] > values[5, 0] + 200


def test_a_job_names_a_scan_off_resonance(tmp_path: Path) -> None:
    maps = birdcage_maps((12, 10), 4).to(torch.complex128)
    b0 = torch.from_numpy(30.0 * X)
    times = torch.arange(10, dtype=torch.float64) * 1e-3
    A = OffResonanceMRI(CartesianMRI(torch.ones(1), maps), b0, times, tol=1e-8)
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["data"], file["maps"] = A(torch.from_numpy(M0)).numpy(), maps.numpy()
        file["b0"] = b0.numpy()
    job = """
recon: 1
input: {name: hdf5, path: scan.h5, keys: {data: data, coil_maps: maps, b0: b0}}
operator:
  name: off_resonance_mri
  scan: {name: cartesian_mri, mask: [[1]], coil_maps: from-file}
  b0: from-file
  times: {start: 0, stop: 0.01, count: 10}
  segmentation: frequency
  tol: 1e-6
solver: {name: cgls, stop: {max_iter: 100, change: 1e-9}}
output: {path: out, formats: [npz]}
dtype: float64
"""
    (tmp_path / "job.yaml").write_text(job, encoding="utf-8")
    assert main(["reconstruct", str(tmp_path / "job.yaml"), "--quiet"]) == 0
    np.testing.assert_allclose(np.load(tmp_path / "out" / "scan.npz")["image"], M0, atol=1e-4)
