"""Few-view CT by filtered backprojection and by total variation: what ``make demo`` runs.

Both are jobs of configs/reconstruct, run by ``recon reconstruct JOB.yaml --json`` and compared in one picture.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from recon.reports import preview

ROOT = Path(__file__).resolve().parent.parent
METHODS = {"filtered backprojection": "ct_fbp", "total variation": "ct_few_view"}
BRAIN = (0.0, 0.04)
"""The window of the picture in 1/mm: the skull is brighter."""


def reconstruct(job: str) -> dict[str, Any]:
    """Run a job and return what it reports."""
    command = [sys.executable, "-m", "recon", "reconstruct", f"configs/reconstruct/{job}.yaml", "--json"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.returncode)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def read(path: Path, key: str) -> Tensor:
    """One array of an HDF5 file."""
    with h5py.File(path) as file:
        return torch.from_numpy(file[key][()])


def demo(console: Console) -> None:
    """Run both methods, print a table, draw a picture."""
    console.print("Shepp-Logan head, 256 × 256 pixels, from 40 noisy views of 256 bins.")
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="bold")
    table.add_column("method")
    for heading in ("PSNR dB", "SSIM", "iterations", "seconds"):
        table.add_column(heading, justify="right")
    images = []
    for method, job in METHODS.items():
        with console.status(f"{method} ..."):
            report = reconstruct(job)
        item = report["items"][0]
        psnr, ssim = (item["metrics"][key] for key in ("psnr", "ssim"))
        table.add_row(method, f"{psnr:.2f}", f"{ssim:.3f}", str(item["iterations"]), f"{item['seconds']:.2f}")
        images.append(read(ROOT / report["folder"] / "few_view.h5", "image"))
    console.print(table)
    console.print("The first run compiles the projector, which its seconds include.")
    sample = ROOT / "data" / "ct" / "few_view.h5"
    picture = preview(
        ROOT / "out" / "demo.png", read(sample, "data"), *images, read(sample, "truth"), window=BRAIN, data_range=0.1,
        data_kind="sinogram", units="1/mm", first_name="Filtered backprojection", name="Total variation",
    )  # fmt: skip
    console.print(f"Preview: {picture}", soft_wrap=True)


if __name__ == "__main__":
    demo(Console(highlight=False))
