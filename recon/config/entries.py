"""The datasets, operators, noise models and methods of a benchmark, sweeps written out, each under its own name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from recon.config.components import Components
from recon.config.errors import ConfigError, Mark
from recon.config.nodes import List, Map, Node, Scalar, shown
from recon.config.patterns import AXES, Filter, read_filter
from recon.config.sweeps import Tag, suffix, variants
from recon.config.tunes import Tune, find_tune, with_value
from recon.config.values import ComponentSpec
from recon.signatures import find_class

LISTS = {"dataset": "datasets", "operator": "operators", "noise": "noise", "method": "methods"}
"""Axis of the grid to the key that lists its entries."""
FILTERS = {"dataset": "with", "operator": "with", "noise": "with", "method": "on"}
"""Axis of the grid to the key that says what an entry is combined with."""
_OWN = {"dataset": "recon.config.bench.Dataset", "method": "recon.config.bench.Method"}


@dataclass(frozen=True)
class Entry:
    """One entry of an axis of the grid.

    Attributes
    ----------
    node
        What a job gets: the reader, operator or noise, or a mapping of solver, prior, fidelity and samples. Null for
        noise that nothing is said of.
    preprocess
        The steps of a dataset.
    keys
        The checked keys of a dataset or a method; None for the other axes.
    filter
        What it is combined with; None for everything.
    tune
        The parameter of a method that is to be found.
    """

    axis: str
    id: str
    node: Node
    mark: Mark
    preprocess: Node | None = None
    keys: ComponentSpec | None = None
    filter: Filter | None = None
    tune: Tune | None = None

    def key(self, name: str) -> Any:
        """One of a dataset's or a method's checked keys."""
        assert self.keys is not None
        return self.keys.params[name]

    def method(self, value: float) -> Map:
        """A method with a value for the parameter that is to be found."""
        assert isinstance(self.node, Map)
        return self.node if self.tune is None else with_value(self.node, self.tune, value)


def entries(tree: Map, axis: str) -> list[Entry]:
    """All entries of an axis; ConfigError where one is malformed or two have one name."""
    given = tree.entries.get(LISTS[axis])
    if axis == "noise" and given is None:
        return [Entry(axis, "as measured", Scalar(tree.mark, None, ""), tree.mark)]
    assert given is not None
    items = given.items if isinstance(given, List) else (given,)
    found = [entry for item in items for entry in _variants(item, axis)]
    if not found:
        raise ConfigError(given.mark, f"{LISTS[axis]!r} expects at least one entry.")
    seen: dict[str, Entry] = {}
    for entry in found:
        if entry.id in seen:
            first = seen[entry.id].mark
            raise ConfigError(entry.mark, f"a second {axis} is called {entry.id!r}, as that at {first}; add an id.")
        seen[entry.id] = entry
    return found


def _variants(node: Node, axis: str) -> Iterator[Entry]:
    for one, tags in variants(node):
        if isinstance(one, Scalar) and isinstance(one.value, str) and axis != "method":
            one = Map(one.mark, {"name": one}, {"name": one.mark})
        if not isinstance(one, Map):
            raise ConfigError(one.mark, f"{LISTS[axis]!r} expects mappings, got {shown(one)}.")
        own = [tag for tag in tags if tag.path[:1] not in (("id",), ("with",), ("on",))]
        yield _entry(one, axis, suffix([tag for tag in own if not _told(tag, one, axis)]))


def _told(tag: Tag, node: Map, axis: str) -> bool:
    """Whether the name of an entry says by itself which one of a sweep was taken."""
    given = node.entries.get("id")
    if given is not None:
        return not tag.path and isinstance(given, Scalar) and tag.label == given.text
    parts = tag.path[:-1] if tag.path[-1:] == ("name",) else tag.path
    if axis != "method":
        return not parts and tag.label == _text(node.entries.get("name"))
    part = node.entries.get(parts[0]) if parts in (("solver",), ("prior",)) else None
    return any(tag.label == _text(one) for one in (part.items if isinstance(part, List) else (part,)))


def _text(node: Node | None) -> str | None:
    """The name of a component as it is written."""
    if isinstance(node, Map):
        node = node.entries.get("name")
    return node.text if isinstance(node, Scalar) and isinstance(node.value, str) else None


def _entry(node: Map, axis: str, tail: str) -> Entry:
    word = FILTERS[axis]
    others = [other for other in AXES if other != axis]
    for key in {*FILTERS.values()} - {word}:
        if key in node.entries:
            raise ConfigError(node.keys[key], f"{LISTS[axis]!r} choose what they go with by {word!r}, not by {key!r}.")
    filter_ = read_filter(node.entries[word], f"{word!r}", others) if word in node.entries else None
    rest = _without(node, (word,))
    tune = find_tune(rest) if axis == "method" else None
    keys = None
    if axis in _OWN:
        info = find_class(_OWN[axis])
        assert info is not None
        whole = rest if tune is None else with_value(rest, tune, tune.middle)
        own = whole if axis == "method" else _only(whole, tuple(info.parameters))
        keys = Components().fill(info, "", f"a {axis}", own)
        _check_counts(keys)
        rest = _without(rest, ("id",) if axis == "method" else tuple(info.parameters))
    else:
        rest = _without(rest, ("id",))
    preprocess = node.entries.get("preprocess") if axis == "dataset" else None
    return Entry(axis, _name(node, axis) + tail, rest, node.mark, preprocess, keys, filter_, tune)


def _check_counts(keys: ComponentSpec) -> None:
    for name, least in (("limit", 1), ("validation", 0), ("samples", 1), ("chunk", 1)):
        value = keys.params.get(name)
        if value is not None and value < least:
            raise ConfigError(keys.at(name), f"{name} expects a whole number from {least} up, got {value}.")


def _name(node: Map, axis: str) -> str:
    given = node.entries.get("id")
    if given is not None:
        if not isinstance(given, Scalar) or not given.text or any(sign in given.text for sign in "*?["):
            raise ConfigError(given.mark, f"an id is text without '*', '?' and '[', got {shown(given)}.")
        return given.text
    if axis == "method":
        words = [_word(node.entries.get(key)) for key in ("solver", "prior")]
        return "-".join(filter(None, words)) or "auto"
    return _word(node) or axis


def _word(node: Node | None) -> str:
    """The name of a component, or of several."""
    if isinstance(node, Scalar):
        return node.text.rpartition(":")[2].rpartition(".")[2] if isinstance(node.value, str) else ""
    if isinstance(node, Map):
        return _word(node.entries.get("name"))
    return "+".join(filter(None, map(_word, node.items))) if isinstance(node, List) else ""


def _without(node: Map, names: Sequence[str]) -> Map:
    return _chosen(node, [key for key in node.entries if key not in names])


def _only(node: Map, names: Sequence[str]) -> Map:
    return _chosen(node, [key for key in node.entries if key in names])


def _chosen(node: Map, names: Sequence[str]) -> Map:
    marks = {key: node.keys.get(key, node.mark) for key in names}
    return Map(node.mark, {key: node.entries[key] for key in names}, marks)
