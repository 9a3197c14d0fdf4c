"""The tables of ``benchmarks.mri``: recon, the bare transforms below it, and the peers that are there."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.mri_scans import (
    ITERATIONS,
    LAM,
    Candidate,
    CartesianScan,
    RadialScan,
    direct_images,
    direct_samples,
)
from benchmarks.timing import compare, device_clock
from recon.operators import NUFFT, CartesianMRI, NonCartesianMRI, QuantitativeMRI, T2Decay, estimate_coil_maps
from recon.operators.mri.kernels.nufft_cuda import load_cufinufft
from recon.solvers import cg


@dataclass
class Table:
    """Median seconds of each row, and how far its result is from what ``difference`` says."""

    title: str
    reference: str
    difference: str
    seconds: dict[str, float] = field(default_factory=dict)
    differences: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Setting:
    """What all tables share: the peers by name, the device, and how often and how long things are timed."""

    peers: dict[str, Any]
    device: torch.device
    repeats: int
    limit: float
    absent: dict[str, str]

    def first_results(self, ours: Iterable[Candidate], what: str, scan: object) -> Iterator[tuple[Candidate, Any]]:
        """Candidates and what they compute, recon's first; peers that cannot make it here are said to be absent."""
        for candidate in ours:
            yield candidate, candidate.run()
        for name, peer in self.peers.items():
            try:
                for candidate in getattr(peer, what)(scan) if hasattr(peer, what) else ():
                    yield candidate, candidate.run()
            except Exception as error:  # whatever another library raises must not end the run
                self.absent[f"{name}, {what}"] = " ".join(f"{type(error).__name__}: {error}".split())[:200]

    def measure(
        self,
        table: Table,
        bare: dict[str, Any],
        results: Iterable[tuple[Candidate, Any]],
        expected: Sequence[Tensor] | None = None,
        tolerance: float = 1e-4,
    ) -> Table:
        """Fill a table; differences are from ``expected``, by default from the first candidate.

        A candidate off by more than ``tolerance`` computes something else, and the run ends.
        """
        functions = dict(bare)
        for candidate, result in results:
            found = [part.cpu() for part in candidate.read(result)]
            expected = found if expected is None else expected
            difference = max(_relative(a, b) for a, b in zip(found, expected, strict=True))
            if not difference <= tolerance:
                raise SystemExit(
                    f"{candidate.name} computes something else in '{table.title}': off by {difference:.1e}."
                )
            table.differences[candidate.name] = difference
            functions[candidate.name] = candidate.run
        return self.timed(table, functions)

    def timed(self, table: Table, functions: dict[str, Any]) -> Table:
        """Fill in the seconds of functions that have run once."""
        clock = device_clock if self.device.type == "cuda" else time.process_time
        table.seconds = compare(functions, self.repeats, clock, self.limit, warm=True)
        return table


def cartesian_tables(scans: dict[str, CartesianScan], setting: Setting) -> Iterator[tuple[str, Table]]:
    """A and Aᴴ, and AᴴA for points and for lines."""
    bare = "bare torch fft2, ifft2"
    for label, scan in scans.items():
        A, x, y = CartesianMRI(scan.mask, scan.maps), scan.images, scan.data
        fft = {bare: lambda y=y: torch.fft.ifft2(torch.fft.fft2(y, norm="ortho"), norm="ortho")}
        size = f"{' × '.join(map(str, y.shape))}, {label}"
        if label == "points":
            ours = Candidate("recon A, Aᴴ", lambda A=A, x=x, y=y: (A(x), A.adjoint(y)), list)
            table = Table(f"A and Aᴴ, {size}", bare, "from recon")
            yield "pair", setting.measure(table, fft, setting.first_results([ours], "pair", scan))
        ours = Candidate("recon AᴴA", lambda A=A, x=x: A.normal(x))
        table = Table(f"AᴴA, {size}", bare, "from recon")
        yield f"normal, {label}", setting.measure(table, fft, setting.first_results([ours], "normal", scan))


