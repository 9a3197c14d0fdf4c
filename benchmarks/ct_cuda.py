"""Ray transforms on a CUDA device beside ASTRA's, which takes torch tensors without copies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import torch
from torch import Tensor

from benchmarks.ct_peers import scans
from recon.operators import Geometry, RayTransform, Volume, to_astra

GOALS = {("parallel", 1): 1.5, ("parallel", 32): 5.0, ("fan", 1): 1.5, ("fan", 32): 5.0, ("cone", 1): 1.0}


def tables(rounds: int) -> dict[str, Any]:
    """Milliseconds per image of both, and the share of the device's gather rate that recon reaches."""
    rate = gather_rate()
    rows, goals = [], []
    for name, (volume, geometry) in scans(180).items():
        for items in (1, 32) if volume.ndim == 2 else (1,):
            peers = {"recon": _recon(volume, geometry), "ASTRA CUDA": _astra(volume, geometry)}
            x = torch.rand(items, *volume.shape, device="cuda")
            y = torch.rand(items, *geometry.shape, device="cuda")
            times = {peer: _compare(functions, x, y, rounds) for peer, functions in peers.items()}
            lerps = len(geometry.shape) and y.numel() / items * max(volume.shape)
            for way in ("forward", "adjoint"):
                ours, theirs = times["recon"][way] / items, times["ASTRA CUDA"][way] / items
                rows.append(
                    {
                        "scan": f"{name}, batch of {items}, {way}",
                        "recon": 1e3 * ours,
                        "ASTRA": 1e3 * theirs,
                        "share": lerps * 2 ** (volume.ndim - 1) / ours / rate,
                    }
                )
                goals.append((f"{name}, batch of {items}, {way}", theirs / ours, GOALS[name, items]))
    return {"device": torch.cuda.get_device_name(), "gathers per second": rate, "rows": rows, "goals": goals}


def show(results: dict[str, Any]) -> None:
    print(f"\n{results['device']}: ms per image; share of {results['gathers per second']:.3g} gathers/s from its cache")
    for row in results["rows"]:
        ratio = row["ASTRA"] / row["recon"]
        print(
            f"{row['scan']:37s} recon {row['recon']:8.3f}  ASTRA {row['ASTRA']:8.3f} ({ratio:5.2f})  "
            f"share {row['share']:.2f}"
        )


def gather_rate() -> float:
    """Numbers per second that the device reads at scattered places of an image that its cache holds."""
    source = torch.rand(512 * 512, device="cuda")
    index = torch.randint(source.numel(), (1 << 24,), device="cuda")
    seconds = _time(lambda: source[index], 20)
    return index.numel() / seconds


def _recon(volume: Volume, geometry: Geometry) -> tuple[Callable[[Tensor], object], ...]:
    operator = RayTransform(volume, geometry, "joseph")
    return operator, operator.adjoint


def _astra(volume: Volume, geometry: Geometry) -> tuple[Callable[[Tensor], object], ...]:
    import astra

    rays, grid = to_astra(geometry, volume)
    flat = volume.ndim == 2
    projector = astra.create_projector("cuda" if flat else "cuda3d", rays, grid)
    project, back = (
        (astra.experimental.direct_FP2D, astra.experimental.direct_BP2D)
        if flat
        else (astra.experimental.direct_FP3D, astra.experimental.direct_BP3D)
    )
    angles, *detector = geometry.shape
    shape = (angles, *detector) if flat else (detector[0], angles, detector[1])

    def forward(x: Tensor) -> None:
        for item in x:
            project(projector, item, torch.empty(shape, device=x.device))

    def adjoint(y: Tensor) -> None:
        for item in y:
            data = item if flat else item.transpose(0, 1).contiguous()
            back(projector, torch.empty(volume.shape, device=y.device), data)

    return forward, adjoint


def _compare(functions: tuple[Callable[[Tensor], object], ...], x: Tensor, y: Tensor, rounds: int) -> dict[str, float]:
    forward, adjoint = functions
    return {"forward": _time(lambda: forward(x), rounds), "adjoint": _time(lambda: adjoint(y), rounds)}


def _time(function: Callable[[], object], rounds: int) -> float:
    """Median seconds with the device idle before and after."""
    return median(_rounds(function, rounds))


def _rounds(function: Callable[[], object], rounds: int) -> Iterator[float]:
    for turn in range(rounds + 2):
        torch.cuda.synchronize()
        start = time.perf_counter()
        function()
        torch.cuda.synchronize()
        if turn > 1:
            yield time.perf_counter() - start
