"""Ray transforms on a CUDA device beside ASTRA's, which takes torch tensors, too: ``python -m benchmarks.ct_cuda``.

Rounds are interleaved and medians reported, in milliseconds per image. "share" is how much of the device's gather rate
recon reaches: numbers that it reads at scattered places of an image that its cache holds. "dot" is
|⟨Ax, y⟩ − ⟨x, Aᵀy⟩|/⟨Ax, y⟩ for uniform random x and y, "MiB" the most memory that a call takes beside its argument.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmarks.ct_peers import scans
from recon.operators import Geometry, RayTransform, Volume, to_astra

GOALS = {("parallel", 1): 1.5, ("parallel", 32): 5.0, ("fan", 1): 1.5, ("fan", 32): 5.0, ("cone", 1): 1.0}
BATCHES = {2: (1, 32), 3: (1,)}
WARM_UP = 2  # rounds that are not counted


class Pair(NamedTuple):
    """A projector and its transpose, of batches."""

    forward: Callable[[Tensor], Tensor]
    adjoint: Callable[[Tensor], Tensor]


def tables(rounds: int, absent: dict[str, str]) -> dict[str, Any]:
    """Every scan, batch and direction; peers that are missing are added to ``absent``."""
    rate = gather_rate(rounds)
    rows: list[dict[str, Any]] = []
    for name, (volume, geometry) in scans(180).items():
        for items in BATCHES[volume.ndim]:
            x = torch.rand(items, *volume.shape, device="cuda")
            y = torch.rand(items, *geometry.shape, device="cuda")
            pairs = {"recon": recon_pair(volume, geometry)}
            try:
                pairs["ASTRA CUDA"] = astra_pair(volume, geometry)
            except ImportError as reason:
                absent["ASTRA CUDA"] = str(reason)
            gathers = y.numel() * max(volume.shape) * 2 ** (volume.ndim - 1)
            for way, data in (("forward", x), ("adjoint", y)):
                seconds = compare({peer: getattr(pair, way) for peer, pair in pairs.items()}, data, rounds)
                row = {"scan": name, "items": items, "way": way, "share": gathers / seconds["recon"] / rate}
                row["milliseconds"] = {peer: 1e3 * value / items for peer, value in seconds.items()}
                row["dot"] = {peer: mismatch(pair, x[:1], y[:1]) for peer, pair in pairs.items()}
                row["MiB"] = memory(getattr(pairs["recon"], way), data)
                rows.append(row)
    return {"device": torch.cuda.get_device_name(), "gathers per second": rate, "rows": rows, "goals": goals(rows)}


def goals(rows: list[dict[str, Any]]) -> list[tuple[str, float | None, float]]:
    """What, how many times as fast as ASTRA, None where that did not run, and how many times it is meant to be."""
    found = []
    for row in rows:
        times = row["milliseconds"]
        ratio = times["ASTRA CUDA"] / times["recon"] if "ASTRA CUDA" in times else None
        found.append((title(row), ratio, GOALS[row["scan"], row["items"]]))
    return found


def missed(results: dict[str, Any]) -> list[str]:
    """A sentence for every goal that was not reached."""
    found = []
    for goal, value, wanted in results["goals"]:
        if value is None:
            found.append(f"CUDA, {goal}: ASTRA CUDA did not run")
        elif value < wanted:
            found.append(f"CUDA, {goal}: {value:.2f} times as fast as ASTRA, goal {wanted}")
    return found


def title(row: dict[str, Any]) -> str:
    return f"{row['scan']}, batch of {row['items']}, {row['way']}"


def show(results: dict[str, Any]) -> None:
    print(f"\n{results['device']}: ms per image (ratio to recon); gather rate {results['gathers per second']:.3g}/s")
    for row in results["rows"]:
        times = row["milliseconds"]
        cells = [
            f"{peer} {ms:8.3f} ({ms / times['recon']:5.2f}) dot {row['dot'][peer]:.0e}" for peer, ms in times.items()
        ]
        print(f"{title(row):35s} {'  '.join(cells)}  share {row['share']:.2f}  {row['MiB']:.0f} MiB")


def gather_rate(rounds: int) -> float:
    """Numbers per second that the device reads at scattered places of an image that its cache holds."""
    source = torch.rand(512 * 512, device="cuda")
    index = torch.randint(source.numel(), (1 << 24,), device="cuda")
    return index.numel() / compare({"gather": lambda places: source[places]}, index, rounds)["gather"]


def recon_pair(volume: Volume, geometry: Geometry) -> Pair:
    operator = RayTransform(volume, geometry, "joseph")
    return Pair(operator, operator.adjoint)


def astra_pair(volume: Volume, geometry: Geometry) -> Pair:
    """ASTRA's projectors, one image after the other."""
    import astra
    from astra import experimental as direct

    if not astra.use_cuda():
        raise ImportError("this ASTRA was built without CUDA")
    rays, grid = to_astra(geometry, volume)
    flat = volume.ndim == 2
    projector = astra.create_projector("cuda" if flat else "cuda3d", rays, grid)
    project, back = (direct.direct_FP2D, direct.direct_BP2D) if flat else (direct.direct_FP3D, direct.direct_BP3D)

    def forward(x: Tensor) -> Tensor:
        out = torch.empty((len(x), *geometry.shape), device=x.device)
        for item, target in zip(x, out, strict=True):
            if flat:
                project(projector, item, target)
            else:
                data = torch.empty_like(target.transpose(0, 1), memory_format=torch.contiguous_format)
                project(projector, item, data)
                target.copy_(data.transpose(0, 1))
        return out

    def adjoint(y: Tensor) -> Tensor:
        out = torch.empty((len(y), *volume.shape), device=y.device)
        for item, target in zip(y, out, strict=True):
            back(projector, target, item if flat else item.transpose(0, 1).contiguous())
        return out

    return Pair(forward, adjoint)


def compare(functions: dict[str, Callable[[Tensor], Tensor]], data: Tensor, rounds: int) -> dict[str, float]:
    """Median seconds of each, with the device idle before and after."""
    samples: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds + WARM_UP):
        for name, function in functions.items():
            torch.cuda.synchronize()
            start = time.perf_counter()
            function(data)
            torch.cuda.synchronize()
            samples[name].append(time.perf_counter() - start)
    return {name: median(times[WARM_UP:]) for name, times in samples.items()}


def mismatch(pair: Pair, x: Tensor, y: Tensor) -> float:
    """How far ``adjoint`` is from the transpose of ``forward``."""
    first = float((pair.forward(x).double() * y).sum())
    return abs(first - float((x.double() * pair.adjoint(y)).sum())) / abs(first)


def memory(function: Callable[[Tensor], Tensor], data: Tensor) -> float:
    """MiB that a call takes, its result included."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    function(data)
    torch.cuda.synchronize()
    return (torch.cuda.max_memory_allocated() - before) / 2**20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", type=Path, help="write everything to a file as well")
    given = parser.parse_args()
    if not torch.cuda.is_available():
        print("There is no CUDA device here.")
        return 1
    torch.set_grad_enabled(False)
    absent: dict[str, str] = {}
    results = tables(given.rounds, absent)
    show(results)
    for name, reason in absent.items():
        print(f"missing peer: {name} ({reason})")
    for sentence in missed(results):
        print(f"missed: {sentence}")
    if given.json:
        given.json.write_text(json.dumps({**results, "absent": absent}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
