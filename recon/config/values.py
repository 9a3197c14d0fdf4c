"""What a checked configuration consists of: plain values, paths, and the descriptions of arrays and components."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recon.config.errors import Mark
from recon.config.nodes import Map

Value = Any
"""A plain value, a Path, an ArraySpec, a ComponentSpec, a ScanSpec, an ImportSpec, or a list or mapping of these."""

FROM_FILE = "from-file"
FIRST_GUESS = "first-guess"
ASTRA = "astra"
ESTIMATE = "estimate"


@dataclass(frozen=True)
class ArraySpec:
    """Where an array parameter gets its numbers.

    Attributes
    ----------
    role
        Name of the parameter, which is what ``from-file`` looks up in the item.
    source
        ``"numbers"`` (``value`` holds them), ``"span"`` (``value`` is start, stop, count; stop is left out),
        ``"file"`` (``value`` is the path), ``"item"``, and for references of priors ``"guess"``, the first guess, and
        ``"solve"``, a first reconstruction (``value`` holds its ``prior``, one or a list, and its ``solver`` if given).
    key, index
        Which array of the file, and which entry along its first axis.
    """

    mark: Mark
    role: str
    source: str
    value: Any = None
    key: str | None = None
    index: int | tuple[int, ...] | None = None

    def plain(self) -> Any:
        """As it would be written in a job."""
        if self.source == "item":
            return FROM_FILE
        if self.source == "guess":
            return FIRST_GUESS
        if self.source == "solve":
            return plain(self.value)
        if self.source == "span":
            return dict(zip(("start", "stop", "count"), self.value, strict=True))
        if self.source == "file":
            index = list(self.index) if isinstance(self.index, tuple) else self.index
            rest = {"key": self.key, "index": index}
            return {"file": str(self.value.absolute()), **{k: v for k, v in rest.items() if v is not None}}
        return self.value


@dataclass(frozen=True)
class StopSpec:
    """The rules that stop a solver, any of them: key of the job to its limit."""

    limits: Mapping[str, float | int]
    mark: Mark
    marks: Mapping[str, Mark] = field(default_factory=dict)

    def plain(self) -> dict[str, float | int]:
        """As it would be written in a job."""
        return dict(self.limits)


@dataclass(frozen=True)
class ComponentSpec:
    """A component of ours with checked parameters, defaults filled in where they are plain.

    Attributes
    ----------
    path
        Import path of the class.
    name
        Its usual YAML name; "" where the place allows one class only and none was given.
    label
        How messages call it: ``prior 'tv'``.
    options
        Keys that the job handles itself instead of passing them on, such as ``angle_unit``.
    mark, marks
        Where the component stands, and each of the parameters that were given.
    """

    path: str
    name: str
    label: str
    params: Mapping[str, Value]
    mark: Mark
    marks: Mapping[str, Mark] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def given(self, name: str) -> bool:
        """Whether the job itself names the parameter."""
        return name in self.marks

    def at(self, name: str) -> Mark:
        """Where a parameter stands, or else the component."""
        return self.marks.get(name, self.mark)

    def plain(self) -> dict[str, Any]:
        """As it would be written in a job, with all defaults."""
        named = {"name": self.name} if self.name else {}
        return {**named, **{key: plain(value) for key, value in self.params.items()}, **self.options}


@dataclass(frozen=True)
class ScanSpec:
    """A scan geometry that is described outside the job: by the files of the data, or by ASTRA's dictionaries.

    Attributes
    ----------
    file
        The file with ASTRA's dictionaries; None where each item brings its own geometry.
    unit
        Length of ASTRA's unit in mm.
    flip_rows
        Whether images are meant with ASTRA's last row first, so that its fans are ours.
    label
        How messages call it: ``geometry 'from-file'``.
    params
        Parameters that the job sets over the described ones; checked against the class once that is known.
    """

    label: str
    params: Map
    mark: Mark
    file: Path | None = None
    unit: float = 1.0
    flip_rows: bool = False
    marks: Mapping[str, Mark] = field(default_factory=dict)

    def at(self, name: str) -> Mark:
        """Where a parameter stands, or else the geometry."""
        return self.marks.get(name, self.mark)

    def plain(self) -> dict[str, Any]:
        """As it would be written in a job."""
        from recon.config.nodes import plain as plain_node

        if self.file is None:
            return {"name": FROM_FILE, **plain_node(self.params)}
        own = {"file": str(self.file.absolute()), "unit": self.unit, "flip_rows": self.flip_rows}
        return {"name": ASTRA, **own, **plain_node(self.params)}


@dataclass(frozen=True)
class ImportSpec:
    """A component of somebody else: ``my_package.MyPrior`` or ``my_file.py:MyPrior``, with unchecked parameters.

    Attributes
    ----------
    bases
        Import paths of the classes that fit this place; empty where anything does.
    word
        What is expected, for messages: ``prior``.
    """

    path: str
    label: str
    word: str
    bases: tuple[str, ...]
    params: Map
    mark: Mark

    def plain(self) -> dict[str, Any]:
        """As it would be written in a job."""
        from recon.config.nodes import plain as plain_node

        return {"name": self.path, **plain_node(self.params)}


def plain(value: Value) -> Any:
    """Any checked value as YAML or JSON would hold it."""
    if isinstance(value, ArraySpec | StopSpec | ComponentSpec | ScanSpec | ImportSpec):
        return value.plain()
    if isinstance(value, Path):
        return str(value.absolute())
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value


def walk(value: Value) -> Iterator[Value]:
    """A value and everything inside it, the outer before the inner."""
    yield value
    inside: Any = ()
    if isinstance(value, ArraySpec) and value.source == "solve":
        inside = value.value.values()
    elif isinstance(value, ComponentSpec):
        inside = value.params.values()
    elif isinstance(value, Mapping):
        inside = value.values()
    elif isinstance(value, list | tuple):
        inside = value
    for entry in inside:
        yield from walk(entry)


def arrays(value: Value) -> Iterator[ArraySpec]:
    """Every array inside a value."""
    return (entry for entry in walk(value) if isinstance(entry, ArraySpec))


def components(value: Value) -> Iterator[ComponentSpec]:
    """Every component inside a value whose class is known."""
    return (entry for entry in walk(value) if isinstance(entry, ComponentSpec))


def foreign(value: Value) -> Iterator[ImportSpec]:
    """Every component inside a value that is yet to be imported."""
    return (entry for entry in walk(value) if isinstance(entry, ImportSpec))


def scans(value: Value) -> Iterator[ScanSpec]:
    """Every scan geometry inside a value that is described elsewhere."""
    return (entry for entry in walk(value) if isinstance(entry, ScanSpec))


def paths(value: Value) -> Iterator[tuple[ComponentSpec | ScanSpec, str, Path]]:
    """Every path to something that must exist: its owner, the parameter, the path."""
    for scan in scans(value):
        if scan.file is not None:
            yield scan, "file", scan.file
    for owner in components(value):
        for name, entry in owner.params.items():
            if isinstance(entry, Path) and owner.label != "output":
                yield owner, name, entry
