"""Parallel-beam projection beside its peers: ``python -m benchmarks.ct_parallel``.

All peers project the same head phantom in one process. Rounds are interleaved, so that a busy machine slows all
alike, and medians are reported; a peer sits out once it has had ``--limit`` seconds. Times are milliseconds per
image, in brackets how many times as long that is as recon's shear model takes on as many threads. "error" is that
of float32 projections relative to the exact line integrals, with the centre of rotation where each peer has it
(peers differ by half a pixel); "dot" is |⟨Ax, y⟩ − ⟨x, Aᵀy⟩| / ⟨Ax, y⟩ for uniform random x and y.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor

from recon.operators import ParallelBeam, RayTransform, Volume
from recon.phantoms import EllipsePhantom, shepp_logan


@dataclass
class Peer:
    """A projector and its transpose between images (…, size, size) and data (…, angles, bins) of ``beam``."""

    name: str
    beam: ParallelBeam
    forward: Callable[[Tensor], Tensor]
    adjoint: Callable[[Tensor], Tensor]
    items: int = 1
    seconds: dict[tuple[int, str], list[float]] = field(default_factory=dict)


def recon_peers(size: int, beam: ParallelBeam) -> Iterator[Peer]:
    for model in ("shear", "joseph"):
        operator = RayTransform(Volume((size, size)), beam, model)
        for items in (1, 16):
            yield Peer(f"recon {model}, batch of {items}", beam, operator, operator.adjoint, items)


def astra_peers(size: int, beam: ParallelBeam) -> Iterator[Peer]:
    import astra

    # ASTRA's y axis points up the rows, ours down
    rays = astra.create_proj_geom("parallel", 1.0, beam.bins, -np.asarray(beam.angles))
    grid = astra.create_vol_geom(size, size)
    projector = astra.create_projector("linear", rays, grid)
    image, sinogram = astra.data2d.create("-vol", grid), astra.data2d.create("-sino", rays)
    algorithms = []
    for kind, target in (("FP", "VolumeDataId"), ("BP", "ReconstructionDataId")):
        settings = astra.astra_dict(kind)
        settings.update({"ProjectorId": projector, target: image, "ProjectionDataId": sinogram})
        algorithms.append(astra.algorithm.create(settings))

    def forward(x: Tensor) -> Tensor:
        astra.data2d.store(image, x.numpy())
        astra.algorithm.run(algorithms[0])
        return torch.from_numpy(astra.data2d.get(sinogram))

    def adjoint(y: Tensor) -> Tensor:
        astra.data2d.store(sinogram, y.numpy())
        astra.algorithm.run(algorithms[1])
        return torch.from_numpy(astra.data2d.get(image))

    yield Peer("ASTRA CPU, linear", beam, forward, adjoint)


def deepinv_peers(size: int, beam: ParallelBeam) -> Iterator[Peer]:
    from deepinv.physics import Tomography

    degrees = torch.tensor(np.rad2deg(beam.angles), dtype=torch.float32)
    for exact in (False, True):
        physics = Tomography(degrees, size, circle=False, normalize=False, adjoint_via_backprop=exact)
        bins = physics.A(torch.zeros(1, 1, size, size)).shape[-2]

        def forward(x: Tensor, physics: Tomography = physics) -> Tensor:
            return physics.A(x[None, None])[0, 0].T

        def adjoint(y: Tensor, physics: Tomography = physics) -> Tensor:
            return physics.A_adjoint(y.T[None, None])[0, 0]

        name = f"deepinv Tomography, {'autograd' if exact else 'default'} adjoint"
        yield Peer(name, ParallelBeam([-a for a in beam.angles], bins), forward, adjoint)


def skimage_peers(size: int, beam: ParallelBeam) -> Iterator[Peer]:
    from skimage.transform import iradon, radon

    degrees = np.rad2deg(beam.angles)
    bins = radon(np.zeros((size, size), np.float32), [0.0], circle=False).shape[0]

    def forward(x: Tensor) -> Tensor:
        return torch.from_numpy(radon(x.numpy(), degrees, circle=False).T)

    def adjoint(y: Tensor) -> Tensor:
        image = iradon(y.numpy().T, degrees, output_size=size, filter_name=None, circle=False)
        return torch.from_numpy(image * (2 * len(degrees) / math.pi))

    yield Peer("scikit-image radon, iradon", ParallelBeam([-a for a in beam.angles], bins), forward, adjoint)


def error(peer: Peer, size: int, phantom: EllipsePhantom) -> float:
    """Relative error of the projections, the least over half a pixel this or that way."""
    found = peer.forward(phantom.rasterise(Volume((size, size)))).double()
    errors = []
    for dx, dy, ds in itertools.product((-0.5, 0.0, 0.5), repeat=3):
        moved = EllipsePhantom([replace(e, x=e.x + dx, y=e.y + dy) for e in phantom.ellipses])
        exact = moved.line_integrals(replace(peer.beam, offset=ds), dtype=torch.float64)
        errors.append(float((found - exact).norm() / exact.norm()))
    return min(errors)


def mismatch(peer: Peer, size: int) -> float:
    """How far ``adjoint`` is from the transpose of ``forward``."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(size, size, generator=generator)
    y = torch.rand(peer.beam.shape, generator=generator)
    first = float((peer.forward(x).double() * y).sum())
    return abs(first - float((x * peer.adjoint(y).double()).sum())) / first


