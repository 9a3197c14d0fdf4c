"""Few-view CT by filtered backprojection and by total variation: what ``make demo`` runs."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from recon.cli import main

ROOT = Path(__file__).resolve().parent.parent
METHODS = {"filtered backprojection": "ct_fbp", "total variation": "ct_few_view"}


def reconstruct(job: str) -> dict[str, Any]:
    """Run a job of configs/reconstruct, as ``recon reconstruct JOB.yaml --json`` does, and return its report."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        code = main(["reconstruct", str(ROOT / "configs" / "reconstruct" / f"{job}.yaml"), "--json"])
    if code != 0:
        raise SystemExit(code)
    report: dict[str, Any] = json.loads(output.getvalue())
    return report


def show(console: Console) -> Path:
    """Run both methods, print a table, and return the path of the preview."""
    console.print("Shepp-Logan head, 256 × 256 pixels, from 40 noisy views of 256 bins.")
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="bold")
    table.add_column("method")
    for heading in ("PSNR dB", "SSIM", "iterations", "seconds"):
        table.add_column(heading, justify="right")
    report: dict[str, Any] = {}
    for method, job in METHODS.items():
        with console.status(f"{method} ..."):
            report = reconstruct(job)
        item = report["items"][0]
        psnr, ssim = (item["metrics"][key] for key in ("psnr", "ssim"))
        table.add_row(method, f"{psnr:.2f}", f"{ssim:.3f}", str(item["iterations"]), f"{item['seconds']:.2f}")
    console.print(table)
    console.print("The first run compiles the projector, which its seconds include.")
    return Path(report["folder"]).resolve() / "few_view.preview.png"


if __name__ == "__main__":
    console = Console(highlight=False)
    console.print(f"Preview, with first guess, truth and error: {show(console)}", soft_wrap=True)
