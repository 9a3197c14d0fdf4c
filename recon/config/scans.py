"""Scan geometries described outside the job: ``geometry: from-file`` and ``{name: astra, file: scan.json}``."""

from __future__ import annotations

from collections.abc import Iterable

from recon.config.annotations import kind_of
from recon.config.checks import resolve_path
from recon.config.errors import ConfigError, suggestion
from recon.config.extras import GEOMETRY
from recon.config.kinds import Array, Plain, Union
from recon.config.nodes import Map, Scalar, shown
from recon.config.scalars import NotThat, convert
from recon.config.values import ASTRA, FROM_FILE, ScanSpec
from recon.parameters import Parameter
from recon.registry import find, members
from recon.signatures import ClassInfo

DESCRIBED = (FROM_FILE, ASTRA)
"""Names of geometries that are no classes of ours."""
_OWN = {FROM_FILE: (), ASTRA: ("file", "unit", "flip_rows")}


def check_scan(name: Scalar, params: Map) -> ScanSpec:
    """The description; a :class:`ConfigError` for parameters that no geometry has."""
    label = f"geometry {name.text!r}"
    own = _OWN[name.text]
    rest = Map(
        params.mark,
        {key: node for key, node in params.entries.items() if key not in own},
        {key: mark for key, mark in params.keys.items() if key not in own},
    )
    _check_overrides(label, rest, [member.info for member in members(GEOMETRY)], own)
    marks = {key: node.mark for key, node in params.entries.items()}
    if name.text == FROM_FILE:
        return ScanSpec(label, rest, name.mark, marks=marks)
    file = params.entries.get("file")
    if not isinstance(file, Scalar) or not isinstance(file.value, str):
        raise ConfigError(name.mark, f"{label} needs 'file': a JSON or YAML file with ASTRA's dictionaries.")
    return ScanSpec(label, rest, name.mark, resolve_path(file), _unit(label, params), _flip(label, params), marks)


def check_reader(scan: ScanSpec, reader: ClassInfo, label: str) -> None:
    """Refuse ``from-file`` for a reader that finds no geometry, and parameters that those it finds do not have."""
    found = reader.attribute("geometries")
    if not found:
        able = [member.names[0] for member in members("recon.files.reader.Reader") if _geometries(member.info)]
        known = " or ".join(filter(None, (", ".join(able[:-1]), able[-1]))) if able else "none"
        raise ConfigError(
            scan.mark, f"{label} finds no geometry in its files; write it out here, or read them as {known}."
        )
    infos = [member.info for name in found if (member := find(GEOMETRY, name)) is not None]
    _check_overrides(scan.label, scan.params, infos, ())


def _geometries(reader: ClassInfo) -> tuple[str, ...]:
    return tuple(reader.attribute("geometries") or ())


def _check_overrides(label: str, params: Map, infos: Iterable[ClassInfo], own: Iterable[str]) -> None:
    known: dict[str, Parameter] = {name: p for info in infos for name, p in info.parameters.items()}
    plain = [name for name, parameter in known.items() if not _per_view(parameter)]
    for key, node in params.entries.items():
        if key not in known:
            raise ConfigError(params.keys[key], f"{label} takes no {key!r}{suggestion(key, [*own, *plain])}")
        if key not in plain:
            raise ConfigError(node.mark, f"{label} takes {key!r} from the file, too; leave it out here.")


def _per_view(parameter: Parameter) -> bool:
    """Whether the parameter is an array, which holds one entry for each view."""
    kind = kind_of(parameter)
    options = kind.options if isinstance(kind, Union) else (kind,)
    return any(isinstance(option, Array) for option in options)


def _flip(label: str, params: Map) -> bool:
    node = params.entries.get("flip_rows")
    if node is None:
        return False
    try:
        if isinstance(node, Scalar):
            return bool(convert(Plain("flag"), node))
    except NotThat:
        pass
    raise ConfigError(node.mark, f"{label} expects true or false for 'flip_rows', got {shown(node)}.")


def _unit(label: str, params: Map) -> float:
    node = params.entries.get("unit")
    if node is None:
        return 1.0
    try:
        value = float(convert(Plain("number"), node)) if isinstance(node, Scalar) else 0.0
    except NotThat:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ConfigError(node.mark, f"{label} expects a length in mm above 0 for 'unit', got {shown(node)}.")
    return value
