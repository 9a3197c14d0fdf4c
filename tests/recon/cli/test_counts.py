"""A whole run on raw counts: the noise model takes their logarithm, and nothing else does."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import pi
from pathlib import Path

import numpy as np
import scipy.io
import torch

from recon.operators import ParallelBeam, Volume
from recon.phantoms import disc
from tests.recon.cli.conftest import Ran

JOB = """\
recon: 1
input: {name: numpy, path: counts.npz, keys: {data: data, truth: truth, blank: blank}}
operator:
  name: ray_transform
  geometry: {name: parallel_beam, angles: {start: 0, stop: 180, count: 24}, angle_unit: deg}
noise: {name: beer_lambert, blank: from-file}
prior: [{name: tv, lam: 20}, nonneg]
solver: {name: pdhg, stop: {max_iter: 200, gap: 1e-2}}
output: {path: out, formats: [npz], preview: no, convergence: no}
device: cpu
"""


def test_counts_of_a_disc(folder: Path, run: Callable[..., Ran]) -> None:
    """The first guess is of the logarithm too: that of the counts was a negative of the disc, and far too large."""
    thing, scan = disc(9.0, 0.1, 1.0, -2.0), ParallelBeam([pi * view / 24 for view in range(24)], 32)
    blank = torch.linspace(400, 600, 32)
    mean = blank * torch.exp(-thing.line_integrals(scan))
    counts = torch.poisson(mean, torch.Generator().manual_seed(0))
    truth = thing.rasterise(Volume((32, 32))).numpy()
    np.savez(folder / "counts.npz", data=counts.numpy(), truth=truth, blank=blank.numpy())
    (folder / "job.yaml").write_text(JOB)
    ran = run("reconstruct", "job.yaml")
    assert ran.code == 0, ran.err
    metrics = json.loads((folder / "out" / "counts.json").read_text())["metrics"]
    assert metrics["first_guess_psnr"] > 15
    assert metrics["psnr"] > metrics["first_guess_psnr"] + 5
    image = np.load(folder / "out" / "counts.npz")["image"]
    assert abs(image[truth == truth.max()].mean() - 0.1) < 0.002


def test_a_blank_scan_in_a_file_of_its_own(folder: Path, run: Callable[..., Ran]) -> None:
    """It goes through preprocessing beside the data; SPS and PDHG agree with the object."""
    thing, scan = disc(9.0, 0.1, 1.0, -2.0), ParallelBeam([pi * view / 24 for view in range(24)], 32)
    blank = torch.linspace(400, 600, 24 * 32).reshape(24, 32)
    counts = torch.poisson(blank * torch.exp(-thing.line_integrals(scan)), torch.Generator().manual_seed(0))
    truth = thing.rasterise(Volume((32, 32))).numpy()
    (folder / "scan").mkdir()
    scipy.io.savemat(folder / "scan" / "phantom.mat", {"counts": counts.numpy().T, "truth": truth})
    scipy.io.savemat(folder / "scan" / "blank.mat", {"counts": blank.numpy().T})
    job = JOB.replace(
        "{name: numpy, path: counts.npz, keys: {data: data, truth: truth, blank: blank}}",
        "{name: mat, path: scan/phantom.mat, keys: {data: counts, truth: truth, blank: {file: blank.mat}}}\n"
        "preprocess: [{name: transpose, axes: [1, 0], roles: [data, blank]}]",
    ).replace("name: beer_lambert", "name: transmission_poisson")
    (folder / "tv.yaml").write_text(job)
    ordered = "solver: {name: os_sps, subsets: 6, curvature: newton, stop: {max_iter: 4}}\n"
    (folder / "sps.yaml").write_text("base: tv.yaml\nprior: null\noutput: {path: sps}\n" + ordered)
    for name, out in (("tv", "out"), ("sps", "sps")):
        ran = run("reconstruct", f"{name}.yaml")
        assert ran.code == 0, ran.err
        record = json.loads((folder / out / "phantom.json").read_text())
        assert record["metrics"]["psnr"] > record["metrics"]["first_guess_psnr"] + 2
