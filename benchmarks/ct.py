"""Ray transforms beside their peers, and a reconstruction beside theirs: ``python -m benchmarks.ct``.

All peers project the same phantom in one process. Rounds are interleaved, so that a busy machine slows all alike, and
medians are reported; peers that take less than 50 ms a call are called repeatedly in each round, and a peer sits out
once it has had ``--limit`` seconds. Times are milliseconds per image, and as a
ratio how many times as long that is as recon's default takes on as many threads. "error" is that of float32 projections
relative to the exact line integrals (peers whose centre lies half a pixel off are compared there); "dot" is
|⟨Ax, y⟩ − ⟨x, Aᵀy⟩|/⟨Ax, y⟩ for uniform random x and y; "MiB" is the most that memory grows by during a forward and an
adjoint projection, results included. Where there is a CUDA device the tables for it follow. Last, 500 iterations of
PDHG with total variation from 60 views run on recon, on ODL with ASTRA and on deepinv's projector.

``--check`` ends with the goals that were missed and status 1.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks import ct_cuda
from benchmarks.ct_end_to_end import end_to_end
from benchmarks.ct_goals import missed
from benchmarks.ct_peers import FAMILIES, Peer, scans
from benchmarks.lerp import lerp_rate
from benchmarks.memory import peak
from recon.operators import Geometry, ParallelBeam, Volume
from recon.phantoms import EllipsePhantom, shepp_logan, shepp_logan_3d

Row = dict[str, Any]

BLOCK = 0.05  # seconds for which fast peers are called again and again in a round


def phantom(volume: Volume) -> Any:
    """A head that fills most of a volume."""
    radius = 0.45 * min(n * h for n, h in zip(volume.shape, volume.spacing, strict=True))
    return shepp_logan(radius) if volume.ndim == 2 else shepp_logan_3d(radius)


def error(peer: Peer, volume: Volume) -> float:
    """Relative error of the projections of one image."""
    head = phantom(volume)
    found = peer.forward(head.rasterise(volume)).double()
    if not peer.centred_on_pixels:
        exact = head.line_integrals(peer.geometry, dtype=torch.float64)
        return float((found - exact).norm() / exact.norm())
    errors = []
    assert isinstance(peer.geometry, ParallelBeam)
    for dx, dy, ds in itertools.product((-0.5, 0.0, 0.5), repeat=3):
        moved = EllipsePhantom([replace(e, x=e.x + dx, y=e.y + dy) for e in head.ellipses])
        exact = moved.line_integrals(replace(peer.geometry, offset=ds), dtype=torch.float64)
        errors.append(float((found - exact).norm() / exact.norm()))
    return min(errors)


def mismatch(peer: Peer, volume: Volume) -> float:
    """How far ``adjoint`` is from the transpose of ``forward``, on positive data."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(volume.shape, generator=generator)
    y = torch.rand(peer.geometry.shape, generator=generator)
    first = float((peer.forward(x).double() * y).sum())
    return abs(first - float((x.double() * peer.adjoint(y)).sum())) / abs(first)


def measure(peers: list[Peer], volume: Volume, threads: int, rounds: int, limit: float) -> None:
    torch.set_num_threads(threads)
    for turn in range(rounds + 1):
        for peer in peers:
            spent = sum(sum(times) for (count, _), times in peer.seconds.items() if count == threads)
            if turn > 1 and spent * peer.items > limit:
                continue
            batch = (peer.items,) if peer.items > 1 else ()
            for direction, shape in (("forward", volume.shape), ("adjoint", peer.geometry.shape)):
                data = torch.rand(*batch, *shape)
                times = peer.seconds.setdefault((threads, direction), [])
                calls = max(1, ceil(BLOCK / (times[-1] * peer.items))) if times else 1
                start = time.perf_counter()
                for _ in range(calls):
                    getattr(peer, direction)(data)
                times.append((time.perf_counter() - start) / calls / peer.items)
                if turn == 1:  # the first call compiles and fills caches
                    times.pop(0)


