"""The folder of a run: everything that is known of it, written file by file, read without importing a solver."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from recon.bench.atomic import StoreError, as_json, as_npz, read_arrays, read_json, write_bytes
from recon.bench.claims import Claims, listed
from recon.bench.writer import Writer
from recon.reports.panels import Array

FORMAT = 1
NAMES = ("dataset", "item", "operator", "noise", "method", "seed")


@dataclass(frozen=True)
class Cell:
    """One method on one measurement.

    Attributes
    ----------
    key
        Under which its result lies: a digest of everything that decides it.
    slot
        The same without the code, so that results of other code are known as such.
    place
        Number of its combination in the benchmark.
    measurement, tuning
        Keys of what it rests on; ``tuning`` is "" where no parameter is to be found.
    """

    key: str
    slot: str
    place: int
    dataset: str
    item: str
    operator: str
    noise: str
    method: str
    seed: int
    measurement: str
    tuning: str = ""

    @property
    def label(self) -> str:
        """How people are told of it."""
        return label_of(asdict(self))


def label_of(cell: Mapping[str, Any]) -> str:
    """How people are told of a cell, by its plan or its record."""
    return "{method} on {dataset}/{item}, {operator}, {noise}, seed {seed}".format_map(cell)


class Store(Claims):
    """A run's folder.

    ``run.yaml`` holds the resolved benchmark, ``environment.json`` what it ran on, ``plan.jsonl`` its cells in order.
    ``measurements/KEY.npz``, ``tuning/KEY.json`` and ``cells/KE/KEY.npz`` with ``cells/KE/KEY.json`` are results; a
    cell is there if its json is, which is written last. ``claims/KEY`` say what is being worked at. Names are digests
    of what the files depend on, so that any number of processes may write.
    """

    @classmethod
    def open(cls, folder: Path) -> Store:
        """A run that exists; StoreError where there is none."""
        if not (folder / "plan.jsonl").is_file():
            raise StoreError(f"{folder} holds no benchmark run: there is no plan.jsonl; recon bench makes one.")
        return cls(folder)

    # ---------------------------------------------------------------- reading

    @cached_property
    def about(self) -> Mapping[str, Any]:
        """What the run says of itself: name, metrics, command, and the environment."""
        found: Mapping[str, Any] = read_json(self.folder / "environment.json") or {}
        return found

    @property
    def name(self) -> str:
        """The benchmark's name."""
        return str(self.about.get("name", self.folder.name))

    @property
    def metrics(self) -> Sequence[str]:
        """The metrics that it asks for, the one that ranks first."""
        return list(self.about.get("metrics", ()))

    @property
    def command(self) -> str:
        """The command that makes it again."""
        return str(self.about.get("command", ""))

    @property
    def environment(self) -> Mapping[str, Any]:
        """Versions, hardware and settings under which it ran last."""
        found: Mapping[str, Any] = self.about.get("environment", {})
        return found

    @property
    def configuration(self) -> str:
        """The resolved benchmark as YAML."""
        try:
            return (self.folder / "run.yaml").read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def plan(self) -> Iterator[Cell]:
        """The cells of the run, finished or not, in the order of the grid."""
        known = {field.name for field in fields(Cell)}
        try:
            with (self.folder / "plan.jsonl").open(encoding="utf-8") as lines:
                for line in lines:
                    yield Cell(**{key: value for key, value in json.loads(line).items() if key in known})
        except FileNotFoundError:
            return

    @cached_property
    def expected(self) -> int:
        """How many cells the run consists of."""
        return sum(1 for _ in self.plan())

    def records(self) -> Iterable[dict[str, Any]]:
        """The records of all finished cells, one after the other, in the order of the grid.

        Names are those of the plan: a key does not depend on them, and they may have been others when it was solved.
        """
        for cell in self.plan():
            record = self.record(cell.key)
            if record is not None:
                yield record | {name: getattr(cell, name) for name in NAMES}

    def record(self, key: str) -> dict[str, Any] | None:
        """The record of a cell; None where it is not finished."""
        found: dict[str, Any] | None = read_json(self._cell(key, "json"))
        return found

    def finished(self) -> set[str]:
        """Keys of all finished cells, those of other plans and older code among them."""
        found = set()
        for start in listed(self.folder / "cells"):
            names = listed(self.folder / "cells" / start)
            found |= {entry[:-5] for entry in names if entry.endswith(".json") and not entry.startswith(".")}
        return found

    def stale(self) -> list[dict[str, Any]]:
        """Records of cells of the plan that other code has made."""
        current = {cell.slot: cell.key for cell in self.plan()}
        left = (self.record(key) for key in sorted(self.finished() - set(current.values())))
        return [record for record in left if record is not None and record.get("slot") in current]

    def arrays(self, key: str) -> dict[str, Array]:
        """``image``, ``std`` of samplers, and ``history/...`` of a cell; empty where it has none."""
        return read_arrays(self._cell(key, "npz"))

    def measurement(self, key: str) -> dict[str, Array]:
        """``data``, and ``truth`` and ``guess``, the first guess, where there are any; empty where it is not there."""
        return read_arrays(self.folder / "measurements" / f"{key}.npz")

    def tuning(self, key: str) -> dict[str, Any] | None:
        """How a parameter was found; None where it has not been."""
        found: dict[str, Any] | None = read_json(self.folder / "tuning" / f"{key}.json")
        return found

    def tunings(self) -> Iterator[dict[str, Any]]:
        """The parameters that the run has found."""
        for key in dict.fromkeys(cell.tuning for cell in self.plan() if cell.tuning):
            found = self.tuning(key)
            if found is not None:
                yield found

    # ---------------------------------------------------------------- writing

    def begin(self, about: Mapping[str, Any], configuration: str, plan: Sequence[Cell]) -> None:
        """Say what the run is; the plan is written last."""
        lines = "".join(json.dumps(asdict(cell), ensure_ascii=False) + "\n" for cell in plan)
        write_bytes(self.folder / "environment.json", as_json(about))
        write_bytes(self.folder / "run.yaml", configuration.encode())
        write_bytes(self.folder / "plan.jsonl", lines.encode())
        for name in ("measurements", "claims"):
            (self.folder / name).mkdir(exist_ok=True)

    def save(self, record: Mapping[str, Any], arrays: Mapping[str, Array], writer: Writer | None = None) -> None:
        """Write a cell, its record last, and release it: at once, or by a writer while other work goes on."""
        key = record["key"]
        files = [(self._cell(key, "npz"), as_npz(arrays))] if arrays else []
        files.append((self._cell(key, "json"), as_json(record)))
        if writer is not None:
            writer.put(files, partial(self.release, key))
            return
        for path, content in files:
            write_bytes(path, content)
        self.release(key)

    def save_measurement(self, key: str, arrays: Mapping[str, Array], writer: Writer | None = None) -> None:
        """Write a measurement, at once or by a writer."""
        path, content = self.folder / "measurements" / f"{key}.npz", as_npz(arrays)
        if writer is not None:
            writer.put([(path, content)], ground=True)
        else:
            write_bytes(path, content)

    def save_tuning(self, record: Mapping[str, Any]) -> None:
        """Write how a parameter was found."""
        write_bytes(self.folder / "tuning" / f"{record['key']}.json", as_json(record))

    def forget(self, key: str) -> None:
        """Take a cell's record away, so that it is solved anew."""
        self._cell(key, "json").unlink(missing_ok=True)

    def forget_tuning(self, key: str) -> None:
        """Take away how a parameter was found, so that it is looked for anew."""
        (self.folder / "tuning" / f"{key}.json").unlink(missing_ok=True)

    def _cell(self, key: str, ending: str) -> Path:
        return self.folder / "cells" / key[:2] / f"{key}.{ending}"