def measure(peers: list[Peer], size: int, threads: int, rounds: int, limit: float, clock: Callable[[], float]) -> None:
    torch.set_num_threads(threads)
    for turn in range(rounds + 1):
        for peer in peers:
            spent = sum(map(sum, (t for key, t in peer.seconds.items() if key[0] == threads)))
            if turn > 1 and spent > limit:
                continue
            batch = (peer.items,) if peer.items > 1 else ()
            for direction, shape in (("forward", (size, size)), ("adjoint", peer.beam.shape)):
                data = torch.rand(*batch, *shape)
                start = clock()
                getattr(peer, direction)(data)
                if turn:  # the first call compiles and fills caches
                    peer.seconds.setdefault((threads, direction), []).append((clock() - start) / peer.items)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--angles", type=int, default=180)
    parser.add_argument("--bins", type=int, default=729)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--limit", type=float, default=10.0, help="seconds a peer may take before it sits out")
    parser.add_argument("--cpu-time", action="store_true", help="count CPU seconds: for one thread on a busy machine")
    parser.add_argument("--json", type=Path, help="write the table to a file as well")
    given = parser.parse_args()
    torch.set_grad_enabled(False)
    beam = ParallelBeam([math.pi * a / given.angles for a in range(given.angles)], given.bins)
    peers, missing = [], {}
    for family in (recon_peers, astra_peers, deepinv_peers, skimage_peers):
        try:
            peers += list(family(given.size, beam))
        except ImportError as reason:
            missing[family.__name__.removesuffix("_peers")] = str(reason)
    clock = time.process_time if given.cpu_time else time.perf_counter
    for threads in given.threads:
        measure(peers, given.size, threads, given.rounds, given.limit, clock)
    phantom = shepp_logan(0.45 * given.size)
    table = [
        {
            "name": peer.name,
            "error": error(peer, given.size, phantom),
            "dot": mismatch(peer, given.size),
            "milliseconds": {f"{d} {t}": 1e3 * median(times) for (t, d), times in peer.seconds.items()},
        }
        for peer in peers
    ]
    reference = table[0]["milliseconds"]
    print(f"{given.size}², {given.angles} angles, {given.bins} bins, float32; ms {'of CPU ' * given.cpu_time}per image")
    headings = [f"{d}, {t} thread{'s' * (t > 1)}" for t in given.threads for d in ("forward", "adjoint")]
    print(f"{'':37s} {'error':>7s} {'dot':>7s} " + " ".join(f"{heading:>19s}" for heading in headings))
    for row in table:
        cells = [f"{ms:10.2f} ({ms / reference[key]:6.2f})" for key, ms in row["milliseconds"].items()]
        print(f"{row['name']:37s} {row['error']:7.4f} {row['dot']:7.0e} " + " ".join(cells))
    for name, reason in missing.items():
        print(f"missing peer: {name} ({reason})")
    if given.json:
        given.json.write_text(json.dumps({"settings": vars(given), "table": table, "missing": missing}, default=str))


if __name__ == "__main__":
    main()
