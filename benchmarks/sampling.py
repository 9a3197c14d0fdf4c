"""Posterior sampling beside deepinv.sampling and azula, in one run: ``python -m benchmarks.sampling``.

Everybody has the same network, the same number of calls of it and of its adjoint derivative, the same noise levels,
mask, data and batch, in single precision; the run ends where calls differ. Where two do the same, their images for one
noise are compared first, and the run ends where they differ. What is judged is the time outside the network, which a
meter around the network takes out: with a small U-Net, and with a network that does next to nothing. Medians of CPU
seconds, and of ratios within rounds, which are interleaved so that a busy machine slows all alike; on a GPU (``--device
cuda``) of seconds until the device is done, with a 64² U-Net and 64 images, where the network's own time is that of as
many bare calls.
``--check`` ends with the goals that were missed and status 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import sys
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from benchmarks.sampling_case import Case
from benchmarks.sampling_goals import missed
from benchmarks.sampling_network import Cheap, Meter, Metered, unet
from benchmarks.sampling_peers import PEERS
from benchmarks.sampling_tables import METHODS, Setting, Table

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
LIBRARIES = ("torch", "numpy", "numba", "deepinv", "azula")


def main() -> int:
    """Run all tables, print them or write JSON, and name the goals that were missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and steps, and no batch of 64 in the U-Net")
    parser.add_argument("--check", action="store_true", help="name the goals that were missed, status 1 if any")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything to a file as well")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--threads", type=int, default=1, help="threads of every library (1 by default)")
    parser.add_argument("--only", nargs="+", metavar="METHOD", help=f"some methods alone: {', '.join(METHODS)}")
    given = parser.parse_args()
    unknown = set(given.only or ()) - set(METHODS)
    if unknown:
        parser.error(f"there is no method {', '.join(sorted(unknown))}; there are {', '.join(METHODS)}.")
    if any(os.environ.get(name) != str(given.threads) for name in THREADS):  # read once, when libraries are loaded
        os.environ.update(dict.fromkeys(THREADS, str(given.threads)))
        os.execv(sys.executable, [sys.executable, "-m", "benchmarks.sampling", *sys.argv[1:]])
    torch.set_num_threads(given.threads)
    torch.set_grad_enabled(False)
    warnings.filterwarnings("ignore")
    peers, absent = _peers()
    setting = Setting(peers, 5 if given.quick else 15, 3.0 if given.quick else 10.0, absent)
    results: dict[str, Any] = {"environment": _environment(given), "tables": {}, "absent": absent}
    for label, case in _cases(given):
        for method in given.only or METHODS:
            table = setting.table(f"{method}, {label}", method, case)
            results["tables"][table.title] = dataclasses.asdict(table)
            _show(table)
    for name, reason in absent.items():
        print(f"\nmissing peer: {name} ({reason})")
    results["goals"], results["missed"] = missed(results["tables"])
    print("\ngoals, as ratios of this run")
    for goal, found in results["goals"].items():
        print(f"  {goal:100s} {found}")
    if given.json:
        given.json.write_text(json.dumps(results, indent=1))
    if given.check:
        print("\n".join(f"missed: {goal}" for goal in results["missed"]) or "every goal reached")
        return int(bool(results["missed"]))
    return 0


def _cases(given: argparse.Namespace) -> Iterator[tuple[str, Case]]:
    """Fewer steps where the network takes long, for as many rounds."""
    device, steps = torch.device(given.device), 20 if given.quick else 50
    pixels = 32
    if given.device == "cuda":
        pixels = 64
        kinds = [("U-Net", unet((64, 128, 192)), {64: steps}), ("no network", Cheap(64), {64: steps})]
    else:
        counts = {1: 20, 8: 10} if given.quick else {1: 50, 8: 20, 64: 10}
        kinds = [("no network", Cheap(32), dict.fromkeys((1, 8, 64), steps)), ("U-Net", unet((8, 16)), counts)]
    for name, network, counts in kinds:
        meter = Meter(timed=given.device == "cpu")
        metered = Metered(network.to(device), meter)
        for batch, count in counts.items():
            yield f"{name}, {pixels}², batch {batch}", Case(metered, pixels, batch, count, device)


def _peers() -> tuple[dict[str, Any], dict[str, str]]:
    found, absent = {}, {}
    for name, peer in PEERS.items():
        try:
            found[name] = peer()
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
        "device": torch.cuda.get_device_name() if given.device == "cuda" else platform.machine(),
        "cores": os.cpu_count(),
        "threads": given.threads,
        "python": platform.python_version(),
        "versions": versions,
        "command": " ".join(["python -m benchmarks.sampling", *sys.argv[1:]]),
    }


def _show(table: Table) -> None:
    forward, backward = table.calls
    print(f"\n{table.title}: {table.steps} steps, {forward} calls of the network, {backward} of its derivative")
    print(f"{'':44s} {'images/s':>9s} {'outside':>9s} {'per image':>9s} {'ratio':>6s} {'MiB':>7s}  difference")
    for name, row in table.rows.items():
        step = 1e6 * row.outside / table.steps
        numbers = f"{table.batch / row.seconds:9.1f} {step:6.0f} µs {step / table.batch:6.1f} µs"
        memory = "" if row.memory is None else f"{row.memory:.1f}"
        difference = row.note if row.difference is None else f"{row.difference:.0e}"
        print(f"{name:44s} {numbers} {row.ratio:6.2f} {memory:>7s}  {difference}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
