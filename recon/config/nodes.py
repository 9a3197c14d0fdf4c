"""YAML as a tree that remembers where everything stood and how it was spelled.

YAML 1.2: ``no``, ``on`` and ``off`` are words, ``1e-3`` is a number, ``010`` is ten, and a key may stand once only.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from recon.config.errors import ConfigError, Mark


@dataclass(frozen=True)
class Scalar:
    """A number, a word, true, false or null."""

    mark: Mark
    value: Any
    text: str


@dataclass(frozen=True)
class List:
    """A sequence."""

    mark: Mark
    items: tuple[Node, ...]


@dataclass(frozen=True)
class Map:
    """A mapping; ``keys`` holds the places of the keys themselves."""

    mark: Mark
    entries: dict[str, Node]
    keys: dict[str, Mark]


Node = Scalar | List | Map


def plain(node: Node) -> Any:
    """The value without the places."""
    if isinstance(node, Map):
        return {key: plain(value) for key, value in node.entries.items()}
    if isinstance(node, List):
        return [plain(item) for item in node.items]
    return node.value


def is_null(node: Node) -> bool:
    """Whether the node is ``null`` or nothing."""
    return isinstance(node, Scalar) and node.value is None


def shown(node: Node) -> str:
    """How a message quotes what it found."""
    if isinstance(node, Map):
        return "a mapping"
    if isinstance(node, List):
        short = all(isinstance(item, Scalar) for item in node.items) and len(str(plain(node))) < 40
        return f"the list {plain(node)}" if short else "a list"
    if node.value is None:
        return "nothing"
    return repr(node.value) if isinstance(node.value, str) else node.text


def read_yaml(path: Path) -> Node:
    """The tree of a file; a :class:`ConfigError` where it cannot be read or parsed."""
    name = display(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(name, "there is no such file.") from None
    except IsADirectoryError:
        raise ConfigError(name, "this is a folder; expected a YAML file.") from None
    except UnicodeDecodeError:
        raise ConfigError(name, "this is not a text file in UTF-8; expected YAML.") from None
    except OSError as error:
        raise ConfigError(name, f"the file cannot be read: {error.strerror}.") from None
    return parse_yaml(text, Mark(name, 1, 1, path.parent))


def display(path: Path) -> str:
    """The path as messages show it: relative where it lies below the current folder."""
    try:
        return os.fspath(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return os.fspath(path)


def parse_yaml(text: str, origin: Mark) -> Node:
    """The tree of a text. ``origin.line`` 0 says that everything in it has the place ``origin``."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    parser = YAML(typ="safe", pure=True)
    parser.version = (1, 2)
    try:
        root = parser.compose(StringIO(text))
    except MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        where = _mark(origin, at) if at is not None else origin
        raise ConfigError(where, f"this is not valid YAML: {error.problem}.") from None
    except YAMLError as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ConfigError(origin, f"this is not valid YAML: {reason}.") from None
    if root is None:
        return Scalar(origin, None, "")
    try:
        return _Reader(origin, parser.constructor).node(root)
    except RecursionError:
        raise ConfigError(origin, "an anchor contains itself, or the file is nested too deeply.") from None


def _mark(origin: Mark, at: Any) -> Mark:
    return Mark(origin.file, at.line + 1, at.column + 1, origin.folder) if origin.line else origin


@dataclass(frozen=True)
class _Reader:
    origin: Mark
    constructor: Any

    def node(self, raw: Any) -> Node:
        mark = _mark(self.origin, raw.start_mark)
        if raw.id == "sequence":
            return List(mark, tuple(self.node(item) for item in raw.value))
        if raw.id == "mapping":
            return self.mapping(raw, mark)
        kind = raw.tag.rpartition(":")[2]
        if kind in ("str", "timestamp"):
            return Scalar(mark, raw.value, raw.value)
        if kind not in ("int", "float", "bool", "null"):
            raise ConfigError(mark, f"YAML tags are not used in jobs, got {raw.tag!r}.")
        return Scalar(mark, self.constructor.construct_object(raw), raw.value)

    def mapping(self, raw: Any, mark: Mark) -> Map:
        entries: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        merged: dict[str, Node] = {}
        for raw_key, raw_value in raw.value:
            at = _mark(self.origin, raw_key.start_mark)
            if raw_key.id != "scalar":
                raise ConfigError(at, "a key must be a word, got a list or a mapping.")
            if raw_key.tag.endswith(":merge"):
                merged |= self.merge(raw_value)
                continue
            key = str(raw_key.value)
            if key in entries:
                raise ConfigError(at, f"the key {key!r} stands here a second time; first at line {keys[key].line}.")
            entries[key], keys[key] = self.node(raw_value), at
        places = {key: value.mark for key, value in merged.items()}
        return Map(mark, {**merged, **entries}, {**places, **keys})

    def merge(self, raw: Any) -> dict[str, Node]:
        """The entries that ``<<: *anchor`` brings in."""
        node = self.node(raw)
        sources = node.items if isinstance(node, List) else (node,)
        merged: dict[str, Node] = {}
        for source in reversed(sources):
            if not isinstance(source, Map):
                raise ConfigError(source.mark, f"'<<' expects a mapping, got {shown(source)}.")
            merged |= source.entries
        return merged
