"""Measurements: each made once, stored, and given to every method alike."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor

from recon.bench.plan import Plan
from recon.bench.store import Cell, Store
from recon.bench.writer import Writer
from recon.files import DataError, Item, ItemRef
from recon.reports.panels import Array
from recon.run.angles import in_radians
from recon.run.build import Surroundings, build
from recon.run.guess import problem_guess
from recon.run.imports import import_foreign
from recon.run.prepare import Workshop
from recon.run.references import Measured
from recon.run.scans import with_scan


class Measurements:
    """Hands out the measurement of a cell as an item; the latest ones are kept.

    Those that are made here are stored by ``writer``, or at once where it is None.
    """

    def __init__(self, plan: Plan, store: Store, writer: Writer | None = None) -> None:
        self.plan, self.store, self.writer = plan, store, writer
        self.dtype: torch.dtype = getattr(torch, plan.spec.dtype)
        self._latest: tuple[str, Item] | None = None
        self._base: tuple[tuple[int, str], Item] | None = None
        self._scenes: dict[int, Workshop] = {}

    def of(self, cell: Cell) -> Item:
        """The measurement of a cell; see :meth:`get`."""
        return self.get(cell.place, self.plan.ref(cell), cell.seed, cell.measurement)

    def get(self, place: int, ref: ItemRef, seed: int, key: str) -> Item:
        """A measurement with its truth where that is known, made and stored where it is not there.

        Raises
        ------
        DataError
            If the item cannot be read, or its measurement is not finite.
        ConfigError, ItemError
            If the operator or the noise do not fit it.
        """
        if self._latest is None or self._latest[0] != key:
            base, dataset = self._item(place, ref), self.plan.spec.combinations[place].dataset
            arrays = self.store.measurement(key)
            item = base
            if not dataset.key("measured"):
                data = torch.from_numpy(arrays["data"]) if arrays else self._measure(place, base, dataset.id, seed)
                item = base.changed(data=data, truth=base.data)
            if not arrays:
                self.store.save_measurement(key, self._arrays(place, item), self.writer)
            self._latest = key, item
        return self._latest[1]

    def _item(self, place: int, ref: ItemRef) -> Item:
        """An item of the dataset, preprocessed."""
        scene = self.plan.spec.combinations[place].scene
        key = (id(scene), ref.id)
        if self._base is None or self._base[0] != key:
            item = with_scan(in_radians(ref.load(), scene.operator), scene.operator)
            for step in scene.preprocess:
                item = build(import_foreign(step), Surroundings())(item)
            if not bool(torch.isfinite(item.data.abs()).all()):
                raise DataError(f"{item.source} is not finite, it has NaN or infinity.")
            self._base = key, item
        return self._base[1]

    def _workshop(self, place: int) -> Workshop:
        combination = self.plan.spec.combinations[place]
        key = id(combination.scene)
        if key not in self._scenes:
            simulated = not combination.dataset.key("measured")
            self._scenes = {key: Workshop(combination.scene, self.dtype, simulated=simulated)}
        return self._scenes[key]

    def _measure(self, place: int, base: Item, dataset: str, seed: int) -> Tensor:
        """A x and noise, on the CPU, so that they are the same wherever methods run."""
        operator, noise = self._workshop(place).scene(base)
        x = base.data.to(self.dtype.to_complex() if base.data.is_complex() else self.dtype)
        if operator.domain_field == "complex" and not x.is_complex():
            x = x.to(x.dtype.to_complex())
        with torch.no_grad():
            data = noise.sample(operator(x), generator(seed, dataset, base.id))
        if not bool(torch.isfinite(data.abs()).all()):
            raise DataError(f"the measurement of {base.source} by {operator.name} is not finite.")
        return data

    def _arrays(self, place: int, item: Item) -> Mapping[str, Array]:
        """What is stored: data, and truth and first guess where there are any, in the images' original units."""
        arrays = {"data": item.data}
        if item.truth is not None:
            arrays["truth"] = item.restored(item.truth)
        case = self._workshop(place).case(item)
        noise = case.noise
        problem = Measured(case.operator, case.data, case.lead, noise, case.fidelity, torch.device("cpu")).problem()
        guess = problem_guess(problem)
        if guess is not None:
            arrays["guess"] = item.restored(guess[0].reshape(*case.lead, *case.operator.domain_shape))
        return {name: value.resolve_conj().numpy() for name, value in arrays.items()}


def generator(seed: int, dataset: str, item: str) -> torch.Generator:
    """The random stream of an item: a function of the seed and of its name, and of nothing else."""
    words = f"{seed}\0{dataset}\0{item}".encode()
    number = int.from_bytes(hashlib.blake2b(words, digest_size=8).digest(), "big") >> 1
    return torch.Generator().manual_seed(number)