def table(volume: Volume, geometry: Geometry, given: argparse.Namespace, absent: dict[str, str]) -> list[Row]:
    """One row per peer that is installed and has such a projector."""
    peers = []
    for name, family in FAMILIES.items():
        try:
            peers += list(family(volume, geometry))
        except ImportError as reason:
            absent[name] = str(reason)
    for threads in given.threads:
        measure(peers, volume, threads, given.rounds, given.limit)
    torch.set_num_threads(1)
    rows = []
    for peer in peers:
        batch = (peer.items,) if peer.items > 1 else ()
        x, y = torch.rand(*batch, *volume.shape), torch.rand(*batch, *peer.geometry.shape)
        rows.append(
            {
                "name": peer.name,
                "error": error(peer, volume),
                "dot": mismatch(peer, volume),
                "MiB": peak(lambda peer=peer, x=x, y=y: (peer.forward(x), peer.adjoint(y))),
                "milliseconds": {f"{d} {t}": 1e3 * median(times) for (t, d), times in peer.seconds.items()},
            }
        )
    return rows


def first_calls() -> dict[str, list[float]]:
    """Seconds of the first forward and of the first adjoint of each kind in a process: nothing cached, then cached."""
    found: dict[str, list[float]] = {}
    for name in ("parallel", "fan", "cone"):
        with tempfile.TemporaryDirectory() as cache:
            code = (
                "import time, torch; from benchmarks.ct_peers import scans; from recon.operators import RayTransform;"
                f"A = RayTransform(*scans(180)['{name}']); x = torch.rand(A.domain_shape);"
                "y = torch.rand(A.range_shape);"
                "import numba; start = time.perf_counter(); A(x); middle = time.perf_counter(); A.adjoint(y);"
                "print(middle - start, time.perf_counter() - middle)"
            )
            environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
            for _ in range(2):
                run = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True)
                for way, seconds in zip(("forward", "adjoint"), run.stdout.split(), strict=True):
                    found.setdefault(f"{name}, {way}", []).append(float(seconds))
    return found


def show(title: str, rows: list[Row]) -> None:
    reference = rows[0]["milliseconds"]
    print(f"\n{title}, float32; ms per image (ratio to the first row)")
    headings = [f"{key.split()[0]}, {key.split()[1]} thread{'s' * (key[-1] != '1')}" for key in reference]
    print(f"{'':37s} {'error':>7s} {'dot':>7s} {'MiB':>7s} " + " ".join(f"{heading:>20s}" for heading in headings))
    for row in rows:
        cells = [f"{ms:11.2f} ({ms / reference[key]:6.2f})" for key, ms in row["milliseconds"].items()]
        memory = "–" if row["MiB"] is None else f"{row['MiB']:.0f}"
        print(f"{row['name']:37s} {row['error']:7.4f} {row['dot']:7.0e} {memory:>7s} " + " ".join(cells))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--limit", type=float, default=10.0, help="seconds a peer may take before it sits out")
    parser.add_argument("--quick", action="store_true", help="180 angles only, fewer rounds and iterations")
    parser.add_argument("--check", action="store_true", help="name the goals that were missed, status 1 if any")
    parser.add_argument("--json", type=Path, help="write everything to a file as well")
    given = parser.parse_args()
    given.rounds = given.rounds or (3 if given.quick else 9)
    torch.set_grad_enabled(False)
    absent: dict[str, str] = {}
    results: dict[str, Any] = {"lerps per second": lerp_rate(), "first calls": first_calls()}
    tables: dict[str, list[Row]] = {}
    for angles in (180,) if given.quick else (180, 720):
        for name, (volume, geometry) in scans(angles).items():
            if angles != 180 and name == "cone":
                continue
            title = f"{name}, {'×'.join(map(str, volume.shape))}, {' × '.join(map(str, geometry.shape))}"
            tables[f"{name} {angles}"] = rows = table(volume, geometry, given, absent)
            show(title, rows)
    results["tables"] = tables
    if torch.cuda.is_available():
        results["cuda"] = ct_cuda.tables(given.rounds, absent)
        ct_cuda.show(results["cuda"])
    print(
        "\nFirst calls of a process: "
        + "; ".join(
            f"{name} {cold:.1f} s, from the cache {warm:.2f} s" for name, (cold, warm) in results["first calls"].items()
        )
    )
    results["end to end"] = end_to_end(50 if given.quick else 500, max(given.threads), absent)
    results["absent"] = absent
    for name, reason in absent.items():
        print(f"missing peer: {name} ({reason})")
    goals = missed(results)
    if given.json:
        given.json.write_text(json.dumps({"settings": vars(given), **results, "missed": goals}, default=str, indent=1))
    if given.check:
        print("\n".join(f"missed: {goal}" for goal in goals) or "every goal reached")
        return int(bool(goals))
    return 0


if __name__ == "__main__":
    sys.exit(main())
