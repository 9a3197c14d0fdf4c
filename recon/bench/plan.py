"""The cells of a benchmark, each with the key under which its result is stored."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from recon.bench.fingerprint import job_fingerprint, majors
from recon.bench.store import FORMAT, Cell
from recon.config.bench import METRICS
from recon.config.errors import ConfigError
from recon.config.grid import BenchSpec, Combination
from recon.config.resolve import JobSpec
from recon.config.values import plain
from recon.files import DataError, ItemRef
from recon.run.build import Surroundings, build
from recon.run.imports import import_foreign
from recon.run.keys import description_key, file_key, hash_texts

SCENE = ("input", "preprocess", "operator", "noise")
SOLVED = ("operator", "noise", "fidelity", "prior", "solver")
UNREADABLE = "unreadable"


class Plan:
    """The items of each dataset, and the cells that they make with the benchmark's combinations."""

    def __init__(self, spec: BenchSpec) -> None:
        self.spec = spec
        self._refs: dict[str, list[ItemRef]] = {}
        self._by_id: dict[str, dict[str, ItemRef]] = {}

    def refs(self, place: int) -> list[ItemRef]:
        """All items of a combination's dataset."""
        dataset = self.spec.combinations[place].dataset
        if dataset.id not in self._refs:
            described = self.spec.combinations[place].scene.input
            try:
                found = build(import_foreign(described), Surroundings()).items()
            except DataError as error:
                raise ConfigError(described.at("path"), str(error)) from error
            if len(found) <= dataset.key("validation"):
                said = f"the dataset {dataset.id!r} has {len(found)} items"
                raise ConfigError(dataset.mark, f"{said}, of which 'validation' leaves none to reconstruct.")
            self._refs[dataset.id] = found
        return self._refs[dataset.id]

    def ref(self, cell: Cell) -> ItemRef:
        """The item of a cell."""
        if cell.dataset not in self._by_id:
            self._by_id[cell.dataset] = {ref.id: ref for ref in self.refs(cell.place)}
        return self._by_id[cell.dataset][cell.item]

    def tested(self, place: int) -> list[ItemRef]:
        """The items that are reconstructed: the first ones."""
        dataset, refs = self.spec.combinations[place].dataset, self.refs(place)
        return refs[: len(refs) - dataset.key("validation")][: dataset.key("limit")]

    def validation(self, place: int) -> list[ItemRef]:
        """The items on which parameters are found: the last ones."""
        refs = self.refs(place)
        return refs[len(refs) - self.spec.combinations[place].dataset.key("validation") :]

    @cached_property
    def cells(self) -> list[Cell]:
        """Every cell: dataset, operator and noise, then items, then seeds, then methods."""
        return list(self._cells())

    def _cells(self) -> Iterator[Cell]:
        groups: dict[tuple[str, ...], list[int]] = {}
        for place, combination in enumerate(self.spec.combinations):
            names = combination.names
            groups.setdefault((names["dataset"], names["operator"], names["noise"]), []).append(place)
        for places in groups.values():
            keys = {place: _MethodKeys(self, place) for place in places}
            for ref in self.tested(places[0]):
                for number, seed in enumerate(self.spec.seeds):
                    for place in places:
                        if number == 0 or self.spec.combinations[place].seeded:
                            yield keys[place].cell(ref, seed)

    def measurement_key(self, place: int, ref: ItemRef, seed: int) -> str:
        """The key of a measurement: the scene, the files of the item, the seed where there is something random."""
        combination = self.spec.combinations[place]
        stream = [] if combination.dataset.key("measured") else [str(seed), combination.dataset.id]
        return hash_texts([self._scene_key(combination.scene), ref.id, *_contents(ref), *stream])

    def _scene_key(self, scene: JobSpec) -> str:
        if id(scene) not in self._scenes:
            code = job_fingerprint(scene, SCENE)
            self._scenes[id(scene)] = hash_texts([f"measurement {FORMAT}", description_key(scene), code, majors()])
        return self._scenes[id(scene)]

    @cached_property
    def _scenes(self) -> dict[int, str]:
        return {}


class _MethodKeys:
    """What the keys of a combination's cells have in common."""

    def __init__(self, plan: Plan, place: int) -> None:
        self.plan, self.place = plan, place
        self.combination: Combination = plan.spec.combinations[place]
        job, tune, spec = self.combination.job, self.combination.method.tune, plan.spec
        foreign = tuple(name for name in spec.metrics if name not in METRICS)
        code = job_fingerprint(job, SOLVED, (*foreign, "recon.solvers.iterate"))
        content = {
            "metrics": list(spec.metrics),
            "limits": plain(spec.limits),
            "timing": plain(spec.timing),
            "chunk": job.chunk,
            "device": spec.device,
            "tune": None if tune is None else [tune.name, tune.plain(), plain(spec.tuning)],
        }
        self.slot = hash_texts([f"cell {FORMAT}", description_key(job), json.dumps(content, sort_keys=True)])
        self.code = hash_texts([code, majors()])
        self.tuning = "" if tune is None else self._tuning()

    def _tuning(self) -> str:
        spec, refs = self.plan.spec, self.plan.validation(self.place)
        measurements = [self.plan.measurement_key(self.place, ref, spec.seeds[0]) for ref in refs]
        return hash_texts(["tuning", self.slot, self.code, *measurements])

    def cell(self, ref: ItemRef, seed: int) -> Cell:
        """One cell."""
        names, plan = self.combination.names, self.plan
        measurement = plan.measurement_key(self.place, ref, seed)
        stream = str(seed) if self.combination.seeded else ""
        slot = hash_texts([self.slot, names["dataset"], ref.id, *_contents(ref), stream])
        return Cell(
            key=hash_texts([slot, self.code, measurement, self.tuning]),
            slot=slot,
            place=self.place,
            item=ref.id,
            seed=seed,
            measurement=measurement,
            tuning=self.tuning,
            **names,
        )


def _contents(ref: ItemRef) -> Sequence[str]:
    """Digests of an item's files; where one cannot be read the cells of the item say so when they are solved."""
    found: list[Any] = []
    for path in ref.files:
        try:
            found.append(file_key(path))
        except OSError:
            found.append(UNREADABLE)
    return found