def sense_table(scan: CartesianScan, setting: Setting) -> Table:
    """CG-SENSE of the first image."""
    A, data, ours = CartesianMRI(scan.mask, scan.maps), scan.data[0], "recon cg"
    table = Table(
        f"CG-SENSE, {ITERATIONS} iterations, {' × '.join(map(str, data.shape))}, lines across x",
        ours,
        "from double precision",
    )
    expected = _cg_sense(A, data.to(torch.complex128))
    results = setting.first_results([Candidate(ours, lambda: _cg_sense(A, data))], "sense", scan)
    return setting.measure(table, {}, results, [expected], tolerance=1e-3)


def nufft_table(scan: RadialScan, setting: Setting) -> Table:
    """A nonuniform transform and its adjoint, beside the plans that it uses."""
    A = NUFFT(scan.shape, scan.trajectory, scan.eps)
    bare, plans = _bare_plans(scan)
    x, y = scan.images, scan.samples
    ours = Candidate("recon NUFFT", lambda: (A(x), A.adjoint(y)), list)
    expected = [direct_samples(x, scan.trajectory), direct_images(y, scan.trajectory, scan.shape)]
    shots, samples = scan.trajectory.shape
    title = f"NUFFT and adjoint, eps {scan.eps:g}, {len(x)} images of {x.shape[-2]}², {shots} spokes of {samples}"
    table = Table(title, bare, "from the NDFT")
    results = setting.first_results([ours], "nufft", scan)
    return setting.measure(table, {bare: plans}, results, expected, tolerance=3e-2)


def toeplitz_table(scan: RadialScan, setting: Setting) -> Table:
    """AᴴA beside transforms of images of twice the size."""
    A = NonCartesianMRI(scan.trajectory, scan.maps, eps=scan.eps)
    x = scan.images.sum(0)
    wide = torch.zeros(len(scan.maps), *(2 * n for n in scan.shape), dtype=x.dtype, device=x.device)
    bare, together = "bare double-size fft2, ifft2, coil by coil", "bare double-size fft2, ifft2, all coils at once"

    def one_by_one() -> None:
        for coil in wide:
            torch.fft.ifft2(torch.fft.fft2(coil))

    def at_once() -> Tensor:
        return torch.fft.ifft2(torch.fft.fft2(wide))

    rows = {together: at_once} if x.is_cuda else {bare: one_by_one, together: at_once}
    accurate = NonCartesianMRI(scan.trajectory, scan.maps, eps=1e-12)
    expected = [accurate.adjoint(accurate(x.to(torch.complex128).cpu()))]
    candidates = [
        Candidate("recon AᴴA by Toeplitz", lambda: A.normal(x)),
        Candidate("recon AᴴA by NUFFTs", lambda: A.adjoint(A(x))),
    ]
    title = f"AᴴA, radial, {len(scan.maps)} coils, {x.shape[-1]}²"
    results = setting.first_results(candidates, "toeplitz", scan)
    return setting.measure(Table(title, next(iter(rows)), "from Aᴴ(Ax) at 1e-12"), rows, results, expected, 1e-3)


def radial_table(scan: RadialScan, setting: Setting) -> Table:
    """CG-SENSE of radial data from a trajectory and maps alone."""

    def solve(data: Tensor) -> Tensor:
        return _cg_sense(NonCartesianMRI(scan.trajectory, scan.maps, eps=scan.eps), data)

    ours, title = "recon Toeplitz, cg", f"CG-SENSE, {ITERATIONS} iterations, radial, with all preparations"
    A = NonCartesianMRI(scan.trajectory, scan.maps)
    expected = _cg_sense(A, scan.data.to(torch.complex128))
    results = setting.first_results([Candidate(ours, lambda: solve(scan.data))], "radial", scan)
    return setting.measure(Table(title, ours, "from double precision"), {}, results, [expected], tolerance=5e-2)


