"""MRI beside bare Fourier transforms and other libraries, in one run: ``python -m benchmarks.mri``.

Medians of CPU seconds, rounds of all rows interleaved so that a busy machine slows all alike; on a GPU (``--device
cuda``) of seconds until the device is done. Everybody works in complex64, on the same data, with the same number of
iterations. Before anything is timed each result is compared, and the run ends where one is off: with recon's own
result, or, for nonuniform transforms, with the sum over all pixels in double precision. Peers are deepinv, SigPy,
mrpro, mri-nufft and torchkbnufft where they are installed. ``--check`` ends with the goals that were missed and
status 1.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import warnings
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from benchmarks import mri_tables
from benchmarks.mri_goals import missed
from benchmarks.mri_peers import PEERS
from benchmarks.mri_scans import calibration_kspace, cartesian_scan, echo_masks, masks, radial_scan
from benchmarks.mri_tables import Setting, Table

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
LIBRARIES = (
    "torch",
    "numpy",
    "numba",
    "finufft",
    "cufinufft",
    "deepinv",
    "sigpy",
    "mrpro",
    "mri-nufft",
    "torchkbnufft",
)


def main() -> int:
    """Run all tables, print them or write JSON, and name the goals that were missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and less time for slow peers")
    parser.add_argument("--check", action="store_true", help="name the goals that were missed, status 1 if any")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything to a file as well")
    parser.add_argument("--kspace", type=Path, metavar="FILE", help="k-space (coils, ny, nx) for ESPIRiT, a .npy file")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--threads", type=int, default=1, help="threads of every library (1 by default)")
    parser.add_argument("--only", nargs="+", metavar="TABLE", help=f"some tables alone: {', '.join(TABLES)}")
    given = parser.parse_args()
    unknown = set(given.only or ()) - set(TABLES)
    if unknown:
        parser.error(f"there is no table {', '.join(sorted(unknown))}; there are {', '.join(TABLES)}.")
    if any(os.environ.get(name) != str(given.threads) for name in THREADS):  # read once, when libraries are loaded
        os.environ.update(dict.fromkeys(THREADS, str(given.threads)))
        os.execv(sys.executable, [sys.executable, "-m", "benchmarks.mri", *sys.argv[1:]])
    torch.set_num_threads(given.threads)
    torch.set_grad_enabled(False)
    warnings.filterwarnings("ignore")
    peers, absent = _peers(given.device)
    setting = Setting(peers, torch.device(given.device), 7 if given.quick else 21, 4.0 if given.quick else 20.0, absent)
    results: dict[str, Any] = {"environment": _environment(given), "tables": {}, "absent": absent}
    for name, make in TABLES.items():
        if given.only and name not in given.only:
            continue
        for key, table in make(given, setting):
            results["tables"][key] = vars(table)
            _show(table)
    for name, reason in absent.items():
        print(f"\nmissing peer: {name} ({reason})")
    results["goals"], results["missed"] = missed(results["tables"])
    print("\ngoals, as ratios of this run")
    for goal, found in results["goals"].items():
        print(f"  {goal:72s} {found}")
    if given.json:
        given.json.write_text(json.dumps(results, indent=1))
    if given.check:
        print("\n".join(f"missed: {goal}" for goal in results["missed"]) or "every goal reached")
        return int(bool(results["missed"]))
    return 0


def _cartesian(given: argparse.Namespace, setting: Setting) -> Any:
    scans = {label: cartesian_scan(mask, 8, 8, setting.device) for label, mask in masks(256).items()}
    return mri_tables.cartesian_tables(scans, setting)


def _sense(given: argparse.Namespace, setting: Setting) -> Any:
    scan = cartesian_scan(masks(256)["lines across x"], 1, 8, setting.device)
    yield "sense", mri_tables.sense_table(scan, setting)


def _radial(make: str) -> Any:
    def tables(given: argparse.Namespace, setting: Setting) -> Any:
        yield make, getattr(mri_tables, f"{make}_table")(radial_scan(256, 8, 200, 512, 1e-4, setting.device), setting)

    return tables


def _espirit(given: argparse.Namespace, setting: Setting) -> Any:
    yield "espirit", mri_tables.espirit_table(calibration_kspace(given.kspace, 256, 8), setting)


def _quantitative(given: argparse.Namespace, setting: Setting) -> Any:
    yield (
        "quantitative",
        mri_tables.quantitative_table(cartesian_scan(echo_masks(256, 8), 8, 8, setting.device), setting),
    )


TABLES = {
    "cartesian": _cartesian,
    "sense": _sense,
    "nufft": _radial("nufft"),
    "toeplitz": _radial("toeplitz"),
    "radial": _radial("radial"),
    "espirit": _espirit,
    "quantitative": _quantitative,
}


def _peers(device: str) -> tuple[dict[str, Any], dict[str, str]]:
    found, absent = {}, {}
    for name, peer in PEERS.items():
        try:
            if device in peer.devices:
                found[name] = peer()
            else:
                absent[name] = f"not run on {device}"
        except ImportError as error:
            absent[name] = str(error)
    return found, absent


def _environment(given: argparse.Namespace) -> dict[str, Any]:
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": torch.cuda.get_device_name() if given.device == "cuda" else _processor(),
        "cores": os.cpu_count(),
        "threads": given.threads,
        "python": platform.python_version(),
        "versions": versions,
        "command": " ".join(["python -m benchmarks.mri", *sys.argv[1:]]),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _show(table: Table) -> None:
    print(f"\n{table.title}\n{'':52s} {'ms':>9s} {'ratio':>7s}  difference {table.difference}")
    for name, seconds in table.seconds.items():
        difference = f"{table.differences[name]:10.1e}" if name in table.differences else ""
        print(
            f"{name:52s} {1e3 * seconds:9.2f} {seconds / table.seconds[table.reference]:7.2f}  {difference}", flush=True
        )


if __name__ == "__main__":
    sys.exit(main())
