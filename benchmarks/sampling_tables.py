"""The tables of ``benchmarks.sampling``: whole time, time outside the network, and memory of each sampler."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from benchmarks.memory import peak
from benchmarks.sampling_case import ITERATIONS, Candidate, Case, Levels
from benchmarks.sampling_peers import LAMBDA
from benchmarks.timing import device_clock
from recon.solvers import DDIM, DPS, MMPS, Ancestral, DiffPIR, Heun, Integrator, PiGDM, Sampler, sample_prior

TOLERANCE = 2e-3
"""Largest relative difference from recon's images, of samplers that do the same with the same noise."""


@dataclass
class Row:
    """Medians of a run in seconds, the whole and outside the network; MiB; and the difference from recon's images.

    ``ratio`` is the median over rounds of the time outside the network, over recon's in the same round: what slows the
    machine for seconds slows both.
    """

    seconds: float
    outside: float
    ratio: float
    memory: float | None
    difference: float | None
    note: str


@dataclass
class Table:
    """One method on one case; ``calls`` are those of the network and of its adjoint derivative in a run."""

    title: str
    batch: int
    steps: int
    calls: tuple[int, int] = (0, 0)
    rows: dict[str, Row] = field(default_factory=dict)


def _prior(rule: Integrator) -> Callable[[Case], Candidate]:
    def ours(case: Case) -> Candidate:
        prior, options = case.prior, {"steps": case.steps, "noise_schedule": Levels(), "device": case.device}

        def run(noise: Iterator[Tensor] | None) -> Tensor:
            return sample_prior(prior, case.batch, integrator=rule, **options)[:, None]  # type: ignore[arg-type]

        return Candidate(f"recon {type(rule).__name__}", run)

    return ours


def _posterior(cls: type[Sampler], **options: Any) -> Callable[[Case], Candidate]:
    def ours(case: Case) -> Candidate:
        sampler, problem = cls(steps=case.steps, noise_schedule=Levels(), **options), case.problem
        return Candidate(f"recon {sampler.name}", lambda noise: sampler.solve(problem).image[:, None])

    return ours


METHODS: dict[str, Callable[[Case], Candidate]] = {
    "ancestral": _prior(Ancestral()),
    "ddim": _prior(DDIM()),
    "heun": _prior(Heun()),
    "dps": _posterior(DPS),
    "pigdm": _posterior(PiGDM, clip=False),
    "mmps": _posterior(MMPS, clip=False, cg_max_iter=ITERATIONS, cg_rtol=1e-12, cg_conjugacy=torch.inf),
    "diffpir": _posterior(DiffPIR, lam=LAMBDA),
}


@dataclass(frozen=True)
class Setting:
    """The peers by name, how often a sampler runs, how many seconds it may take in all, and whose methods failed."""

    peers: Mapping[str, Any]
    repeats: int
    limit: float
    absent: dict[str, str]

    def candidates(self, method: str, case: Case) -> Iterator[Candidate]:
        """recon's sampler, then those of the peers."""
        yield METHODS[method](case)
        for name, peer in self.peers.items():
            if not hasattr(peer, method):
                self.absent[f"{name}, {method}"] = "has no such sampler"
                continue
            yield from getattr(peer, method)(case)

    def differences(self, method: str, case: Case) -> dict[str, float]:
        """How far each is from recon's image for one item and one noise, where both compute the same.

        One that is off by more than ``TOLERANCE`` computes something else, and the run ends.
        """
        alone, found = case.alone(), dict[str, float]()
        ours, *others = self.candidates(method, alone)
        expected = ours.run(None)
        for other in others:
            if not other.same:
                continue
            off = torch.linalg.vector_norm(other.run(alone.noise()) - expected) / torch.linalg.vector_norm(expected)
            found[other.name] = float(off)
            if not float(off) <= TOLERANCE:
                raise SystemExit(f"{other.name} computes something else than {ours.name}: off by {float(off):.1e}.")
        return found

    def table(self, title: str, method: str, case: Case) -> Table:
        """Compare, count and time a method."""
        table, differences = Table(title, case.batch, case.steps), self.differences(method, case)
        candidates, meter = list(self.candidates(method, case)), case.meter
        for candidate in candidates:  # once before anything is timed
            meter.reset()
            candidate.run(None)
            table.calls = table.calls if any(table.calls) else meter.calls
            if meter.calls != table.calls:
                raise SystemExit(f"{candidate.name} calls the network {meter.calls} times, recon {table.calls}.")
        memory = {candidate.name: _memory(case, candidate) for candidate in candidates}
        times: dict[str, list[tuple[float, float]]] = {candidate.name: [] for candidate in candidates}
        clock = device_clock if case.device.type == "cuda" else time.process_time
        for _ in range(self.repeats):
            for candidate in candidates:
                own = times[candidate.name]
                if sum(whole for whole, _ in own) > self.limit:
                    continue
                meter.reset()
                start = clock()
                candidate.run(None)
                whole = clock() - start
                own.append((whole, whole - (meter.seconds if meter.timed else _network(case, table.calls))))
        for candidate in candidates:
            whole, outside = (statistics.median(column) for column in zip(*times[candidate.name], strict=True))
            rounds = zip(times[candidate.name], times[candidates[0].name], strict=False)
            ratio = statistics.median(theirs / ours for (_, theirs), (_, ours) in rounds)
            off = differences.get(candidate.name)
            table.rows[candidate.name] = Row(whole, outside, ratio, memory[candidate.name], off, candidate.note)
        return table


def _network(case: Case, calls: tuple[int, int]) -> float:
    """Seconds of as many calls of the network, and of its adjoint derivative, one after the other."""
    x, level = torch.randn(case.shape, device=case.device), torch.zeros(case.batch, device=case.device)
    forward, backward = calls
    start = device_clock()
    for i in range(forward):
        with torch.set_grad_enabled(bool(backward)):
            leaf = x.clone().requires_grad_(bool(backward))
            out = case.network(leaf, level)
        for _ in range(backward // forward + (i < backward % forward)):
            torch.autograd.grad(out, leaf, x, retain_graph=True)
    return device_clock() - start


def _memory(case: Case, candidate: Candidate) -> float | None:
    """MiB that a run takes at most beside what is there before."""
    if case.device.type != "cuda":
        return peak(lambda: candidate.run(None))
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    candidate.run(None)
    return (torch.cuda.max_memory_allocated() - before) / 2**20