def quantitative_table(scan: CartesianScan, setting: Setting) -> Table:
    """JᴴJ of a multi-echo scan as the solver ``GaussNewton`` applies it, beside AᴴA of the same series."""
    echoes = torch.linspace(0.01, 0.08, len(scan.images), dtype=torch.float64)
    A = CartesianMRI(scan.mask, scan.maps, ndim=2)
    F = QuantitativeMRI(A, T2Decay(echoes))
    x = F.point(m0=scan.images[0].cpu(), t2=0.08 + 0.02 * scan.images[0].abs().cpu()).to(setting.device)
    v, series = torch.flip(x, (-1,)), F.signal(x)
    curved = F.gauss_newton(x)
    bare, ours = "recon AᴴA of the series", "recon JᴴJ, T₂ from k-space"
    title = f"Gauss-Newton, {len(echoes)} echoes, {len(scan.maps)} coils, {x.shape[-1]}², lines of each echo"
    candidates = [
        Candidate(ours, lambda: curved(v)),
        Candidate("recon jvp, vjp", lambda: F.vjp(x, F.jvp(x, v))),
    ]
    results = setting.first_results(candidates, "quantitative", scan)
    return setting.measure(Table(title, bare, "from recon"), {bare: lambda: A.normal(series)}, results)


def espirit_table(kspace: Tensor, setting: Setting) -> Table:
    """Maps of one slice, and their correlation with those of others."""
    ours = "recon estimate_coil_maps"
    kspace = kspace.to(setting.device)
    own = Candidate(ours, lambda: estimate_coil_maps(kspace))
    (_, maps), *others = setting.first_results([own], "espirit", kspace)
    table = Table(f"ESPIRiT, {' × '.join(map(str, kspace.shape))}", ours, "1 − correlation, 1st percentile")
    for candidate, result in others:
        table.differences[candidate.name] = 1 - correlation(maps, *candidate.read(result))
    return setting.timed(table, {candidate.name: candidate.run for candidate in (own, *(c for c, _ in others))})


def correlation(maps: Tensor, others: Tensor) -> float:
    """First percentile of |⟨S, T⟩|/(‖S‖‖T‖) over the pixels where neither is zero."""
    sizes = torch.linalg.vector_norm(maps, dim=0) * torch.linalg.vector_norm(others, dim=0)
    inside = sizes > 0
    products = (maps.conj() * others).sum(0).abs()
    return float(torch.quantile((products[inside] / sizes[inside]).double(), 0.01))


def _cg_sense(A: CartesianMRI | NonCartesianMRI, data: Tensor) -> Tensor:
    image, info = cg(lambda x: A.normal(x) + LAM * x, A.adjoint(data), ndim=2, rtol=0.0, max_iter=ITERATIONS)
    if int(info.iterations) != ITERATIONS:
        raise SystemExit(f"cg stopped after {int(info.iterations)} iterations, before the others.")
    return image


def _bare_plans(scan: RadialScan) -> tuple[str, Any]:
    """Plans of both types for all coils at once, and one call of each."""
    points = 2 * torch.pi * scan.trajectory.points.reshape(2, -1)
    x, y = scan.images, scan.samples.reshape(len(scan.images), -1)
    if x.is_cuda:
        library, given = load_cufinufft(), [row.float().to(x.device) for row in points]
        images, samples, options = x, y.contiguous(), {}
    else:
        import finufft as library

        given, options = [row.astype(np.float32) for row in points.numpy()], {"nthreads": torch.get_num_threads()}
        images, samples = x.numpy(), y.numpy()
    plans = []
    for kind, sign in ((2, -1), (1, 1)):
        plan = library.Plan(kind, scan.shape, len(x), scan.eps, sign, "complex64", **options)
        plan.setpts(*given)
        plans.append(plan)
    name = f"bare {library.__name__} plans, all coils at once"
    return name, lambda: (plans[0].execute(images), plans[1].execute(samples))


def _relative(found: Tensor, expected: Tensor) -> float:
    expected = expected.to("cpu", torch.complex128)
    return float(torch.linalg.vector_norm(found.to(torch.complex128) - expected) / torch.linalg.vector_norm(expected))
