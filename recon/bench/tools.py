"""The objects that solve a combination's cells, kept while they are needed."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

import torch

from recon.config.grid import BenchSpec
from recon.config.resolve import JobSpec
from recon.config.values import ComponentSpec
from recon.run.build import Surroundings, build
from recon.run.devices import device_of
from recon.run.imports import import_foreign
from recon.run.prepare import Workshop
from recon.run.solve import Bench

KEPT = 16
"""Combinations whose objects are kept at a time, or as many as there are methods, which take turns."""


@dataclass(frozen=True)
class Tools:
    """What solves the cells of one combination."""

    job: JobSpec
    workshop: Workshop
    bench: Bench

    def seeded(self, seed: int) -> Bench:
        """The bench with the run's seed, unless the solver was given one of its own."""
        solver = self.job.solver
        if not isinstance(solver, ComponentSpec) or "seed" not in solver.params or solver.given("seed"):
            return self.bench
        return replace(self.bench, solver=replace(self.bench.solver, seed=seed))  # type: ignore[call-arg]


class Toolbox:
    """The tools of the latest combinations."""

    def __init__(self, spec: BenchSpec) -> None:
        self.spec = spec
        self.dtype: torch.dtype = getattr(torch, spec.dtype)
        self.device = device_of(spec.combinations[0].job)
        self._kept: OrderedDict[tuple[int, float | None], Tools] = OrderedDict()

    def get(self, place: int, value: float | None = None) -> Tools:
        """The tools of a combination, with a value for the parameter that is to be found.

        Raises
        ------
        ConfigError
            If something cannot be imported or made.
        """
        key = (place, value)
        if key not in self._kept:
            combination = self.spec.combinations[place]
            job = combination.job if value is None else self.spec.job(combination, value)
            simulated = not combination.dataset.key("measured")
            workshop = Workshop(job, self.dtype, self.device, simulated)
            solver = build(import_foreign(job.solver), Surroundings())
            self._kept[key] = Tools(job, workshop, Bench(solver, self.device, job.samples, job.solver.mark, job.chunk))
        self._kept.move_to_end(key)
        while len(self._kept) > max(KEPT, len(self.spec.axes["method"])):
            self._kept.popitem(last=False)
        return self._kept[key]
