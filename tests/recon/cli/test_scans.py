"""Whole runs on scans: volumes from cones, slices and volumes of synchrotron files, views left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import pi
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from recon.operators import ConeBeam, ParallelBeam3D, Volume
from recon.phantoms import ball
from tests.recon.cli.conftest import Ran

Run = Callable[..., Ran]

BALL, OFF_CENTRE = 0.05, (0.5, -1.0, 0.6)
CONE = """\
recon: 1
input: {name: numpy, path: cones, keys: {data: data, angles: angles, truth: truth}}
operator:
  name: ray_transform
  geometry: {name: cone, angles: from-file, angle_unit: deg, source_to_axis: 60, source_to_detector: 90, pitch: 1.5}
solver: fbp
output: {path: out, formats: [npz, tiff32, png]}
device: cpu
"""


@pytest.fixture
def cones(folder: Path) -> Path:
    """Two scans of a ball in a cone, 24 views of 10 × 12 bins, and their job."""
    (folder / "cones").mkdir()
    degrees = np.arange(24) * 15.0
    scan = ConeBeam(np.deg2rad(degrees), 10, 12, 60.0, 90.0, 1.5)
    for number, radius in enumerate((3.0, 4.0)):
        thing = ball(radius, BALL, *OFF_CENTRE)
        np.savez(
            folder / "cones" / f"s{number}.npz",
            data=thing.line_integrals(scan, samples=3).numpy(),
            angles=degrees,
            truth=thing.rasterise(Volume((10, 12, 12))).numpy(),
        )
    (folder / "job.yaml").write_text(CONE)
    return folder


def test_a_cone_gives_a_volume_in_every_format(cones: Path, run: Run) -> None:
    ran = run("reconstruct", "job.yaml")
    assert ran.code == 0, ran.err
    volume = np.load(cones / "out" / "s1.npz")["image"]
    truth = np.load(cones / "cones" / "s1.npz")["truth"]
    assert volume.shape == (10, 12, 12)
    assert np.abs(volume[4:6, 4:7, 5:8] - BALL).max() < 0.15 * BALL, "the middle of the ball has its value"
    assert np.corrcoef(volume.ravel(), truth.ravel())[0, 1] > 0.9
    pages = tifffile.imread(cones / "out" / "s1.tiff")
    np.testing.assert_array_equal(pages, volume)
    with tifffile.TiffFile(cones / "out" / "s1.tiff") as file:
        assert len(file.pages) == 10
    with Image.open(cones / "out" / "s1.png") as picture:
        shown = np.asarray(picture).astype(float)
    assert shown.shape == (12, 12)
    low, high = np.percentile(volume[5], (0.1, 99.9))
    np.testing.assert_allclose(shown, np.clip((volume[5] - low) * 255 / (high - low), 0, 255), atol=0.51)
    record = json.loads((cones / "out" / "s1.json").read_text())
    assert (record["shape"], record["spacing_mm"], record["first_guess"]) == ([10, 12, 12], [1, 1, 1], "FDK")
    assert record["metrics"]["psnr"] > 20
    with Image.open(cones / "out" / "s1.preview.png") as picture:
        width, height = picture.size
    assert width > 4 * height / 2


def test_volumes_in_a_batch_are_those_of_single_runs(cones: Path, run: Run) -> None:
    words = ("reconstruct", "job.yaml", "--quiet", "--set", "prior={name: tv, lam: 0.01}", "--set")
    words = (*words, "solver={name: pdhg, stop: {max_iter: 4}}", "--set", "output.preview=no")
    assert run(*words, "--out", "one").code == 0
    assert run(*words, "--out", "two", "--set", "batch_size=2").code == 0
    for name in ("s0.npz", "s1.npz"):
        alone, together = (np.load(cones / out / name)["image"] for out in ("one", "two"))
        np.testing.assert_allclose(alone, together, rtol=0, atol=1e-7)


SYNCHROTRON = """\
recon: 1
input: {name: dxchange, path: scan.h5}
preprocess: [flat_field, negative_log, rotation_axis]
operator: {name: ray_transform, geometry: {name: from-file, pitch: 0.5}}
solver: fbp
output: {path: out, formats: [npz], preview: no}
device: cpu
"""
AXIS = 2.25


@pytest.fixture
def synchrotron(folder: Path) -> Path:
    """Counts of a ball in parallel rays, the axis 2.25 bins beside the middle, and the job."""
    angles = [pi * view / 60 for view in range(60)]
    scan = ParallelBeam3D(angles, 4, 40, 0.5, (0.0, -AXIS * 0.5))
    counts = 1000 * torch.exp(-ball(4.0, BALL, 2.0, -1.0).line_integrals(scan, samples=3)) + 50
    with h5py.File(folder / "scan.h5", "w") as file:
        file["exchange/data"] = counts.numpy()
        file["exchange/data_white"] = np.full((2, 4, 40), 1050, np.float32)
        file["exchange/data_dark"] = np.full((2, 4, 40), 50, np.float32)
        file["exchange/theta"] = np.rad2deg(angles)
        file["exchange/theta"].attrs["units"] = "degrees"
    (folder / "job.yaml").write_text(SYNCHROTRON)
    return folder


def test_slices_of_a_synchrotron_scan_are_those_of_its_volume(synchrotron: Path, run: Run) -> None:
    assert run("reconstruct", "job.yaml", "--quiet").code == 0
    record = json.loads((synchrotron / "out" / "scan.json").read_text())
    assert record["preprocessing"]["axis_offset_px"] == pytest.approx(AXIS, abs=0.05)
    assert (record["shape"], record["units"]) == ([4, 40, 40], "1/mm")
    volume = np.load(synchrotron / "out" / "scan.npz")["image"]
    assert volume[1:3, 17:19, 23:25].mean() == pytest.approx(BALL, rel=0.02)
    axis = f"preprocess.2.offset={record['preprocessing']['axis_offset_px']}"
    assert run("reconstruct", "job.yaml", "--quiet", "--set", "input.slices=all", "--set", axis).code == 0
    slices = [np.load(synchrotron / "out" / f"scan-slice00{row}.npz")["image"] for row in range(4)]
    np.testing.assert_allclose(np.stack(slices), volume, atol=1e-3 * BALL)


def test_views_are_left_out_of_data_and_geometry(synchrotron: Path, run: Run) -> None:
    steps = "preprocess=[flat_field, negative_log, {name: rotation_axis, offset: 2.25}, {name: views, every: 2}]"
    assert run("reconstruct", "job.yaml", "--quiet", "--set", steps).code == 0
    record = json.loads((synchrotron / "out" / "scan.json").read_text())
    assert record["preprocessing"]["views"] == {"of": 60, "kept": list(range(0, 60, 2))}
    assert record["geometry"].startswith("ParallelBeam3D(30 angles, rows=4, bins=40, ")
    volume = np.load(synchrotron / "out" / "scan.npz")["image"]
    assert volume[1:3, 17:19, 23:25].mean() == pytest.approx(BALL, rel=0.03)
